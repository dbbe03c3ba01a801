"""Static files, published under the hash of their content so that browsers may keep them for ever."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from flask import current_app, request, send_from_directory

from app.kernel import files
from app.permissions import ANYONE
from app.web import typefaces
from app.web.area import Area

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

SOURCE = Path(__file__).parents[1] / "static"
STYLES = ("tokens", "base", "components", "figures", "people", "pages", "storefront", "classroom", "print")
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".ico": "image/x-icon"}
SQUEEZED = frozenset({".css", ".js", ".svg"})
YEAR = 31_536_000
area = Area("assets")


def publish(data: Path) -> Path:
    """Put the static files into the data folder under their hash, unless they are there, and give that folder."""
    contents = _contents(data)
    digest = hashlib.sha256()
    for name, content in sorted(contents.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    folder = data / "static" / digest.hexdigest()[:16]
    complete = folder / ".complete"
    if not complete.exists():
        for name, content in contents.items():
            files.write(folder / name, content)
            if Path(name).suffix in SQUEEZED:
                files.write(folder / f"{name}.gz", gzip.compress(content, mtime=0))
        files.write(complete, b"")
    return folder


def _contents(data: Path) -> dict[str, bytes]:
    """Give every published file by its name: the sources, the style sheets as one, and the fonts."""
    sources = (path for path in SOURCE.rglob("*") if path.is_file() and path.suffix != ".css")
    contents = {path.relative_to(SOURCE).as_posix(): path.read_bytes() for path in sources}
    contents["css/lanyard.css"] = b"".join((SOURCE / "css" / f"{name}.css").read_bytes() for name in STYLES)
    contents.update({f"fonts/{name}": content for name, content in typefaces.published(data).items()})
    return contents


def url(name: str) -> str:
    """Give the address of a static file."""
    folder: Path = current_app.config["STATIC_FOLDER"]
    return f"/static/{folder.name}/{name}"


@area.page("/static/<version>/<path:name>", allow=ANYONE)
def static_file(version: str, name: str) -> ResponseReturnValue:
    """Serve a static file; its address changes whenever its content does."""
    return _send(name, is_fresh=version == current_app.config["STATIC_FOLDER"].name)


@area.page("/favicon.ico", allow=ANYONE)
def favicon() -> ResponseReturnValue:
    """Serve the icon to browsers that ask for it without reading a page."""
    return _send("img/favicon.ico", is_fresh=False)


def _send(name: str, *, is_fresh: bool) -> ResponseReturnValue:
    """Send a published file, compressed where that helps; kept for ever only under the address that its content made."""
    suffix = Path(name).suffix
    is_squeezed = suffix in SQUEEZED and request.accept_encodings.quality("gzip") > 0
    stored = f"{name}.gz" if is_squeezed else name
    folder: Path = current_app.config["STATIC_FOLDER"]
    response = send_from_directory(folder, stored, mimetype=TYPES.get(suffix), max_age=YEAR if is_fresh else 0)
    if is_fresh:
        response.cache_control.immutable = True
    if suffix in SQUEEZED:
        response.vary.add("Accept-Encoding")
        if is_squeezed:
            response.content_encoding = "gzip"
    return response
