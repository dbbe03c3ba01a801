"""A mail alone on a page, as its reader sees it and unable to do anything but be read."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from flask import make_response

from app import mail_looks

if TYPE_CHECKING:
    from flask import Response

    from app.mail_looks import Look

MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(html: str, look: Look) -> Response:
    """Show a mail that carries its style with it, and its logo in the place where the mail names it."""
    picture = f"data:image/png;base64,{b64encode(look.logo).decode('ascii')}"
    response = make_response(html.replace(f"cid:{mail_looks.LOGO}", picture))
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response
