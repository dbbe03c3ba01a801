"""Seals: short secrets kept so that whoever reads the database cannot read them back, and only this shop can compare them.

A PIN has too few digits for a plain hash, whatever it costs: with the shop's secret in it, the database alone gives nothing away,
and thousands are sealed in a moment.
"""

from __future__ import annotations

import hashlib
import hmac

from flask import current_app


def of(purpose: str, owner: str, secret: str) -> str:
    """Give a secret of somebody as it is kept, good for this purpose and this owner only."""
    key: str = current_app.config["SECRET_KEY"]
    return hmac.new(key.encode(), f"{purpose}\0{owner}\0{secret}".encode(), hashlib.sha256).hexdigest()


def fits(seal: str, purpose: str, owner: str, secret: str) -> bool:
    """Whether a secret is the one that was sealed."""
    return hmac.compare_digest(seal, of(purpose, owner, secret))
