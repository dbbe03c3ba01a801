"""Uploads: the few actions that take more than a form does say so, and everything else stays small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import current_app, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

Handler = TypeVar("Handler", bound="Callable[..., Any]")
LARGEST: dict[str, int] = {}


def takes_up_to(number: int, endpoint: str) -> Callable[[Handler], Handler]:
    """Let the action at an endpoint take a request of up to so many bytes."""

    def mark(handler: Handler) -> Handler:
        LARGEST[endpoint] = number
        return handler

    return mark


def init_app(app: Flask) -> None:
    """Set the limit of each request before anything reads it."""

    @app.before_request
    def widen() -> None:
        largest = LARGEST.get(request.endpoint or "")
        if largest is not None:
            request.max_content_length = largest
            request.max_form_memory_size = largest


def too_large() -> str:
    """Give the words for a request that is larger than its action takes."""
    largest = LARGEST.get(request.endpoint or "") or cast("int", current_app.config["MAX_CONTENT_LENGTH"])
    return f"Send something smaller: at most {largest // (1024 * 1024)} MB at once. A list can be sent in parts."
