"""Which names the shop answers to: its own address, and this machine's names for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from flask import request
from werkzeug.exceptions import SecurityError
from werkzeug.utils import redirect

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from flask import Flask

    from app.settings import Settings

THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})
DEFAULT_PORTS = {"http": 80, "https": 443}
# Watchers, the payment provider and pages that are open already come by whatever name they know.
BY_ANY_NAME = ("/healthz", "/readyz", "/hooks/", "/static/")
# What a path may hold besides letters and digits (RFC 3986).
IN_A_PATH = "/:@!$&'()*+,;=-._~"


def init_app(app: Flask, settings: Settings) -> None:
    """Refuse every request that comes by a name that is not the shop's; Werkzeug's own list knows no IPv6."""
    trusted = THIS_MACHINE | {_ascii(urlsplit(settings.url).hostname)}

    @app.before_request
    def refuse_other_names() -> None:
        if _name_and_port(request.host)[0] not in trusted:
            raise SecurityError


class OneName:
    """Sends whoever reads the shop by another of its names to the address it goes by.

    Cookies belong to one name, and so do the forms that a page may send: the shop by two names is two half shops. The port must
    be the shop's own, because on another one a proxy of somebody's stands in front, who would be sent round in circles.
    """

    def __init__(self, site: WSGIApplication, url: str) -> None:
        """Stand before the site that is reached at an address."""
        self._site = site
        self._url = url
        parts = urlsplit(url)
        self._name = _ascii(parts.hostname)
        self._port = parts.port or DEFAULT_PORTS[parts.scheme]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a page by another name with the way to it, and pass on everything else."""
        name, port = _name_and_port(environ.get("HTTP_HOST", ""))
        is_other = name in THIS_MACHINE and name != self._name and (port or DEFAULT_PORTS["http"]) == self._port
        path = environ.get("PATH_INFO", "")
        if not is_other or environ["REQUEST_METHOD"] not in {"GET", "HEAD"} or path.startswith(BY_ANY_NAME):
            return self._site(environ, start_response)
        query = environ.get("QUERY_STRING", "")
        address = self._url + quote(path.encode("latin-1"), safe=IN_A_PATH) + (f"?{query}" if query else "")
        return redirect(address, 307)(environ, start_response)


def _name_and_port(host: str) -> tuple[str | None, int | None]:
    """Take a Host header apart; without a name when it makes no sense."""
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname, parts.port
    except ValueError:
        return None, None
    return (None, None) if "@" in host else (name, port)


def _ascii(name: str | None) -> str:
    """Give a name as browsers send it."""
    return (name or "").encode("idna").decode()
