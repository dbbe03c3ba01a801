"""Structured logs: one line for each request, with an id that the error page shows too."""

from __future__ import annotations

import logging
import secrets
import sys
import time
from typing import TYPE_CHECKING

import structlog
from flask import g, request

if TYPE_CHECKING:
    from flask import Flask, Response

log = structlog.get_logger(__name__)
QUIET = ("/static/", "/healthz", "/readyz")


def configure(log_format: str) -> None:
    """Write logs to standard error, as JSON for machines or as text for people."""
    renderer = structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def init_app(app: Flask) -> None:
    """Give every request an id and log how it ended."""

    @app.before_request
    def begin() -> None:
        g.request_id = secrets.token_hex(8)
        g.began = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        if not request.path.startswith(QUIET):
            milliseconds = round((time.perf_counter() - g.began) * 1000, 1)
            # The rule and not the path: the path of a link that was mailed is a secret.
            rule = str(request.url_rule) if request.url_rule else "unknown"
            log.info("request", method=request.method, rule=rule, status=response.status_code, milliseconds=milliseconds)
        return response
