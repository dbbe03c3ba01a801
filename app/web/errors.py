"""What a visitor sees when something is refused or goes wrong."""

from __future__ import annotations

from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING

import structlog
from flask import g, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound, SecurityError

from app.kernel.errors import Invalid, Refusal
from app.web import uploads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask import Flask
    from flask.typing import ResponseReturnValue

log = structlog.get_logger(__name__)

TITLES = {
    400: "That did not arrive as it should",
    403: "This is not open to you",
    404: "We cannot find that page",
    405: "That address does not work like this",
    409: "Something else happened first",
    413: "That is too large",
    422: "Please look at this again",
    500: "Something went wrong at our end",
    503: "Not available just now",
}
ADVICE = {
    400: "Go back, reload the page and try again.",
    403: "Ask an owner or an admin of your organisation.",
    404: "If you typed the address, check it. If you followed a link, it may be old, or meant for somebody else.",
    405: "Go back and use the button or link on the page.",
    500: "Nothing you entered has been half-saved. Please try again; if it happens again, tell us the reference below.",
    503: "Please try again in a minute.",
}


def init_app(app: Flask) -> None:
    """Give every refusal, every HTTP error and every fault a page of its own."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(SecurityError, _unknown_host)
    app.register_error_handler(HTTPException, _http_error)
    app.before_request(_refuse_unreadable)


def _refused(refusal: Refusal) -> ResponseReturnValue:
    # Not the message: it is for the person who asked, and may hold names.
    log.info("refused", kind=type(refusal).__name__, endpoint=request.endpoint, **refusal.facts)
    return _page(refusal.status, refusal.message)


def _stale_form(_error: CSRFError) -> ResponseReturnValue:
    return _page(
        400,
        "The page was open for too long, so we could not be sure the form came from you. Go back, reload it and send it again.",
    )


def _unknown_host(_error: SecurityError) -> ResponseReturnValue:
    """Answer in plain text: without a host that is ours, no page can say where its links lead."""
    return "This shop does not answer to that name.\n", 400, {"Content-Type": "text/plain; charset=utf-8"}


def _refuse_unreadable() -> None:
    """Refuse an address or a form that holds the character NUL, which PostgreSQL can neither look for nor keep."""
    if "\0" in request.path or _has_nul(request.args.items(multi=True)):
        raise NotFound
    names = ((file.filename or "", "") for file in request.files.values())
    if _has_nul(chain(request.form.items(multi=True), names)):
        raise Invalid("What you sent holds a sign that cannot be kept (NUL). Go back, take it out and send it again.")


def _has_nul(pairs: Iterable[tuple[str, str]]) -> bool:
    return any("\0" in key or "\0" in value for key, value in pairs)


def _http_error(error: HTTPException) -> ResponseReturnValue:
    code = error.code or 500
    if code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return _page(code, uploads.too_large())
    if code in {301, 302, 303, 307, 308}:
        return error.get_response()
    if isinstance(error, InternalServerError):
        log.error("fault", rule=str(request.url_rule), exc_info=error.original_exception)
    return _page(code, ADVICE.get(code, error.description or ""))


def _page(status: int, message: str) -> ResponseReturnValue:
    title = TITLES.get(status) or HTTPStatus(status).phrase
    reference = g.get("request_id") if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None
    return render_template("errors/error.html", title=title, message=message, status=status, reference=reference), status
