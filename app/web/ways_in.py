"""The page behind a join link: whose it is, and a button to join or to ask; opening it changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, url_for
from flask_login import current_user
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired

from app import ways_in
from app.accounts import credentials, join_links, join_requests, newcomers, registrations
from app.accounts.memberships import State
from app.kernel.errors import Missing
from app.kernel.transaction import transaction
from app.permissions import ANYONE, SIGNED_IN
from app.ways_in import Outcome
from app.web.area import Area, signed_in_person
from app.web.forms import TextField
from app.web.membership import sessions
from app.web.membership.refusals import AccountForm, shown_on

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue
    from werkzeug.wrappers import Response

    from app.accounts.join_links import JoinLink
    from app.accounts.organisations import Organisation
    from app.accounts.teams import Team

area = Area("ways_in", "/join/by")
SAID = {
    Outcome.JOINED: ("Welcome. You have joined.", "success"),
    Outcome.ASKED: ("You have asked to join. We write to you as soon as you are answered.", "success"),
    Outcome.WAITING: ("You have joined, and are on the list for a seat. We write to you as soon as yours is free.", "success"),
    Outcome.NO_SEAT: (
        "No seat is free at the moment, so you have not joined yet. Those who run things there know. Try again in a day or two.",
        "attention",
    ),
}


class JoinerForm(AccountForm):
    """What somebody without an account gives to join."""

    name = TextField("Your name", [InputRequired("Give your name.")])
    address = EmailField("E-mail address", [InputRequired("Give your e-mail address.")])
    password = PasswordField("Choose a password", [InputRequired("Choose a password.")])

    def wish(self) -> registrations.Wish:
        """Read what was given; raises Invalid with the field to mend."""
        return registrations.read_joiner(name=self.name.data or "", address=self.address.data or "")


@area.page("/<token>", allow=ANYONE)
def way_in(token: str) -> ResponseReturnValue:
    """Show whose link it is, and the way to join."""
    return _page(token, JoinerForm(formdata=None))


@area.action("/<token>/come-in", allow=SIGNED_IN)
def come_in(token: str) -> ResponseReturnValue:
    """Join as the person who is signed in, or ask to."""
    link, organisation, _ = _opened(token)
    organisation_id, way = organisation.id, ways_in.by_link(link)
    with transaction():
        outcome = ways_in.join(way, signed_in_person())
    return welcome(organisation_id, outcome, otherwise=url_for("ways_in.way_in", token=token))


@area.action("/<token>/register", allow=ANYONE)
def register_to_join(token: str) -> ResponseReturnValue:
    """Mail a link to the address of somebody new, which leads back here; an address with an account gets the same answer."""
    _opened(token)
    form = JoinerForm()
    if form.validate():
        with shown_on(form):
            wish = form.wish()
            credentials.check_choice(form.password.data or "", name=wish.name, address=wish.address)
            with transaction():
                may_ask = registrations.count_try(sessions.network())
            if may_ask:
                password_hash = credentials.hash_password(form.password.data or "")
                back = url_for("ways_in.way_in", token=token)
                with transaction():
                    registrations.ask(wish, password_hash, network=sessions.network(), next_path=back)
            return redirect(url_for("membership.registration_sent"), 303)
    return _page(token, form), form.status


def welcome(organisation_id: UUID, outcome: Outcome, *, otherwise: str) -> Response:
    """Say what became of somebody who came, where they learn if they have joined."""
    flash(*SAID[outcome])
    has_joined = outcome in {Outcome.JOINED, Outcome.WAITING}
    return redirect(url_for("classroom.my_learning", organisation=organisation_id) if has_joined else otherwise, 303)


def _opened(token: str) -> tuple[JoinLink, Organisation, Team | None]:
    """Give the link that was opened; trying links that do not work is limited."""
    try:
        return join_links.opened(token)
    except Missing:
        with transaction():
            ways_in.count_guess(sessions.network())
        raise


def _page(token: str, form: JoinerForm) -> str:
    link, organisation, team = _opened(token)
    record = request = None
    if current_user.is_authenticated:
        person = signed_in_person()
        record = newcomers.record_of(organisation.id, person)
        request = join_requests.open_of(organisation.id, person.id)
    return render_template(
        "ways_in/way_in.html",
        token=token,
        link=link,
        organisation=organisation,
        team=team,
        is_signed_in=current_user.is_authenticated,
        is_here=record is not None and record.state == State.ACTIVE,
        is_back=record is not None and record.state == State.ARCHIVED,
        request_open=request,
        form=form,
    )
