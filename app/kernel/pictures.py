"""Pictures that people send: known by what is in them, not by their name, and written anew so that nothing travels along."""

from __future__ import annotations

import hashlib
import io
import threading
from dataclasses import dataclass

from PIL import Image, ImageOps

from app.kernel.errors import Invalid

LARGEST = 1024 * 1024
# A picture of few bytes may unfold into very many points.
MOST_POINTS = 4_000_000
# Each scan of a JPEG is drawn over the whole picture once more; programs write about ten.
MOST_SCANS = 64
JPEG, SCAN = b"\xff\xd8", b"\xff\xda"
FORMATS = ("PNG", "JPEG", "WEBP")
# Pictures unfold one after the other, so that several at once do not take all of the memory.
_turn = threading.Lock()
NO_PICTURE = (
    "This is no PNG, JPEG or WebP picture that can be read. Save it as one of these, and send that. An SVG cannot be used."
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as PNG, with its size and what stands for its content in an address."""

    png: bytes
    width: int
    height: int
    digest: str


def fitted(content: bytes, width: int, height: int) -> Picture:
    """Give a picture on white, no larger than this; raises Invalid, for the form's logo, with what to do."""
    if len(content) > LARGEST:
        raise Invalid("This picture is larger than 1 MB. Save it smaller, and send that.", field="logo")
    if content.startswith(JPEG) and content.count(SCAN) > MOST_SCANS:
        raise Invalid("This JPEG is written in too many parts. Save it as a PNG, and send that.", field="logo")
    with _turn:
        return _fitted(content, width, height)


def _fitted(content: bytes, width: int, height: int) -> Picture:
    drawn = _drawn(content)
    drawn.thumbnail((width, height), Image.Resampling.LANCZOS)
    # Dark letters without a ground would vanish where a reader's mails are dark.
    ground = Image.new("RGBA", drawn.size, "white")
    ground.alpha_composite(drawn)
    written = io.BytesIO()
    ground.convert("RGB").save(written, "PNG", optimize=True)
    png = written.getvalue()
    return Picture(png, *ground.size, hashlib.sha256(png).hexdigest()[:32])


def _drawn(content: bytes) -> Image.Image:
    """Read a picture as it is to be seen; what is wrong with it may show only while it unfolds."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as sent:
            _demand_few_points(sent)
            return ImageOps.exif_transpose(sent).convert("RGBA")
    except Invalid:
        raise
    except Exception as error:
        raise Invalid(NO_PICTURE, field="logo") from error


def _demand_few_points(sent: Image.Image) -> None:
    if sent.width * sent.height > MOST_POINTS:
        raise Invalid("This picture has too many points. Make it at most 2,000 wide and high.", field="logo")
