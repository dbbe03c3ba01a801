"""One server for the measurement: below /bare an application of Flask that does nothing, everywhere else the shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask

from app.wsgi import application as shop

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

bare = Flask("bare")


@bare.get("/bare")
def hello() -> str:
    """Answer as briefly as can be."""
    return "hello"


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer by path."""
    site = bare if environ["PATH_INFO"] == "/bare" else shop
    return site(environ, start_response)
