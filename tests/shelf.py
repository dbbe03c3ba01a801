"""A small shelf for tests, read from files as the shop's own is: that one may change, and this one stays."""

from __future__ import annotations

from pathlib import Path

from catalog.shelf import importing

FOLDER = Path(__file__).with_name("content")
SHELF = importing.read(FOLDER)
