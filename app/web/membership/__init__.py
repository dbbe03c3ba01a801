"""Membership: registering, signing in and out, and what a person changes about their own account."""

from app.web.membership import first_operator, mails, own_data, profile, registration, reset, sessions, shared_records, sign_in
from app.web.membership.routes import area

__all__ = [
    "area",
    "first_operator",
    "mails",
    "own_data",
    "profile",
    "registration",
    "reset",
    "sessions",
    "shared_records",
    "sign_in",
]
