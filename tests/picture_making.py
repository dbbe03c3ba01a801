"""Pictures as people send them, for tests."""

from __future__ import annotations

import io

from PIL import Image


def picture(width: int = 800, height: int = 200, *, kind: str = "PNG", colour: str = "#1c4477") -> bytes:
    """Make a picture of one colour."""
    content = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(content, kind)
    return content.getvalue()
