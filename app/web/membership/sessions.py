"""The browser's side of a sign-in: the cookie that holds its token, and who is looking at a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from flask import g, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user

from app.accounts import sign_ins
from app.kernel import limits
from app.kernel.errors import Unavailable
from app.kernel.transaction import transaction
from app.web.membership import browsers

if TYPE_CHECKING:
    from flask import Flask, Response

    from app.accounts.people import Person
    from app.accounts.sign_ins import Session, SignIn

log = structlog.get_logger(__name__)


class Authenticated(UserMixin):  # type: ignore[misc]  # flask-login has no types
    """The person who is looking, and the sign-in through which they do."""

    def __init__(self, live: Session) -> None:
        """Keep the token, which is what the cookie holds."""
        self.person: Person = live.person
        self.sign_in: SignIn = live.sign_in
        self._token = live.token

    def get_id(self) -> str:
        """Give the token of the sign-in, never the person's id: a sign-in can be revoked."""
        return self._token


def init_app(app: Flask) -> None:
    """Let every request know who is looking, and note now and then that they were seen."""
    login = LoginManager(app)
    login.session_protection = None

    @login.user_loader  # type: ignore[untyped-decorator]  # flask-login has no types
    def load(token: str) -> Authenticated | None:
        live = sign_ins.find(token)
        if live is None:
            return None
        if live.sign_in.is_due_for_sighting():
            g.seen = live.sign_in.id
        return Authenticated(live)

    @app.after_request
    def note_sighting(response: Response) -> Response:
        seen = g.pop("seen", None)
        if seen is not None:
            try:
                with transaction():
                    sign_ins.note_sighting(seen)
            except Unavailable:
                log.warning("sighting lost", sign_in=str(seen))
        return response


def start(live: Session) -> None:
    """Give this browser a new session that holds the sign-in; nothing of the session it had before is left."""
    session.clear()
    login_user(Authenticated(live))
    session.permanent = live.sign_in.keep


def end() -> None:
    """Take everything from this browser's session."""
    session.clear()


def present() -> SignIn:
    """Give the sign-in of this request; only for routes that demand one."""
    sign_in: SignIn = current_user.sign_in
    return sign_in


def network() -> str:
    """Give the network this request comes from."""
    return limits.network_of(request.remote_addr)


def agent() -> str:
    """Give the browser of this request, in words."""
    return browsers.describe(request.user_agent.string)
