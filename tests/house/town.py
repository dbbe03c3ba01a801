"""A town for the walk: an organisation with somebody in every role, another one beside it, a stranger and the operator.

It is built once, on SQLite, and put back to how it was whenever a request has changed it.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import requests
import sqlalchemy as sa

from app import arrivals, factory, joining, letters, mail, merging, shortfalls, ways_in
from app.accounts import (
    brands,
    credentials,
    invitations,
    join_links,
    mail_domains,
    memberships,
    mergers,
    one_time_links,
    organisations,
    people,
    people_views,
    profile_fields,
    record_shares,
    registrations,
    roles,
    teams,
    waiting_places,
)
from app.accounts.invitations import Invitation
from app.accounts.join_requests import JoinRequest
from app.accounts.memberships import Actor, Role
from app.accounts.one_time_links import Purpose
from app.accounts.organisations import Kind
from app.accounts.person_exports import PersonExport
from app.accounts.profile_fields import Wish
from app.accounts.registrations import Registration
from app.accounts.sign_ins import SignIn
from app.kernel import clock, links, outbox
from app.kernel.db import db
from app.kernel.outbox import DeliveredMail, OutboxMail
from app.kernel.transaction import transaction
from app.web import billing_press
from billing import (
    changes,
    changing,
    checkouts,
    customers,
    events,
    invoice_recipients,
    invoices,
    invoicing,
    money_back,
    price_cards,
    printing,
    promotions,
    quotes,
    reactions,
    replies,
    seats,
    subscriptions,
)
from billing.figures import Discount
from billing.gateway import ProviderEvent
from billing.invoices import Invoice
from billing.price_cards import Interval
from billing.quotes import Wanted
from billing.vat_documents import VatDocument
from catalog.learning import attempts
from catalog.learning.certificates import CertificateDocument
from catalog.shelf import importing
from tests import learning, passing, picture_making, quoting
from tests.buying import CARD
from tests.house.statements import Recorder
from tests.page_reader import PageReader
from tests.provider import snapshot
from tests.shelf import SHELF

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from flask import Flask

    from app.accounts.memberships import Membership
    from app.accounts.people import Person

VISITOR, STRANGER, OPERATOR, NEIGHBOUR = "visitor", "stranger", "operator", "owner of another organisation"
MEMBERS = tuple(role.value for role in Role)
WALKERS = (VISITOR, STRANGER, *MEMBERS, NEIGHBOUR, OPERATOR)
PASSWORD = "three odd words"  # noqa: S105 - of people who do not exist
DAYS = 14


@dataclass
class Town:
    """The shop, everybody's browser, and the ids and links by which things are reached."""

    app: Flask
    database: Path
    ids: dict[str, UUID] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    sign_ins: dict[str, UUID] = field(default_factory=dict)
    exports: dict[str, UUID] = field(default_factory=dict)
    browsers: dict[str, PageReader] = field(default_factory=dict)

    def browser(self, walker: str) -> PageReader:
        """Give a fresh window of somebody's browser."""
        return self.browsers[walker].again()

    @contextmanager
    def watched(self) -> Iterator[Recorder]:
        """Record the statements of a block, and put the town back to how it was when the block wrote anything."""
        with self.app.app_context():
            engine = db.engine
        with Recorder(engine) as recorder:
            yield recorder
        if recorder.writes:
            self.restore()

    def keep(self) -> None:
        """Keep the town as it is now."""
        self._let_go()
        shutil.copy(self.database, self._kept)
        shutil.copy(self._sandbox, self._sandbox.with_suffix(".kept"))

    def restore(self) -> None:
        """Put the town back to how it was kept."""
        self._let_go()
        shutil.copy(self._kept, self.database)
        shutil.copy(self._sandbox.with_suffix(".kept"), self._sandbox)

    @property
    def _kept(self) -> Path:
        return self.database.with_suffix(".kept")

    @property
    def _sandbox(self) -> Path:
        """What the payment provider knows."""
        data: Path = self.app.config["SETTINGS"].data
        return data / "stripe_sandbox.sqlite3"

    def _let_go(self) -> None:
        """Close every connection, which also empties the write-ahead log into the file."""
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()
        for path in (self.database, self._sandbox):
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)


def build(app: Flask, database: Path) -> Town:
    """Build the town in an empty shop whose database is this file."""
    town = Town(app, database)
    factory.open_gateway(app, app.config["SETTINGS"])
    with app.app_context():
        with transaction():
            price_cards.publish_seed()
            importing.load(SHELF)
            town.tokens["first operator"] = registrations.invite_first_operator().rpartition("/")[2]
        _people(town)
        _orders(town)
        _changes(town)
        _invoices(town)
        _quotes(town)
        _troubles(town)
        _lists(town)
        _certificate(town)
        _tests(town)
        _links(town)
        mail.send_due()
        town.tokens["stop mails"] = _stop_mails()
        town.ids["mail"] = db.session.scalars(sa.select(DeliveredMail.id).limit(1)).one()
    for walker in WALKERS:
        _browser(town, walker)
    town.keep()
    return town


def address(walker: str) -> str:
    """Give the e-mail address of somebody in the town."""
    return f"{walker.replace(' ', '.')}@example.org"


def _stop_mails() -> str:
    """Write a mail that is not necessary to the learner, and give the link in it that stops such mails."""
    with transaction():
        written = outbox.write(
            "news", address("learner"), organisation_id=None, organisation="St Mary", name="L", lines=[], at=""
        )
    assert written is not None
    return links.token(letters.UNSUBSCRIBING, written)


def _people(town: Town) -> None:
    hashed = credentials.hash_password(PASSWORD)
    with transaction():
        persons = {walker: _person(walker, hashed) for walker in WALKERS if walker != VISITOR}
        persons[OPERATOR].is_operator = True
        for walker, person in persons.items():
            made = PersonExport(person_id=person.id, state="ready", content=b"PK", asked_at=clock.now(), expires_at=_in_a_week())
            db.session.add(made)
            db.session.flush()
            town.exports[walker] = made.id
        here = organisations.found("St Mary", Kind.ORGANISATION, by=persons["owner"].id)
        there = organisations.found("St Peter", Kind.ORGANISATION, by=persons[NEIGHBOUR].id)
        members = {role: memberships.add(here, persons[role], {Role(role)}) for role in MEMBERS}
        memberships.add(there, persons[NEIGHBOUR], {Role.OWNER})
        leaver = memberships.add(here, _person("leaver", hashed), {Role.LEARNER})
        stays = memberships.add(there, _person("stays", hashed), {Role.LEARNER})
    town.ids |= {"here": here.id, "there": there.id, "leaver": leaver.id, "stays": stays.id}
    _buy(town, Actor(persons["owner"], here, members["owner"]))
    with transaction():
        subscriptions.begin(there.id, snapshot(quantity=10))
        for member in (members["learner"], leaver):
            seats.assign(here.id, member.id, seats.State.IN_USE, by=None)
        seats.assign(there.id, stays.id, seats.State.IN_USE, by=None)
        owner, other = memberships.actor(persons["owner"], here.id), memberships.actor(persons[NEIGHBOUR], there.id)
        town.ids["invited"] = joining.invite(owner, "Ina Vited", "ina@example.org", {Role.LEARNER}, days=DAYS).id
        town.ids["invited there"] = joining.invite(other, "Ona Vited", "ona@example.org", {Role.LEARNER}, days=DAYS).id
        for key, actor in (("slip", owner), ("slip over", owner), ("slip there", other)):
            town.ids[key] = joining.invite(actor, f"Sylvie {key}", None, {Role.LEARNER}, days=DAYS).id
        joining.withdraw(owner, town.ids["slip over"])
        twice = memberships.add(there, _person("twice", hashed), {Role.LEARNER})
        asked = merging.merge(other, stays.id, twice.id, takes_name=False)
        assert asked is not None
        town.tokens["merger"] = mergers.token(asked.id)
        third = _third(town, _person("third", hashed))
        shares = {
            "share out": record_shares.offer(owner, members["learner"].id, record_shares.code_of(there.id)),
            "share in": record_shares.offer(other, stays.id, record_shares.code_of(here.id)),
        }
        town.ids |= {key: share.id for key, share in shares.items()}
        _teams(town, owner, other, members)
        _ways_in(town, owner, other, third, hashed)
        for key, actor in (("field", owner), ("field there", other)):
            wish = Wish("Began", profile_fields.Kind.DATE)
            town.ids[key] = profile_fields.add(actor.organisation.id, wish, by=actor.person.id).id
        look = brands.Wish(owner.organisation.name, "#1c4477", brands.fitted(picture_making.picture()))
        brands.save(owner.organisation.id, look, by=owner.person.id)
        brand = brands.of(owner.organisation.id)
        assert brand is not None
        town.tokens["logo"] = brand.logo_digest or ""
        for key, actor in (("view", owner), ("view there", other)):
            town.ids[key] = people_views.save(actor, "Invited", {"show": "invited"}, for_everybody=True, is_default=False).id


def _in_a_week() -> datetime:
    return clock.now() + timedelta(days=7)


def _teams(town: Town, owner: Actor, other: Actor, members: dict[str, Membership]) -> None:
    """Make teams: the manager's, with who leaves and who is invited in it, and one of the neighbour; and offers of ownership."""
    team = teams.make(owner.organisation.id, "Kitchen", None, by=owner.person.id)
    old = teams.make(owner.organisation.id, "Cellar", None, by=owner.person.id)
    there = teams.make(other.organisation.id, "Tower", None, by=other.person.id)
    teams.archive(owner.organisation.id, old.id, by=owner.person.id)
    teams.appoint(owner.organisation.id, team.id, members["manager"], by=owner.person.id)
    teams.put(
        owner.organisation.id, team.id, [town.ids[key] for key in ("leaver", "invited", "slip", "slip over")], by=owner.person.id
    )
    roles.offer_ownership(owner, members["admin"].id, steps_down=False)
    roles.offer_ownership(other, town.ids["stays"], steps_down=False)
    offers = {offer.taker_id: offer.id for offer in db.session.scalars(sa.select(roles.OwnershipOffer))}
    town.ids |= {"team": team.id, "archived team": old.id, "team there": there.id, "manager": members["manager"].id}
    town.ids |= {"offer": offers[members["admin"].id], "offer there": offers[town.ids["stays"]]}


def _ways_in(town: Town, owner: Actor, other: Actor, third: Actor, hashed: str) -> None:
    """Make join links, one of them where nobody walks, and have somebody ask to be let into the manager's team."""
    links = {
        "join link here": join_links.make(owner, team_id=town.ids["team"], most=None, days=30, needs_approval=True),
        "join link there": join_links.make(other, team_id=None, most=5, days=30, needs_approval=False),
        "join link": join_links.make(third, team_id=None, most=None, days=30, needs_approval=True),
    }
    town.ids |= {key: link.id for key, link in links.items()}
    town.tokens["join link"] = join_links.token(links["join link"].id)
    ways_in.join(ways_in.by_link(links["join link here"]), _person("asker", hashed))
    for key, actor in (("waits", owner), ("waits there", other)):
        member = memberships.add(actor.organisation, _person(key, hashed), {Role.LEARNER})
        waiting_places.add(actor.organisation.id, [member.id], by=actor.person.id)
        town.ids[key] = member.id
    teams.put(owner.organisation.id, town.ids["team"], [town.ids["waits"]], by=owner.person.id)
    for key, actor, domain in (
        ("mail domain here", owner, "stmary-church.example"),
        ("mail domain there", other, "stpeter-church.example"),
        ("mail domain offered", third, "example.org"),
    ):
        added = mail_domains.add(actor, domain, "office", team_id=None, needs_approval=True)
        town.ids[key] = added.id
    mail_domains.confirm(mail_domains.token(town.ids["mail domain offered"]))
    town.tokens["mail domain"] = mail_domains.token(town.ids["mail domain there"])
    town.ids["join request"] = db.session.scalars(sa.select(JoinRequest.id)).one()


def _troubles(town: Town) -> None:
    """Dispute a payment, so that the shop knows of it, and leave another that can be disputed."""
    gateway, controls = town.app.extensions["gateway"], town.app.extensions["sandbox"].controls
    [ours] = controls.payments()
    controls.open_dispute(ours.id)
    money_back.look_at_all(gateway)
    v1 = gateway.client.v1
    card = {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    stranger = v1.customers.create({"name": "Somebody else", **card})
    price = gateway.price(price_cards.current(), Interval.YEAR, "town")
    v1.subscriptions.create({"customer": stranger.id, "items": [{"price": price, "quantity": 1}]})
    other, disputed = controls.payments()
    town.ids |= {"payer": stranger.id, "payment": other.id, "dispute": disputed.dispute}


def _lists(town: Town) -> None:
    """Send lists of people: one that is read, one that was brought in, and one of the neighbour."""
    for key, walker, at in (("list", "owner", "here"), ("list done", "owner", "here"), ("list there", NEIGHBOUR, "there")):
        with transaction():
            person = people.with_address(address(walker))
            assert person is not None
            actor = memberships.actor(person, town.ids[at])
            sent = arrivals.send(actor, f"Kim <{key.replace(' ', '')}@example.org>".encode(), is_pasted=True).id
        arrivals.read(sent)
        if key == "list done":
            with transaction():
                arrivals.want(actor, sent)
            arrivals.bring_in(sent, days=DAYS)
        town.ids[key] = sent


def _third(town: Town, founder: Person) -> Actor:
    """Found an organisation to which nobody who walks belongs, so that each of them could accept its invitation, or join."""
    organisation = organisations.found("St Paul", Kind.ORGANISATION, by=founder.id)
    membership = memberships.add(organisation, founder, {Role.OWNER})
    subscriptions.begin(organisation.id, snapshot(id="sub_3", quantity=3))
    actor = Actor(founder, organisation, membership)
    town.tokens["code of third"] = record_shares.code_of(organisation.id)
    guest = joining.invite(actor, "Guest", "guest@example.org", {Role.LEARNER}, days=DAYS)
    link = db.session.scalars(sa.select(Invitation.link_id).where(Invitation.membership_id == guest.id)).one()
    town.tokens["invitation"] = invitations.token(link)
    return actor


def _orders(town: Town) -> None:
    """Add a promotion code, an order of the neighbour, and a message of the provider that was stored."""
    with transaction():
        person, subscription = people.with_address(address(NEIGHBOUR)), subscriptions.live(town.ids["there"])
        assert person is not None
        assert subscription is not None
        promotions.make("AUTUMN20", Discount(20, None), by=person.id, currency="GBP", interval=Interval.YEAR, payments=1)
        neighbour = memberships.actor(person, town.ids["there"])
        subscription.is_live = False
        db.session.flush()
        order = checkouts.start(neighbour, 4, Interval.YEAR, vat_percent=20, seat_for_buyer=False)
        subscription.is_live = True
        town.ids["order there"] = order.id
        events.store(
            ProviderEvent(
                id="evt_1",
                kind="invoice.paid",
                created_at=clock.now(),
                api_version=None,
                object_id="in_1",
                checkout_id=None,
                subscription_id=None,
                payload={},
            )
        )


def _changes(town: Town) -> None:
    """Have the owner cancel and go on, and the neighbour ask for something that was refused."""
    gateway = town.app.extensions["gateway"]
    owner, other = people.with_address(address("owner")), people.with_address(address(NEIGHBOUR))
    assert owner is not None
    assert other is not None
    here, there = memberships.actor(owner, town.ids["here"]), memberships.actor(other, town.ids["there"])
    with transaction():
        ended = changes.end(here, "unused").id
    changing.carry_out(gateway, ended)
    with transaction():
        went_on = changes.go_on(here).id
    changing.carry_out(gateway, went_on)
    with transaction():
        refused = changes.end(there, None).id
        changes.refuse(refused, changes.State.ASKED, "unknown")
    town.ids |= {"change of billing": went_on, "change of billing there": refused}
    fields = [("name", "Eve"), ("address", "eve@example.org"), ("role", "learner"), ("team", ""), ("note", "")]
    with transaction():
        for key, actor, change in (("shortfall", here, went_on), ("shortfall there", there, refused)):
            town.ids[key] = shortfalls.keep(actor, change, shortfalls.Kind.INVITATION, fields).id
    # What the gateway makes once and remembers must be there after the provider was put back, too.
    customer = customers.provider_id(town.ids["here"])
    assert customer is not None
    gateway.portal(customer, "http://127.0.0.1:8000/")
    gateway.price(price_cards.current(), Interval.MONTH, "town")  # nothing else makes it without a plan


def _invoices(town: Town) -> None:
    """Have each organisation hold an invoice, printed, and have it sent to somebody without an account as well."""
    there = subscriptions.live(town.ids["there"])
    assert there is not None
    with transaction():
        row: dict[str, object] = {
            "id": "in_there",
            "organisation_id": there.organisation_id,
            "number": "THERE-0001",
            "currency": "GBP",
        }
        row |= {"net_minor": 100, "vat_minor": 20, "gross_minor": 120, "issued_at": clock.now()}
        paid = {"status": "paid", "why": "subscription_create", "remaining_minor": 0, "paid_minor": 120}
        db.session.add(Invoice(**row, **paid, subscription_id=there.id))
        db.session.flush()
        facts: dict[str, Any] = {
            "buyer": "St Luke",
            "buyer_address": [],
            "buyer_vat_number": None,
            "fields": [],
            "lines": [],
            "discount_minor": 0,
        }
        db.session.add(VatDocument(**row, invoice_id="in_there", kind="invoice", refunded_minor=0, facts=facts))
    printing.print_missing(billing_press.of_process)
    for at, walker, key in (("here", "owner", ""), ("there", NEIGHBOUR, " there")):
        person = people.with_address(address(walker))
        assert person is not None
        with transaction():
            recipient = invoice_recipients.add(memberships.actor(person, town.ids[at]), "finance@example.org")
        town.ids[f"recipient{key}"] = recipient.id
        town.tokens[f"document{key}"] = invoices.of_organisation(town.ids[at])[0].id
    mail.send_due()
    with_invoice = sa.select(OutboxMail.id).where(OutboxMail.kind == "vat_document").limit(1)
    town.ids["mail with invoice"] = db.session.scalars(with_invoice).one()


def _quotes(town: Town) -> None:
    """Have the neighbour send quotes, the operator draft one, and an organisation where nobody walks be invoiced."""
    neighbour, operator = people.with_address(address(NEIGHBOUR)), people.with_address(address(OPERATOR))
    assert neighbour is not None
    assert operator is not None
    with transaction():
        for key, organisation in (("quote", "St Bede"), ("quote invoiced", "St Hilda"), ("quote draft", "St Aidan")):
            wanted = Wanted(seats=30, organisation=organisation, name="Ben", address="ben@example.org")
            quote = quotes.prepare(wanted, by=operator.id, organisation_id=None, vat_percent=20)
            if key != "quote draft":
                quotes.send(quote.id, by=operator.id, days=30)
            town.ids[key] = quote.id
            town.tokens[f"{key} link"] = quote.token
    with transaction():
        replies.accept(town.ids["quote invoiced"], quoting.TYPED, invitation_days=DAYS)
    invoicing.begin(town.app.extensions["gateway"], town.ids["quote invoiced"])
    invoice_id = quotes.known(town.ids["quote invoiced"]).invoice_id
    assert invoice_id is not None
    town.tokens["invoice"] = invoice_id
    founded = quotes.known(town.ids["quote invoiced"]).organisation_id
    assert founded is not None
    town.ids["founded"] = founded


def _certificate(town: Town) -> None:
    """Have the manager, who has no seat, hold a certificate with its document."""
    with transaction():
        person = people.with_address(address("manager"))
        assert person is not None
        holder = memberships.actor(person, town.ids["here"]).membership
        certificate = passing.certify(holder, "first-response")
        db.session.add(CertificateDocument(certificate_id=certificate.id, made_at=clock.now(), pdf=b"%PDF-1.7"))
        town.ids["holder"] = holder.id
        town.tokens["certificate"] = certificate.number


def _tests(town: Town) -> None:
    """Have the learner, and somebody of the other organisation, fail a test and answer another that is not handed in yet."""
    for walker, at, key in (("learner", "here", ""), ("stays", "there", " there")):
        with transaction():
            person = people.with_address(address(walker))
            assert person is not None
            actor = memberships.actor(person, town.ids[at])
            enrolment = learning.enrol(actor)
            town.ids[f"failed attempt{key}"] = learning.take_test(actor, enrolment, wrong=5).id
            attempt = attempts.begin(actor, enrolment.id, learning.course_of(enrolment))
            learning.answer_all(actor, attempt)
            town.ids[f"learning{key}"] = actor.membership.id
            town.ids[f"open attempt{key}"] = attempt.id
            town.ids["version"] = enrolment.version_id


def _links(town: Town) -> None:
    """Send the links that mails carry, to people who do not walk."""
    hashed = credentials.hash_password(PASSWORD)
    with transaction():
        sleeper = _person("sleeper", hashed)
        reset = one_time_links.issue(Purpose.RESET_PASSWORD, one_time_links.MAIL_WINDOW, person_id=sleeper.id)
        change = one_time_links.issue(
            Purpose.CHANGE_ADDRESS, one_time_links.MAIL_WINDOW, person_id=sleeper.id, address="awake@example.org"
        )
        wish = registrations.read(
            name="New Comer", address="new@example.org", kind=Kind.ORGANISATION, organisation_name="St Luke"
        )
        registrations.ask(wish, hashed, network="test")
        db.session.flush()
        town.tokens |= {
            "reset": one_time_links.token(reset),
            "change": one_time_links.token(change),
            "registration": registrations.token(db.session.scalars(sa.select(Registration.id)).one()),
        }


def _person(walker: str, hashed: str) -> Person:
    return registrations.open_account(walker.capitalize(), address(walker), hashed)


def _buy(town: Town, owner: Actor) -> None:
    """Buy seats for an organisation, paid on the sandbox's page."""
    with transaction():
        order = checkouts.start(owner, 25, Interval.YEAR, vat_percent=20, seat_for_buyer=False)
    gateway = town.app.extensions["gateway"]
    reactions.open_checkout(gateway, order.id, address=people.address_of(owner.person), page_url="http://127.0.0.1:8000/order")
    db.session.rollback()
    pay = f"{town.app.extensions['sandbox'].listen()}/checkout/{order.provider_id}"
    requests.post(pay, data=CARD, timeout=20, allow_redirects=False).raise_for_status()
    assert reactions.serve(gateway, order.id) is checkouts.State.SERVED
    town.ids["order"] = order.id


def _browser(town: Town, walker: str) -> None:
    """Sign somebody in twice, and keep the browser of the second time and the id of the first sign-in."""
    browser = PageReader(town.app)
    browser.get("/sign-in")
    if walker != VISITOR:
        other = PageReader(town.app)
        other.sign_in(address(walker), PASSWORD)
        with town.app.app_context():
            newest = sa.select(SignIn.id).order_by(SignIn.created_at.desc()).limit(1)
            town.sign_ins[walker] = db.session.scalars(newest).one()
        browser.sign_in(address(walker), PASSWORD)
        browser.get("/profile/name")
    town.browsers[walker] = browser
    town.sign_ins.setdefault(walker, uuid4())
