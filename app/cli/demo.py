"""The demo: made-up organisations of three sizes, bought through the sandbox like any other, and who can sign in to see them."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

from app import joining
from app.accounts import credentials, memberships, organisations, people, registrations
from app.accounts.memberships import Actor, Role
from app.accounts.organisations import Kind
from app.cli import demo_fields, demo_invoices, demo_learning, demo_teams
from app.kernel import files
from app.kernel.errors import Refusal
from app.kernel.transaction import transaction
from billing import changes, changing, checkouts, reactions, seats
from billing.price_cards import Interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flask import Flask

    from app.accounts.memberships import Membership
    from app.accounts.people import Person
    from app.settings import Settings

DOMAIN = "demo.example"
OPERATOR = "Olive Marsh"
FIRST = (
    "Amara", "Ben", "Carys", "Dmitri", "Esther", "Farah", "Gareth", "Hana", "Imran", "Joan",
    "Kofi", "Lucy", "Mateusz", "Nadia", "Owen", "Parveen", "Rhys", "Sofia", "Tariq", "Una",
)  # fmt: skip
LAST = ("Okafor", "Whitlock", "Pugh", "Vale", "Lim", "Hussain", "Brook", "Sato", "Finch", "Carter", "Mensah", "Shaw")
WORDS = (
    "amber", "anchor", "apple", "basket", "bridge", "candle", "copper", "daisy", "ember", "fern", "garden", "harbour",
    "island", "juniper", "kettle", "ladder", "lantern", "maple", "meadow", "nutmeg", "orchard", "paper", "pebble", "quilt",
    "river", "saddle", "silver", "thistle", "umber", "velvet", "willow", "yarrow",
)  # fmt: skip
CARD = {
    "number": "4242 4242 4242 4242",
    "expiry": "12/34",
    "cvc": "123",
    "name": "Demo Buyer",
    "postcode": "SW1A 1AA",
    "line1": "1 High Street",
    "city": "Exampleton",
}


@dataclass(frozen=True, slots=True)
class Part:
    """Somebody who can sign in to the demo, and as what."""

    name: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class Scene:
    """A made-up organisation: what it bought, who runs it, its sites, and how many are there in each state.

    `added` seats were bought after the first ones, and `planned` are to be left with the renewal. With a `purchase_order` it pays
    by invoice: the first one is paid, that for added seats is open.
    """

    name: str
    kind: Kind
    seats: int
    interval: Interval
    cast: tuple[Part, ...]
    learners: int = 0
    invited: int = 0
    archived: int = 0
    waiting: int = 0
    withdrawn: int = 0
    sites: tuple[demo_teams.Site, ...] = ()
    has_learned: bool = False
    added: int = 0
    planned: int | None = None
    purchase_order: str = ""


SCENES = (
    Scene(
        "Priya Nair",
        Kind.INDIVIDUAL,
        1,
        Interval.MONTH,
        (Part("Priya Nair", frozenset({Role.OWNER, Role.LEARNER})),),
    ),
    Scene(
        "St Anselm's Parish",
        Kind.ORGANISATION,
        20,
        Interval.YEAR,
        (
            Part("Ruth Adeyemi", frozenset({Role.OWNER})),
            Part("Tom Barker", frozenset({Role.ADMIN, Role.LEARNER})),
            Part("Mei Chen", frozenset({Role.MANAGER, Role.LEARNER})),
            Part("Frances Doyle", frozenset({Role.BILLING})),
            Part("Leo Grant", frozenset({Role.LEARNER})),
        ),
        learners=16,
        invited=3,
        archived=2,
        sites=demo_teams.PARISH,
        has_learned=True,
        added=5,
    ),
    Scene(
        "Harbourside Schools Trust",
        Kind.ORGANISATION,
        250,
        Interval.YEAR,
        (
            Part("Ivor Penrose", frozenset({Role.OWNER})),
            Part("Grace Holt", frozenset({Role.MANAGER})),
            Part("Sam Okonkwo", frozenset({Role.MANAGER, Role.LEARNER})),
        ),
        learners=188,
        invited=24,
        archived=31,
        waiting=17,
        withdrawn=6,
        sites=demo_teams.TRUST,
        planned=220,
    ),
    Scene(
        "Oakhill Primary School",
        Kind.ORGANISATION,
        15,
        Interval.YEAR,
        (
            Part("Nora Whitfield", frozenset({Role.OWNER})),
            Part("Paul Denby", frozenset({Role.BILLING})),
        ),
        learners=13,
        added=5,
        purchase_order="PO-2026-118",
    ),
)


def make(app: Flask) -> str:
    """Make the demo once in a data folder and give the words that tell how to sign in."""
    chosen: Settings = app.config["SETTINGS"]
    password = _password(chosen)
    with app.app_context():
        operator = people.with_address(_address(OPERATOR))
        # The operator comes to be one last, so that a demo that was stopped half-way is finished.
        if operator is None or not operator.is_operator:
            print("Making the demo …", flush=True)
            password_hash = credentials.hash_password(password)
            for scene in SCENES:
                _play(app, scene, password_hash)
            with transaction():
                _person(OPERATOR, password_hash).is_operator = True
    lines = [f"  {role:<20}{_address(name):<34}{where}" for role, name, where in _sign_ins()]
    return "\n".join(
        [f"\nDemo sign-ins, all with the password  {password}\n", *lines, "", f"Mailbox: {chosen.url}/sandbox/mailbox", ""]
    )


def first_operator_link(app: Flask) -> str:
    """Give the words with the one-time link for the first operator; nothing once there is one."""
    with app.app_context():
        try:
            with transaction():
                path = registrations.invite_first_operator()
        except Refusal:
            return ""
    return f"\nThe shop has no operator yet. Open this link once, within a day:\n{app.config['SETTINGS'].url}{path}\n"


def _sign_ins() -> Iterator[tuple[str, str, str]]:
    yield "operator", OPERATOR, "the office"
    for scene in SCENES:
        for part in scene.cast:
            yield " + ".join(sorted(part.roles)), part.name, scene.name


def _play(app: Flask, scene: Scene, password_hash: str) -> None:
    """Make one organisation, whole or where it was left."""
    owner_part, *others = scene.cast
    with transaction():
        owner = _person(owner_part.name, password_hash)
        place = next((place for place in memberships.places_of(owner.id) if place.organisation.name == scene.name), None)
        organisation = place.organisation if place else organisations.found(scene.name, scene.kind, by=owner.id)
        membership = place.membership if place else memberships.add(organisation, owner, {Role.OWNER})
    actor = Actor(owner, organisation, membership)
    if not seats.count(organisation.id).bought:
        if scene.purchase_order:
            _buy_by_invoice(app, actor, scene, password_hash)
        else:
            _buy(app, actor, scene)
    count = seats.count(organisation.id)
    if scene.added and count.bought + count.withheld == scene.seats:
        _add(app, actor, scene.added)
    if seats.count(organisation.id).in_use <= 1:
        with transaction():
            actor = memberships.actor(people.known(owner.id), organisation.id)
            _people(actor, scene, others, password_hash)
    if scene.planned and seats.count(organisation.id).coming is None:
        _plan(app, actor, scene.planned)
    if scene.has_learned:
        demo_learning.play(memberships.actor(people.known(owner.id), organisation.id), _address)


def _buy(app: Flask, actor: Actor, scene: Scene) -> None:
    """Order, pay on the sandbox's page and be served."""
    for_owner = Role.LEARNER in scene.cast[0].roles
    settings: Settings = app.config["SETTINGS"]
    with transaction():
        checkout = checkouts.start(
            actor, scene.seats, scene.interval, vat_percent=settings.vat_percent, seat_for_buyer=for_owner, starts_at_once=True
        )
    page = f"{settings.url}/workspace/{checkout.organisation_id}/checkouts/{checkout.id}"
    gateway = app.extensions["gateway"]
    reactions.open_checkout(gateway, checkout.id, address=people.address_of(actor.person), page_url=page)
    with transaction():
        provider_id = checkouts.of_organisation(checkout.organisation_id, checkout.id).provider_id
    pay = f"{app.extensions['sandbox'].listen()}/checkout/{provider_id}"
    requests.post(pay, data={**CARD, "email": actor.person.address}, timeout=20, allow_redirects=False).raise_for_status()
    reactions.serve(gateway, checkout.id)


def _buy_by_invoice(app: Flask, actor: Actor, scene: Scene, password_hash: str) -> None:
    """Ask for a quote, accept it, and have the operator note that its invoice is paid."""
    with transaction():
        operator_id = _person(OPERATOR, password_hash).id
    demo_invoices.buy(
        app.extensions["gateway"],
        actor,
        scene.seats,
        scene.purchase_order,
        address=_address(scene.cast[0].name),
        vat_percent=app.config["SETTINGS"].vat_percent,
        operator_id=operator_id,
    )


def _add(app: Flask, actor: Actor, number: int) -> None:
    """Add seats to those that were bought."""
    gateway = app.extensions["gateway"]
    offer = changing.offer_seats(gateway, actor.organisation.id, number)
    with transaction():
        change_id = changes.accept(actor, offer, changes.Kind.MORE_SEATS).id
    changing.carry_out(gateway, change_id)


def _plan(app: Flask, actor: Actor, number: int) -> None:
    """Plan fewer seats for the renewal."""
    with transaction():
        change_id = changes.fewer_seats(actor, number).id
    changing.carry_out(app.extensions["gateway"], change_id)


def _people(actor: Actor, scene: Scene, cast: Iterable[Part], password_hash: str) -> None:
    """Fill the organisation: those who can sign in, those who learn, those invited and those who have left."""
    for part in cast:
        _seat(actor, memberships.add(actor.organisation, _person(part.name, password_hash), part.roles))
    names = iter(_crowd(scene.name))
    for _ in range(scene.learners):
        _seat(actor, memberships.add(actor.organisation, _person(next(names), password_hash), {Role.LEARNER}))
    for _ in range(scene.archived):
        leaver = memberships.add(actor.organisation, _person(next(names), password_hash), {Role.LEARNER})
        _seat(actor, leaver)
        joining.archive(actor, leaver.id)
    for _ in range(scene.waiting):
        memberships.add(actor.organisation, _person(next(names), password_hash), {Role.LEARNER})
    for number in range(scene.invited + scene.withdrawn):
        name = next(names)
        guest = joining.invite(actor, name, _address(name), {Role.LEARNER}, days=14)
        if number < scene.withdrawn:
            joining.withdraw(actor, guest.id)
    demo_teams.build(actor, scene.sites)
    if scene.sites:
        demo_fields.build(actor)


def _seat(actor: Actor, membership: Membership) -> None:
    if membership.is_learner:
        seats.assign(actor.organisation.id, membership.id, seats.State.IN_USE, by=actor.person.id)


def _crowd(seed: str) -> Iterator[str]:
    """Give made-up names without end, other ones for each organisation."""
    shift = sum(seed.encode())
    for number in itertools.count():
        row, column = divmod(number, len(FIRST))
        lap = row // len(LAST)
        name = f"{FIRST[(column + shift) % len(FIRST)]} {LAST[(row + column) % len(LAST)]}"
        yield f"{name}-{LAST[lap % len(LAST)]}" if lap else name


def _person(name: str, password_hash: str) -> Person:
    """Give the person of a made-up name, opening the account when there is none."""
    address = _address(name)
    return people.with_address(address) or registrations.open_account(name, address, password_hash)


def _address(name: str) -> str:
    return f"{name.lower().replace(' ', '.')}@{DOMAIN}"


def _password(chosen: Settings) -> str:
    """Give the password of the demo, made at random once for each data folder."""
    path = chosen.data / "demo_password"
    if not path.exists():
        files.write(path, "-".join(secrets.choice(WORDS) for _ in range(4)).encode())
    return path.read_text()
