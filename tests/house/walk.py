"""How each endpoint is asked so that it succeeds for whoever may, and what everybody else is to be told."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import sqlalchemy as sa
import stripe
from flask import url_for

from app.accounts.erasures import Erasure
from app.accounts.memberships import Role
from app.accounts.people import Person
from app.kernel import clock
from app.kernel.db import db
from app.kernel.transaction import transaction
from app.permissions import Permission, Reach
from billing import money_back, subscriptions
from billing.checkouts import Checkout
from tests.house.town import MEMBERS, NEIGHBOUR, OPERATOR, PASSWORD, STRANGER, VISITOR, WALKERS, Town, address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from flask import Flask

    from tests.page_reader import PageReader

SIGNED_IN = tuple(walker for walker in WALKERS if walker != VISITOR)
NEEDS_SEAT = {Role.MANAGER.value: 403, Role.BILLING.value: 403}
ONLY_ENROLLED = dict.fromkeys([role.value for role in Role if role is not Role.LEARNER], 403)
# The manager has passed this course before: a page of its test leads to how that went.
TO_RESULT = ONLY_ENROLLED | {Role.MANAGER.value: 303}
GOES_ON = dict.fromkeys(SIGNED_IN, 303)
# The only owners of an organisation with others in it, and whoever runs the shop.
DEPENDED_ON = (Role.OWNER.value, NEIGHBOUR, OPERATOR)
NEW_PASSWORD = "four quite odd words"  # noqa: S105 - of people who do not exist


@dataclass(frozen=True)
class Route:
    """A rule of the map: its endpoint, its one method and who is allowed."""

    endpoint: str
    method: str
    allow: Permission


@dataclass(frozen=True)
class Step:
    """How an endpoint is asked: `at` names what stands in its address, by the names of the town.

    `instead` gives other answers than success where more than the role decides; `first` makes true what has to be; `foreign`
    names, for each part of the address that is an id within an organisation, one that belongs to somebody else.
    """

    at: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    success: int | None = None
    instead: Mapping[str, int] = field(default_factory=dict)
    first: Callable[[Town], None] | None = None
    sent: Callable[[Town], dict[str, Any]] | None = None
    foreign: Mapping[str, str] = field(default_factory=dict)


def _with_erasures(_town: Town) -> None:
    with transaction():
        for person in db.session.scalars(sa.select(Person)):
            now = clock.now()
            db.session.add(Erasure(person_id=person.id, state="open", asked_at=now, due_at=now))


def _without_operator(_town: Town) -> None:
    with transaction():
        db.session.execute(sa.update(Person).values(is_operator=False))


def _without_subscription(town: Town) -> None:
    with transaction():
        subscription = subscriptions.live(town.ids["here"])
        assert subscription is not None
        subscription.is_live = False


def _with_plan(town: Town) -> None:
    with transaction():
        subscription = subscriptions.live(town.ids["here"])
        assert subscription is not None
        subscription.coming_seats, subscription.coming_interval = 20, "year"


def _ending(town: Town) -> None:
    with transaction():
        subscription = subscriptions.live(town.ids["here"])
        assert subscription is not None
        subscription.cancel_at = subscription.period_end


def _bought_for_oneself(town: Town) -> None:
    town.app.extensions["sandbox"].controls.close_dispute(str(town.ids["dispute"]), is_won=True)
    money_back.look_at_all(town.app.extensions["gateway"])
    with transaction():
        db.session.get_one(Checkout, town.ids["order"]).starts_at_once = "1"


def _signed_event(town: Town) -> dict[str, Any]:
    """Give a message of the provider with its signature."""
    event = {
        "id": "evt_2",
        "object": "event",
        "type": "invoice.paid",
        "created": int(time.time()),
        "api_version": stripe.api_version,
        "data": {"object": {"id": "in_2", "object": "invoice"}},
    }
    payload = json.dumps(event)
    secret = town.app.config["SETTINGS"].stripe_webhook_secret
    signature = stripe.WebhookSignature.generate_signature_header(payload, secret, int(time.time()))
    return {"data": payload, "headers": {"Stripe-Signature": signature}, "content_type": "application/json"}


def _one_click(_town: Town) -> dict[str, Any]:
    """Give what a program that reads mails sends: it has no page of ours open."""
    return {"data": {"List-Unsubscribe": "One-Click"}}


HERE = {"organisation": "here"}
LEAVER = Step(HERE | {"membership": "leaver"}, foreign={"membership": "stays"})
CHOSEN = {"do": "take_back", "who": "leaver"}
TEAM = Step(HERE | {"team": "team"}, foreign={"team": "team there"})
JOIN_LINK = Step(HERE | {"link": "join link here"}, foreign={"link": "join link there"})
WAITS = Step(HERE | {"membership": "waits"}, foreign={"membership": "waits there"})
# What the owner wanted to do is the owner's alone to go on with.
SHORTFALL = Step(
    HERE | {"shortfall": "shortfall"},
    instead=dict.fromkeys([role.value for role in Role if role is not Role.OWNER], 404),
    foreign={"shortfall": "shortfall there"},
)
FIELD = Step(HERE | {"field": "field"}, foreign={"field": "field there"})
VIEW = Step(HERE | {"view": "view"}, foreign={"view": "view there"})
LIST = Step(HERE | {"people_list": "list"}, foreign={"people_list": "list there"})
OFFER = Step(
    HERE | {"offer": "offer"},
    instead=dict.fromkeys([role.value for role in Role if role is not Role.ADMIN], 404),
    foreign={"offer": "offer there"},
)
# A manager sees the people of their teams and nobody else.
UNSEEN = {Role.MANAGER.value: 404}
MERGER = Step(HERE | {"membership": "leaver", "other": "slip"}, foreign={"membership": "stays", "other": "slip there"})
SHARE_IN = Step(HERE | {"share": "share in"}, foreign={"share": "share out"})
# The learner's own; everybody else may only answer about theirs.
OWN_SHARE = Step(
    {"share": "share out"},
    instead=dict.fromkeys([walker for walker in SIGNED_IN if walker != Role.LEARNER.value], 404),
    foreign={"share": "share in"},
)
SLIP = Step(HERE | {"membership": "slip"}, foreign={"membership": "slip there"})
INVITED = Step(HERE | {"membership": "invited"}, foreign={"membership": "invited there"})
# The manager holds it; everybody else may only see their own.
OWN_CERTIFICATE = Step(
    HERE | {"number": "certificate"}, instead=dict.fromkeys([role.value for role in Role if role is not Role.MANAGER], 404)
)
CERTIFICATE = Step({"number": "certificate"})
CHANGE = Step(HERE | {"change": "change of billing"}, foreign={"change": "change of billing there"})
ORDER = Step(HERE | {"checkout": "order"}, foreign={"checkout": "order there"})
SLUG = {"slug": "fire-safety-awareness"}
COURSE = {"slug": "first-response"}
QUESTION = HERE | COURSE | {"position": 1}
GUIDE = {"slug": "five-steps"}
MAIL = Step({"mail": "mail"})
ACCOUNT = {"name": "New Comer", "password": NEW_PASSWORD}

QUOTE = {"seats": "30", "name": "Ben", "address": "ben@example.org"}
ACCEPTANCE = {
    "purchase_order": "4711",
    "name": "Ben",
    "finance_name": "Accounts",
    "finance_address": "accounts@example.org",
    "line1": "1 High Street",
    "city": "Exampleton",
    "postcode": "SW1A 1AA",
    "is_agreed": "y",
}

STEPS: dict[str, Step] = {
    "assets.favicon": Step(),
    "assets.static_file": Step({"version": "any", "name": "css/lanyard.css"}),
    "certificates.certificate": OWN_CERTIFICATE,
    "certificates.document": OWN_CERTIFICATE,
    "certificates.my_certificates": Step(HERE),
    "checkout.begin_checkout": Step(HERE, form={"seats": "3", "interval": "year"}, first=_without_subscription),
    "checkout.confirm_checkout": ORDER,
    "checkout.confirmation": ORDER,
    "checkout.order": Step(query={"seats": "3", "interval": "year"}),
    "classroom.answer_block": Step(HERE | COURSE | {"number": 1, "block": 3}, form={"choice": "1"}, instead=ONLY_ENROLLED),
    "classroom.answer_question": Step(QUESTION, form={"choice": "0", "attempt": "open attempt"}, instead=ONLY_ENROLLED),
    "classroom.begin": Step(HERE | COURSE, instead=ONLY_ENROLLED),
    "classroom.begin_test": Step(HERE | COURSE, form={"confirmed": "y"}, instead=ONLY_ENROLLED),
    "classroom.course": Step(HERE | COURSE, instead=NEEDS_SEAT),
    "classroom.finish_block": Step(HERE | COURSE | {"number": 1, "block": 1}, instead=ONLY_ENROLLED),
    "classroom.guide": Step(HERE | GUIDE, instead=NEEDS_SEAT),
    "classroom.guide_pdf": Step(HERE | GUIDE, instead=NEEDS_SEAT),
    "classroom.guide_word_document": Step(HERE | GUIDE, instead=NEEDS_SEAT),
    "classroom.guides": Step(HERE),
    "classroom.hand_in": Step(HERE | COURSE, form={"attempt": "open attempt"}, instead=ONLY_ENROLLED),
    "classroom.lesson": Step(HERE | COURSE | {"number": 1, "block": 3}, instead=NEEDS_SEAT),
    "classroom.my_learning": Step(HERE),
    "classroom.question": Step(QUESTION, instead=TO_RESULT),
    "classroom.result": Step(
        HERE | COURSE | {"attempt": "failed attempt"},
        instead=dict.fromkeys([role.value for role in Role if role is not Role.LEARNER], 404),
        foreign={"attempt": "failed attempt there"},
    ),
    "classroom.test": Step(HERE | COURSE, instead=TO_RESULT),
    "classroom.test_answers": Step(HERE | COURSE, instead=TO_RESULT),
    "consents.confirm_merger": Step({"token": "merger"}),
    "consents.decline_merger": Step({"token": "merger"}),
    "consents.merger": Step({"token": "merger"}),
    "health.alive": Step(),
    "health.ready": Step(),
    "hooks.receive_event": Step(sent=_signed_event, success=200),
    "joining.accept": Step({"token": "invitation"}),
    "joining.go_on": Step({"token": "invitation"}),
    "joining.invitation": Step({"token": "invitation"}),
    "joining.open_account": Step({"token": "invitation"}, form=ACCOUNT),
    "leaving.left": Step(),
    "leaving.quick_exit": Step(),
    "mail_domains.confirm": Step({"token": "mail domain"}),
    "mail_domains.confirmation": Step({"token": "mail domain"}),
    "mail_domains.join": Step({"mail_domain": "mail domain offered"}, foreign={"mail_domain": "mail domain there"}),
    "logos.logo": Step(HERE | {"digest": "logo"}, success=200),
    "membership.address_change": Step(),
    "membership.choose_mails": Step(form={"notices": "never", "courses": "daily", "reminders": "at_once"}),
    "membership.mails_i_get": Step(),
    "membership.address_confirmation": Step({"token": "change"}),
    "membership.ask_address_change": Step(form={"address": "other@example.org", "current": PASSWORD}),
    "membership.ask_for_reset": Step(form={"address": "sleeper@example.org"}),
    "membership.change_password": Step(form={"current": PASSWORD, "password": NEW_PASSWORD}),
    "membership.confirm_address": Step({"token": "change"}),
    "membership.confirm_registration": Step({"token": "registration"}),
    "membership.ask_for_deletion": Step(form={"current": PASSWORD}, instead=dict.fromkeys(DEPENDED_ON, 409)),
    "membership.ask_for_export": Step(),
    "membership.deletion": Step(),
    "membership.export": Step(),
    "membership.exported": Step({"export_id": "own export"}, foreign={"export_id": "somebody's export"}),
    "membership.undo_deletion": Step(first=_with_erasures),
    "membership.shared_records": Step(),
    "membership.share_record": OWN_SHARE,
    "membership.end_sharing": OWN_SHARE,
    "membership.first_operator": Step({"token": "first operator"}),
    "membership.forgotten_password": Step(),
    "membership.name_change": Step(),
    "membership.new_password": Step({"token": "reset"}),
    "membership.open_first_operator": Step(
        {"token": "first operator"}, form=ACCOUNT | {"address": "first@example.org"}, first=_without_operator
    ),
    "membership.password_change": Step(),
    "membership.profile": Step(),
    "membership.register": Step(
        form=ACCOUNT | {"address": "newer@example.org", "kind": "organisation", "organisation_name": "St Luke"}
    ),
    "membership.registration": Step(instead=GOES_ON),
    "membership.registration_confirmation": Step({"token": "registration"}),
    "membership.registration_sent": Step(),
    "membership.rename": Step(form={"name": "Another Name"}),
    "membership.reset_password": Step({"token": "reset"}, form={"password": NEW_PASSWORD}),
    "membership.reset_sent": Step(),
    "membership.revoke_other_sign_ins": Step(),
    "membership.revoke_sign_in": Step({"sign_in": "own sign-in"}, foreign={"sign_in": "somebody's sign-in"}),
    "membership.sign_in": Step(form={"address": address(STRANGER), "password": PASSWORD}),
    "membership.sign_in_page": Step(instead=GOES_ON),
    "membership.sign_out": Step(),
    "membership.signed_out": Step(),
    "office.end_promotion": Step({"code": "AUTUMN20"}),
    "office.make_promotion": Step(form={"code": "SPRING10", "percent": "10", "interval": "year"}),
    "office.promotions_page": Step(),
    "office.certificate": CERTIFICATE,
    "office.customer": Step({"customer": "here"}),
    "office.invite_owner": Step({"customer": "founded"}),
    "office.new_quote": Step(query={"customer": "here"}),
    "office.note_receipt": Step(
        {"invoice": "invoice"},
        form={"received_on": datetime.now(UTC).date().isoformat(), "amount": "1,049.76", "reference": "BACS", "is_sure": "y"},
    ),
    "office.prepare_quote": Step(form=QUOTE | {"organisation": "St Bede"}),
    "office.quote": Step({"quote": "quote"}),
    "office.quotes_page": Step(),
    "office.receipt": Step({"invoice": "invoice"}),
    "office.send_quote": Step({"quote": "quote draft"}),
    "office.set_credit": Step({"customer": "here"}, form={"limit": "1,000"}),
    "office.certificates_page": Step(),
    "office.customers_page": Step(),
    "office.overview": Step(),
    "office.invoices": Step(),
    "office.invoices_csv": Step(),
    "office.prices": Step(),
    "office.publish_prices": Step(form={"bands": "1 9.00 81.00", "mode": "graduated"}),
    "office.vat_document": Step({"document": "document"}),
    "office.money": Step(),
    "office.reconcile": Step(),
    "office.replay_event": Step({"event": "evt_1"}),
    "office.revoke_certificate": Step({"number": "certificate"}, form={"because": "Somebody else sat it.", "is_sure": "y"}),
    "sandbox.close_dispute": Step({"dispute": "dispute"}, form={"outcome": "won"}),
    "sandbox.control": Step(),
    "sandbox.block_next_invoice": Step({"payer": "payer"}),
    "sandbox.fail_next_payment": Step({"payer": "payer"}),
    "quotes.accept_quote": Step({"token": "quote link"}, form=ACCEPTANCE),
    "quotes.decline_quote": Step({"token": "quote link"}, form={"because": "Too dear"}),
    "quotes.quote": Step({"token": "quote link"}),
    "quotes.quote_pdf": Step({"token": "quote link"}),
    "quotes.quote_request": Step(query={"seats": "30"}, instead={Role.OWNER.value: 303, Role.BILLING.value: 303, NEIGHBOUR: 303}),
    "sandbox.attachment": Step({"mail": "mail with invoice", "number": 0}),
    "sandbox.mail": MAIL,
    "sandbox.mail_as_sent": MAIL,
    "sandbox.mailbox": Step(),
    "sandbox.move_clock": Step(form={"step": "hour"}),
    "sandbox.open_dispute": Step({"payment": "payment"}),
    "sandbox.trouble_messages": Step(form={"trouble": "duplicate"}),
    "slips.slip": Step(),
    # A PIN that is not theirs: the answer is a form that says so.
    "slips.use_slip": Step(form={"user_name": "nobody", "pin": "00000000", "password": NEW_PASSWORD}, success=422),
    "storefront.article": Step({"slug": "how-often"}),
    "storefront.articles": Step(),
    "storefront.contact": Step(),
    "storefront.course": Step(SLUG),
    "storefront.courses": Step(),
    "storefront.courses_found": Step(query={"q": "response"}),
    "storefront.cover": Step(SLUG),
    "storefront.guide": Step(GUIDE),
    "storefront.home": Step(),
    "storefront.library": Step(),
    "storefront.picture": Step({"version": "version", "name": "steps.svg"}),
    "storefront.policy": Step({"slug": "terms"}),
    "storefront.policy_version": Step({"slug": "terms", "number": 1}),
    "storefront.price_figure": Step(query={"seats": "3"}),
    "storefront.prices": Step(),
    "storefront.robots": Step(),
    "storefront.sample": Step(SLUG, success=302),
    "storefront.sample_block": Step(COURSE | {"block": 3}, query={"choice": "1"}),
    "storefront.sector": Step({"slug": "schools"}),
    "storefront.sitemap": Step(),
    "storefront.social_card": Step(SLUG),
    "storefront.trust": Step(),
    "style_page.components": Step(),
    "unsubscribing.fewer_mails": Step({"token": "stop mails"}),
    "unsubscribing.stop_mails": Step({"token": "stop mails"}, sent=_one_click, success=200),
    "verification.certificate": CERTIFICATE,
    "verification.search": Step(),
    "ways_in.come_in": Step({"token": "join link"}),
    "ways_in.register_to_join": Step({"token": "join link"}, form=ACCOUNT | {"address": "newest@example.org"}),
    "ways_in.way_in": Step({"token": "join link"}),
    "workspace.accept_ownership": OFFER,
    "workspace.approve_join_requests": Step(HERE, form={"who": "join request"}),
    "workspace.decline_join_requests": Step(HERE, form={"who": "join request"}),
    "workspace.join_link": JOIN_LINK,
    "workspace.join_link_code": JOIN_LINK,
    "workspace.join_links": Step(HERE),
    "workspace.join_requests": Step(HERE),
    "workspace.make_join_link": Step(HERE, form={"team": "team", "days": "30"}),
    "workspace.withdraw_join_link": JOIN_LINK,
    "workspace.quiet_hours": Step(HERE),
    "workspace.set_quiet_hours": Step(HERE, form={"is_on": "y", "begins": "18:00", "ends": "08:00", "days_off": "5"}),
    "workspace.brand_mail": Step(HERE),
    "workspace.name_and_colours": Step(HERE),
    "workspace.remove_logo": Step(HERE),
    "workspace.set_name_and_colours": Step(HERE, form={"name": "St Mary", "colour": "#1c4477"}),
    "workspace.add_field": Step(HERE, form={"name": "Desk", "kind": "text"}),
    "workspace.change_field": Step(FIELD.at, form={"name": "Desk"}, foreign=FIELD.foreign),
    "workspace.move_field_up": FIELD,
    "workspace.people_field": Step(HERE, query={"who": "leaver"}),
    "workspace.person_fields": LEAVER,
    "workspace.profile_field": FIELD,
    "workspace.profile_fields": Step(HERE),
    "workspace.remove_field": FIELD,
    "workspace.save_person_fields": LEAVER,
    "workspace.set_people_field": Step(HERE, form={"who": "leaver", "field": "field"}),
    "workspace.appoint_manager": Step(TEAM.at, form={"address": "admin@example.org"}, foreign=TEAM.foreign),
    "workspace.archive": LEAVER,
    "workspace.add_mail_domain": Step(HERE, form={"domain": "stmary.example", "mailbox": "office"}),
    "workspace.mail_domains": Step(HERE),
    "workspace.move_to_front": WAITS,
    "workspace.set_waiting_list": Step(HERE, form={"keep": "yes"}),
    "workspace.take_off_waiting_list": WAITS,
    "workspace.waiting_list": Step(HERE),
    "workspace.remove_mail_domain": Step(
        HERE | {"mail_domain": "mail domain here"}, foreign={"mail_domain": "mail domain there"}
    ),
    "workspace.add_missing_seats": Step(
        HERE,
        form={"wanted": "requests", "seats": "1", "had": "25", "who": "join request"},
        instead={Role.BILLING.value: 403},
    ),
    "workspace.drop_shortfall": SHORTFALL,
    "workspace.go_on_with": SHORTFALL,
    "workspace.add_seats": Step(HERE, form={"seats": "2"}),
    "workspace.add_recipient": Step(HERE, form={"address": "books@example.org"}),
    "workspace.billing": Step(HERE),
    "workspace.invoices": Step(HERE),
    "workspace.remove_recipient": Step(HERE | {"recipient": "recipient"}, foreign={"recipient": "recipient there"}),
    "workspace.statement": Step(HERE),
    "workspace.statement_pdf": Step(HERE),
    "workspace.vat_document": Step(HERE | {"document": "document"}, foreign={"document": "document there"}),
    "workspace.vat_documents_csv": Step(HERE),
    "workspace.cancel": Step(HERE, form={"reason": "unused"}),
    "workspace.cancellation": Step(HERE),
    "workspace.archive_team": TEAM,
    "workspace.bring_back_team": Step(HERE | {"team": "archived team"}, foreign=TEAM.foreign),
    "workspace.certificate_document": Step(
        HERE | {"membership": "holder", "number": "certificate"}, instead=UNSEEN, foreign={"membership": "stays"}
    ),
    "workspace.bring_in_list": Step(LIST.at, foreign=LIST.foreign),
    "workspace.change_people": Step(HERE, form=CHOSEN),
    "workspace.change_roles": Step(LEAVER.at, form={"role": "billing"}, foreign=LEAVER.foreign),
    "workspace.decline_ownership": OFFER,
    "workspace.dismiss_manager": Step(
        {**TEAM.at, "membership": "manager"}, foreign={"team": "team there", "membership": "stays"}
    ),
    "workspace.change": CHANGE,
    "workspace.check_change": CHANGE,
    "workspace.drop_plan": Step(HERE, first=_with_plan),
    "workspace.fewer_seats": Step(HERE),
    "workspace.found_organisation": Step(form={"name": "St Anne"}),
    "workspace.give_change_up": CHANGE,
    "workspace.give_seats_again": Step(HERE),
    "workspace.withdraw": Step(HERE, first=_bought_for_oneself),
    "workspace.withdrawal": Step(HERE, first=_bought_for_oneself),
    "workspace.go_on": Step(HERE, first=_ending),
    "workspace.history": Step(HERE),
    "workspace.history_csv": Step(HERE),
    "workspace.invitation": Step(HERE),
    "workspace.invite": Step(HERE, form={"name": "Eve", "address": "eve@example.org", "role": "learner", "team": "team"}),
    "workspace.invite_again": INVITED,
    "workspace.invite_by_slip": Step(HERE | {"membership": "slip over"}, foreign={"membership": "slip there"}),
    "workspace.merging": LEAVER,
    "workspace.merge": MERGER,
    "workspace.merger": MERGER,
    "workspace.more_seats": Step(HERE, query={"seats": "2"}),
    "workspace.open_portal": Step(HERE),
    "workspace.organisations_page": Step(),
    "workspace.pay_interval": Step(HERE),
    "workspace.pay_monthly": Step(HERE),
    # They pay by the year already.
    "workspace.pay_yearly": Step(HERE, success=409),
    "workspace.joining_slips": Step(HERE, query={"who": "slip"}),
    "workspace.leave": Step(HERE, instead={Role.OWNER.value: 409}),
    "workspace.leave_team": Step(TEAM.at, form={"who": "leaver"}, foreign=TEAM.foreign),
    "workspace.leaving": Step(HERE),
    "workspace.list_template_csv": Step(HERE),
    "workspace.list_template_xlsx": Step(HERE),
    "workspace.make_team": Step(HERE, form={"name": "Garden", "parent": "top"}),
    "workspace.move_team": Step(TEAM.at, form={"parent": "top"}, foreign=TEAM.foreign),
    "workspace.new_quote": Step(HERE, query={"seats": "30"}),
    "workspace.offer_ownership": LEAVER,
    "workspace.ownership": LEAVER,
    "workspace.ownership_offer": Step(HERE),
    "workspace.people": Step(HERE),
    "workspace.people_change": Step(HERE, query=CHOSEN),
    "workspace.people_csv": Step(HERE),
    "workspace.people_list": LIST,
    "workspace.people_lists_page": Step(HERE),
    "workspace.change_people_view": Step(VIEW.at, form={"name": "Mine"}, foreign=VIEW.foreign),
    "workspace.new_people_view": Step(HERE, query={"role": "learner"}),
    "workspace.people_view": VIEW,
    "workspace.people_views": Step(HERE),
    "workspace.remove_people_view": VIEW,
    "workspace.save_people_view": Step(HERE, form={"name": "Learners", "role": "learner"}),
    "workspace.people_team": Step(HERE, query={"who": "leaver"}),
    "workspace.people_xlsx": Step(HERE),
    "workspace.person": LEAVER,
    "workspace.print_joining_slips": Step(HERE, form={"who": "slip"}, success=200),
    "workspace.change_user_name": Step(SLIP.at, form={"user_name": "sylvie.s"}, foreign=SLIP.foreign),
    "workspace.user_name": SLIP,
    "workspace.records_from_elsewhere": Step(HERE),
    "workspace.accept_record": SHARE_IN,
    "workspace.decline_record": SHARE_IN,
    "workspace.record_offer": LEAVER,
    "workspace.offer_record": Step(LEAVER.at, form={"code": "code of third"}, foreign=LEAVER.foreign),
    "workspace.withdraw_record": Step(HERE | {"share": "share out"}, foreign={"share": "share in"}),
    "workspace.reduce_seats": Step(HERE, form={"seats": "20"}),
    "workspace.safeguarding_contacts": Step(HERE),
    "workspace.seats_again": Step(HERE),
    "workspace.put_into_team": Step(HERE, form={"who": "leaver", "team": "team"}),
    "workspace.rename_team": Step(TEAM.at, form={"name": "Garden"}, foreign=TEAM.foreign),
    "workspace.send_people_list": Step(HERE, form={"text": "Eve <eve@example.org>"}),
    "workspace.send_quote": Step(HERE, form=QUOTE, first=_without_subscription),
    "workspace.set_safeguarding_contacts": Step(HERE, form={"lead_name": "Grace", "lead_contact": "01632 960123"}),
    "workspace.allot_seats": Step(TEAM.at, form={"seats": "0"}, foreign=TEAM.foreign),
    "workspace.take_back_unused_seats": TEAM,
    "workspace.seat_to_give_on": LEAVER,
    "workspace.give_seat_on": Step(
        HERE | {"membership": "leaver", "other": "waits"}, foreign={"membership": "stays", "other": "waits there"}
    ),
    "workspace.seats_unused": Step(HERE),
    "workspace.team": TEAM,
    "workspace.teams": Step(HERE),
    "workspace.today": Step(HERE),
    "workspace.undo_list": Step({**LIST.at, "people_list": "list done"}, foreign=LIST.foreign),
    "workspace.withdraw_invitation": INVITED,
    "worried.worried": Step(HERE),
}


def routes(app: Flask) -> list[Route]:
    """Give every rule of the map with its method."""
    views: dict[str, Any] = dict(app.view_functions)
    return [
        Route(rule.endpoint, method, views[rule.endpoint].allow)
        for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.endpoint)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def succeeds(route: Route) -> int:
    """Give the status of success."""
    return STEPS[route.endpoint].success or (200 if route.method == "GET" else 303)


def asks_to_sign_in(route: Route, walker: str) -> bool:
    """Whether somebody is sent to the sign-in page."""
    return walker == VISITOR and route.allow.reach is not Reach.ANYONE


def expected(route: Route, walker: str) -> int:
    """Give the status that somebody is to be answered with."""
    if asks_to_sign_in(route, walker):
        return 303
    if route.allow.reach is Reach.OPERATOR and walker != OPERATOR:
        return 404
    if route.allow.reach is Reach.MEMBER:
        if walker not in MEMBERS:
            return 404
        if Role(walker) not in route.allow.roles:
            return 403
    return STEPS[route.endpoint].instead.get(walker, succeeds(route))


def path(town: Town, route: Route, walker: str, **changed: object) -> str:
    """Give the address at which somebody asks."""
    known: dict[Any, Any] = {
        **town.ids,
        **town.tokens,
        "own sign-in": town.sign_ins[walker],
        "own export": town.exports.get(walker, uuid4()),
        "somebody's export": town.exports[NEIGHBOUR if walker != NEIGHBOUR else STRANGER],
        "somebody's sign-in": town.sign_ins[NEIGHBOUR if walker != NEIGHBOUR else STRANGER],
    }
    step = STEPS[route.endpoint]
    arguments: dict[str, Any] = {name: known.get(key, key) for name, key in {**step.at, **changed}.items()}
    with town.app.test_request_context():
        # A value of a query may be the name of something of the town.
        query = {name: str(town.ids.get(value, value)) for name, value in step.query.items()}
        return url_for(route.endpoint, **{**query, **arguments})


def ask(town: Town, route: Route, browser: PageReader, at: str, status: int) -> None:
    """Ask at an address and demand a status."""
    step = STEPS[route.endpoint]
    if route.method == "GET":
        browser.get(at, status)
    elif step.sent is not None:
        browser.send(at, status=status, **step.sent(town))
    else:
        # A value of a form may be the name of something of the town.
        known = {**town.ids, "code of third": town.tokens["code of third"]}
        browser.post(at, {name: str(known.get(value, value)) for name, value in step.form.items()}, status)


def prepare(town: Town, route: Route) -> None:
    """Make true what has to be before somebody who may can succeed."""
    first = STEPS[route.endpoint].first
    if first is not None:
        with town.app.app_context():
            first(town)


def writes(statements: list[str]) -> Iterator[str]:
    """Give the writes that are no sighting: that a session was last seen now is the one thing a page may note."""
    return (statement for statement in statements if not statement.startswith("UPDATE sign_in SET last_seen_at="))
