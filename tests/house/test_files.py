"""What no file of the project may hold: addresses of registries, paths of a machine, and work left for later."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
LATER = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b")
# A path of one part is a word like any other.
PATHS = [str(path) for path in (PROJECT, Path.home()) if len(path.parts) > 2]
MACHINE = re.compile("|".join([*map(re.escape, PATHS), r"/home/[a-z]\w*/", r"/Users/\w+/", "/roo[t]/"]))


def ignored() -> list[str]:
    """Give the patterns of files that are never committed."""
    lines = (PROJECT / ".gitignore").read_text().split()
    return [line.rstrip("/") for line in lines] + [".git"]


@cache
def texts() -> dict[str, str]:
    """Give the text of every file that is or would be committed, by its path."""
    found = {}
    patterns = ignored()
    for folder, folders, files in os.walk(PROJECT):
        folders[:] = [name for name in folders if not any(fnmatch(name, pattern) for pattern in patterns)]
        for name in files:
            if not any(fnmatch(name, pattern) for pattern in patterns):
                path = Path(folder) / name
                content = path.read_bytes()
                if b"\0" not in content:
                    found[path.relative_to(PROJECT).as_posix()] = content.decode("utf-8")
    return found


def test_no_lock_names_a_registry():
    locks = {path: text for path, text in texts().items() if path.endswith(".lock")}
    assert {"requirements.lock", "requirements-test.lock"} <= set(locks)
    assert [path for path, text in locks.items() if "://" in text] == []
    assert not {"uv.lock", "pylock.toml"} & set(texts())


def test_no_file_names_a_place_on_one_machine():
    assert {path: found[0] for path, text in texts().items() if (found := MACHINE.search(text))} == {}


def test_nothing_is_left_for_later():
    assert {path: found[0] for path, text in texts().items() if (found := LATER.search(text))} == {}


def test_every_text_ends_with_one_line_end():
    kinds = (".py", ".html", ".txt", ".md", ".toml", ".css", ".js", ".xml")
    wrong = [
        path for path, text in texts().items() if path.endswith(kinds) and text and (not text.endswith("\n") or "\r" in text)
    ]
    assert wrong == []
