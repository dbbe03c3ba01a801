"""The number of queries of a page does not grow with the number of rows it lists."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from app import joining, mail, roster, ways_in
from app.accounts import join_links, memberships, organisations, people, registrations, teams, waiting_places
from app.accounts.mail_domains import MailDomain
from app.accounts.memberships import Role
from app.accounts.organisations import Kind
from app.accounts.people import Person
from app.accounts.sign_ins import SignIn
from app.kernel import clock, journal, outbox
from app.kernel.db import db, uuid7
from app.kernel.transaction import transaction
from billing import credit, events, promotions, quotes, receipts, seats, subscriptions
from billing.figures import Discount
from billing.gateway import ProviderEvent
from billing.invoices import Invoice
from billing.price_cards import Interval
from billing.quotes import Wanted
from billing.vat_documents import VatDocument
from catalog.learning import attempts
from catalog.shelf import importing
from catalog.shelf.importing import Content
from tests import learning, passing
from tests.house.statements import Recorder
from tests.provider import snapshot
from tests.shelf import SHELF

FEW, MANY = 3, 40


def owner_of(town):
    person = people.with_address("owner@example.org")
    return memberships.actor(person, town.ids["here"])


def more_people(town, number):
    """Add people who learn, people who are invited, and people who have left."""
    owner = owner_of(town)
    subscriptions.live(owner.organisation.id).bought = 4 * MANY
    db.session.flush()
    for n in range(number):
        for state in ("here", "left"):
            person = registrations.open_account(f"{state} {n}", f"{state}{n}@example.org", "hash")
            member = memberships.add(owner.organisation, person, {Role.LEARNER})
            seats.assign(owner.organisation.id, member.id, seats.State.IN_USE, by=person.id)
            if state == "left":
                joining.archive(owner, member.id)
        joining.invite(owner, f"Invited {n}", f"invited{n}@example.org", {Role.LEARNER}, days=14)


def more_people_of_team(town, number):
    """Put many people into the manager's team."""
    more_people(town, number)
    ids = roster.ids(owner_of(town), roster.Wanted())
    teams.put(town.ids["here"], town.ids["team"], ids, by=owner_of(town).person.id)


def more_seats_of_one(town, number):
    """Give a seat to somebody and take it back, again and again."""
    for _ in range(number):
        seats.release(town.ids["here"], town.ids["leaver"], "tried", by=None)
        seats.assign(town.ids["here"], town.ids["leaver"], seats.State.IN_USE, by=None)


def more_organisations(_town, number):
    """Add customers of the shop, to all of which the owner belongs."""
    owner = people.with_address("owner@example.org")
    for n in range(number):
        organisation = organisations.found(f"Parish {n}", Kind.ORGANISATION, by=owner.id)
        memberships.add(organisation, owner, {Role.OWNER})
        subscriptions.begin(organisation.id, snapshot(id=f"sub_parish_{n}"))


def more_promotions(_town, number):
    for n in range(number):
        promotions.make(f"MORE{n}", Discount(10, None), by=uuid7(), currency="GBP", interval=Interval.YEAR)


def more_mails(_town, number):
    for n in range(number):
        outbox.write("no_account", f"nobody{n}@example.org")


def more_events(_town, number):
    for n in range(number):
        facts = {"api_version": None, "object_id": "in", "checkout_id": None, "subscription_id": None, "payload": {}}
        events.store(ProviderEvent(id=f"evt_more_{n}", kind="invoice.paid", created_at=clock.now(), **facts))


def copies(number):
    """Give copies of a course as if they were read from files of their own."""
    file = SHELF.courses[1]
    fronts = [file.front | {"title": f"Course {n}"} for n in range(number)]
    return [replace(file, slug=f"course-{n}", digest=f"digest {n}", front=front) for n, front in enumerate(fronts)]


def more_courses(_town, number):
    """Put copies of a course on the shelf."""
    importing.load(Content((*SHELF.courses, *copies(number)), SHELF.guides, SHELF.articles))


def more_learning(town, number):
    """Have the learner take many courses, each with a failed test and a test that is open."""
    more_courses(town, number)
    learner = memberships.actor(people.with_address("learner@example.org"), town.ids["here"])
    for file in copies(number):
        enrolment = learning.enrol(learner, file.slug)
        learning.do_lessons(enrolment, but=1)
        learning.take_test(learner, enrolment, wrong=len(file.questions))
        attempts.begin(learner, enrolment.id, learning.course_of(enrolment))


def more_tests(town, number):
    """Have the learner fail the test of one course again and again."""
    learner = memberships.actor(people.with_address("learner@example.org"), town.ids["here"])
    enrolment = learning.enrol(learner)
    attempts.hand_in(learner, town.ids["open attempt"])
    if not enrolment.is_open:
        enrolment = learning.enrol(learner)
    for _ in range(number):
        learning.take_test(learner, enrolment, wrong=5)


def more_guides(_town, number):
    """Put copies of a guide and of an article on the shelf."""
    guides = tuple(replace(SHELF.guides[0], slug=f"guide-{n}", digest=f"digest {n}") for n in range(number))
    articles = tuple(replace(SHELF.articles[0], slug=f"article-{n}", digest=f"digest {n}") for n in range(number))
    importing.load(Content(SHELF.courses, (*SHELF.guides, *guides), (*SHELF.articles, *articles)))


def more_certificates(town, number):
    """Have somebody pass courses again and again."""
    holder = memberships.of_organisation(town.ids["here"], town.ids["holder"])
    for _ in range(number):
        passing.certify(holder, "first-response")


def more_sign_ins(_town, number):
    owner = db.session.scalars(sa.select(Person).where(Person.address == "owner@example.org")).one()
    template = db.session.scalars(sa.select(SignIn).where(SignIn.person_id == owner.id).limit(1)).one()
    kept = {"agent": template.agent, "keep": True, "person_id": owner.id, "created_at": template.created_at}
    for n in range(number):
        db.session.add(
            SignIn(id=uuid7(), token_hash=f"{n}", last_seen_at=template.last_seen_at, expires_at=template.expires_at, **kept)
        )


def more_invoices(town, number):
    """Keep invoices of the organisation with their documents, and what happened to its subscription."""
    subscription = subscriptions.live(town.ids["here"])
    for n in range(number):
        journal.write("subscription.changed", organisation_id=town.ids["here"], about=subscription.id, seats=n, status="active")
        row = {"id": f"in_more_{n}", "organisation_id": town.ids["here"], "number": f"MORE-{n}", "currency": "GBP"}
        row |= {"net_minor": 100, "vat_minor": 20, "gross_minor": 120, "issued_at": clock.now()}
        paid = {"status": "paid", "why": "subscription_cycle", "remaining_minor": 0, "paid_minor": 120}
        db.session.add(Invoice(**row, **paid, subscription_id=subscription.id))
        db.session.flush()
        facts = {"buyer": "St Mary", "buyer_address": [], "buyer_vat_number": None, "fields": [], "of_invoice": f"MORE-{n}"}
        db.session.add(VatDocument(**row, invoice_id=row["id"], kind="credit_note", refunded_minor=0, facts=facts))


def more_debts(town, number):
    """Keep invoices of many organisations that are to be paid, money that came for them for nothing, and quotes of one."""
    operator = people.with_address("operator@example.org")
    for n in range(number):
        organisation = organisations.found(f"Owing {n}", Kind.ORGANISATION, by=operator.id)
        subscription = subscriptions.begin(organisation.id, snapshot(id=f"sub_owing_{n}"))
        db.session.add(
            Invoice(
                id=f"in_owing_{n}",
                organisation_id=organisation.id,
                subscription_id=subscription.id,
                number=f"OWING-{n}",
                status="open",
                why="subscription_create",
                net_minor=100,
                vat_minor=20,
                gross_minor=120,
                remaining_minor=120,
                paid_minor=0,
                currency="GBP",
                issued_at=clock.now(),
                due_at=clock.now(),
            )
        )
        db.session.flush()
        received = receipts.note(f"in_owing_{n}", clock.now().date(), "BACS", 120, by=operator.id)
        receipts.settle(received.id, receipts.State.REFUSED, "Paid by card already.")
        credit.set_limit(organisation.id, 100, by=operator.id)
        more_quotes(town, 1)


def more_quotes(town, number):
    """Send quotes for the organisation."""
    operator = people.with_address("operator@example.org")
    for _ in range(number):
        wanted = Wanted(seats=30, organisation="St Mary", name="Ben", address="ben@example.org")
        quote = quotes.prepare(wanted, by=operator.id, organisation_id=None, vat_percent=20)
        quote.organisation_id = town.ids["here"]
        quotes.send(quote.id, by=operator.id, days=30)


def more_former(town, number):
    """Add people whose seat came back when the subscription ended."""
    more_people(town, number)
    seats.release_all(subscriptions.live(town.ids["here"]), seats.SUBSCRIPTION_ENDED)


def more_teams(town, number):
    """Make many teams with somebody in each."""
    for n in range(number):
        team = teams.make(town.ids["here"], f"Team {n}", None, by=owner_of(town).person.id)
        teams.put(town.ids["here"], team.id, [town.ids["leaver"]], by=owner_of(town).person.id)


def more_ways_in(town, number):
    """Have many people ask to join and many wait for a seat, and make many links and mail domains."""
    owner = owner_of(town)
    for n in range(number):
        link = join_links.make(owner, team_id=town.ids["team"], most=None, days=30, needs_approval=True)
        ways_in.join(ways_in.by_link(link), registrations.open_account(f"Asking {n}", f"asking{n}@example.org", "-"))
        waits = memberships.add(owner.organisation, registrations.open_account("W", f"w{n}@example.org", "-"), {Role.LEARNER})
        waiting_places.add(owner.organisation.id, [waits.id], by=owner.person.id)
        values = {"organisation_id": town.ids["here"], "needs_approval": False, "state": "confirmed", "asked_at": clock.now()}
        db.session.add(MailDomain(domain=f"place{n}.example", **values))


def more_offers(town, number):
    """Have many organisations confirm the domain at which the owner has an address."""
    more_organisations(town, number)
    owner = people.with_address("owner@example.org")
    for place in memberships.places_of(owner.id):
        if place.organisation.id != town.ids["here"]:
            place.membership.state, place.membership.archived_at = "archived", clock.now()
            values = {"organisation_id": place.organisation.id, "needs_approval": False, "state": "confirmed"}
            db.session.add(MailDomain(domain="example.org", asked_at=clock.now(), **values))


PAGES = [
    ("owner", "/workspace/{here}/people/requests", more_ways_in),
    ("manager", "/workspace/{here}/people/requests", more_ways_in),
    ("owner", "/workspace/{here}/people/links", more_ways_in),
    ("manager", "/workspace/{here}/people/links", more_ways_in),
    ("owner", "/workspace/{here}/people/waiting", more_ways_in),
    ("owner", "/workspace/{here}/mail-domains", more_ways_in),
    ("owner", "/workspace/", more_offers),
    ("owner", "/workspace/{here}/teams", more_teams),
    ("owner", "/workspace/{here}/people/{leaver}", more_teams),
    ("owner", "/workspace/{here}/people", more_teams),
    ("manager", "/workspace/{here}/people", more_people_of_team),
    ("owner", "/workspace/{here}/people.csv", more_people),
    ("owner", "/workspace/{here}/people/change?do=archive&all=1", more_people),
    ("owner", "/workspace/{here}/", more_people),
    ("owner", "/workspace/{here}/people", more_people),
    ("owner", "/workspace/{here}/people?show=archived", more_people),
    ("owner", "/workspace/{here}/people?columns=name.added.learnt", more_people),
    ("owner", "/workspace/{here}/people/field?all=1", more_people),
    ("owner", "/workspace/{here}/people?sort=address&role=learner", more_people),
    ("owner", "/workspace/{here}/history", more_people),
    ("owner", "/workspace/{here}/people/{leaver}", more_seats_of_one),
    ("owner", "/workspace/{here}/people/{holder}", more_certificates),
    ("manager", "/learn/{here}/certificates", more_certificates),
    ("owner", "/workspace/{here}/billing", more_people),
    ("owner", "/workspace/{here}/billing?", more_invoices),
    ("owner", "/workspace/{here}/billing/invoices", more_invoices),
    ("owner", "/workspace/{here}/billing/statement", more_invoices),
    ("owner", "/workspace/{here}/billing/documents.csv", more_invoices),
    ("operator", "/office/invoices", more_invoices),
    ("owner", "/workspace/{here}/seats-again", more_former),
    ("owner", "/workspace/", more_organisations),
    ("owner", "/buy?seats=3&interval=year", more_organisations),
    ("owner", "/profile", more_sign_ins),
    ("operator", "/office/", more_organisations),
    ("operator", "/office/money", more_events),
    ("operator", "/office/promotions", more_promotions),
    ("operator", "/office/money", more_debts),
    ("operator", "/office/customers", more_debts),
    ("operator", "/office/customers/{here}", more_quotes),
    ("operator", "/office/quotes", more_quotes),
    ("owner", "/workspace/{here}/billing?", more_quotes),
    ("owner", "/quote?seats=5", more_organisations),
    ("visitor", "/sandbox/mailbox", more_mails),
    ("visitor", "/courses", more_courses),
    ("visitor", "/courses?q=course", more_courses),
    ("visitor", "/", more_courses),
    ("visitor", "/sitemap.xml", more_courses),
    ("learner", "/learn/{here}/", more_courses),
    ("learner", "/learn/{here}/", more_learning),
    ("owner", "/workspace/{here}/people/{learning}", more_learning),
    ("learner", "/learn/{here}/first-response", more_tests),
    ("learner", "/learn/{here}/guides", more_guides),
    ("visitor", "/library", more_guides),
    ("visitor", "/articles", more_guides),
]


def queries(town, walker, path, more, number):
    """Count the queries of a page with so many more rows, and say how long it is."""
    with town.watched():
        with town.app.app_context():
            with transaction():
                more(town, number)
            mail.send_due()
        with town.app.app_context(), Recorder(db.engine) as recorder:
            browser = town.browser(walker)
            browser.get(path.format(**town.ids))
        return len(recorder.statements), len(browser.response.data)


@pytest.mark.parametrize(("walker", "path", "more"), PAGES)
def test_a_page_asks_as_often_for_many_rows_as_for_few(town, walker, path, more):
    few, short = queries(town, walker, path, more, FEW)
    many, long = queries(town, walker, path, more, MANY)
    assert few == many
    # These list none of them, or the first few.
    without = {"/workspace/{here}/", "/workspace/{here}/billing", "/workspace/{here}/history", "/"}
    if path not in {*without, "/workspace/{here}/people/field?all=1"}:
        assert long > short
