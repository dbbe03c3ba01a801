"""Links that prove themselves: the id of a row, signed for one purpose, so that the database holds no secret."""

from __future__ import annotations

import hashlib
from uuid import UUID

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from app.kernel.errors import Missing


def token(purpose: str, row_id: UUID) -> str:
    """Give the part of a link that stands for a row, good for this purpose and no other."""
    given: str = _signer(purpose).dumps(row_id.hex)
    return given


def read(purpose: str, given: str) -> UUID:
    """Give the id of the row that a link stands for; raises Missing when we did not make this link for this purpose."""
    try:
        return UUID(hex=_signer(purpose).loads(given))
    except (BadSignature, ValueError) as error:
        message = "We do not know this link. Open it from the mail again, or copy the whole address."
        raise Missing(message) from error


def _signer(purpose: str) -> URLSafeSerializer:
    """Make the signer of a purpose; a token signed for one is refused for every other."""
    options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=f"lanyard.{purpose}", signer_kwargs=options)
