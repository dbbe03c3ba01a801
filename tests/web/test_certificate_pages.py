"""Certificates in a browser: a learner's own, those of an organisation's people, and the operator's revocation."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app import letters, mail
from app.accounts import memberships, people
from app.accounts.memberships import Role
from app.kernel.db import db
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from tests import passing
from tests.page_reader import PageReader


@pytest.fixture
def leo(parish):
    """Give the browser of a learner with a seat."""
    parish.pays_for(5)
    return parish.member("leo@example.org", Role.LEARNER, seat=True)


@pytest.fixture
def certify(app, parish):
    """Give a way to have a member pass a course: gives the number of the certificate."""

    def make(address, **how):
        with app.app_context(), transaction():
            person = people.with_address(address)
            return passing.certify(memberships.actor(person, parish.id).membership, **how).number

    return make


def sweep(app):
    with app.app_context():
        assert app.extensions["jobs"].run("certificates")


def mine(parish, number=""):
    return f"/learn/{parish.id}/certificates{number and '/'}{number}"


def test_who_has_none_is_shown_the_way_to_one(parish, leo):
    leo.get(mine(parish))
    assert "No certificates yet" in leo.words
    assert leo.page.select_one("main .button")["href"] == f"/learn/{parish.id}/"


def test_a_certificate_is_there_at_once_and_its_pdf_a_moment_later(app, parish, leo, certify):
    number = certify("leo@example.org")
    leo.get(mine(parish))
    assert "being made" in leo.words
    leo.click("Fire Marshal Duties: Theory")
    assert leo.path == mine(parish, number)
    assert "The PDF is being made." in leo.words
    assert leo.page.select_one("[data-awaiting] a")["href"] == mine(parish, number)
    leo.get(f"{mine(parish, number)}.pdf", 404)
    assert "The PDF is being made. Look again in a minute." in leo.words
    sweep(app)
    leo.get(mine(parish, number))
    assert "Download PDF" in leo.words
    assert not leo.page.select("[data-awaiting]")
    leo.click("Download PDF")
    assert leo.response.data.startswith(b"%PDF")
    assert leo.response.mimetype == "application/pdf"
    assert leo.response.headers["Content-Disposition"] == f'inline; filename="Lanyard certificate {number}.pdf"'
    assert leo.response.headers["Cache-Control"] == "no-store"


def test_the_page_says_what_the_certificate_says_and_where_to_check_it(parish, leo, certify):
    number = certify("leo@example.org", all_lessons_done=False)
    leo.get(mine(parish, number))
    for part in (
        "You passed with 90%.",
        "Leo",
        "assessment only",
        "Lanyard for St Mary",
        "Hand over to the fire service",
        "issued",
    ):
        assert part in leo.words
    leo.click(f"127.0.0.1:8000/verify/{number}")
    assert leo.heading == "This certificate is genuine"


def test_an_address_without_the_right_number_is_not_found(parish, leo, certify):
    number = certify("leo@example.org")
    for wrong in (number.lower(), "LY-0000-0000-00000", "x", f"{number}.pdf.pdf"):
        leo.get(mine(parish, wrong), 404)
        leo.get(f"{mine(parish, wrong)}.pdf", 404)


def test_nobody_else_opens_it_not_even_the_owner_of_the_same_organisation(app, parish, leo, certify):
    number = certify("leo@example.org")
    sweep(app)
    for suffix in ("", ".pdf"):
        parish.owner.get(f"{mine(parish, number)}{suffix}", 404)
        PageReader(app).get(f"{mine(parish, number)}{suffix}", 303)
    parish.owner.get(mine(parish))
    assert number not in parish.owner.response.text


def test_it_stays_open_without_a_seat_and_after_a_lapse(app, parish, certify):
    parish.pays_for(5, status="unpaid")
    una = parish.member("una@example.org", Role.LEARNER)
    number = certify("una@example.org")
    sweep(app)
    for path in (mine(parish), mine(parish, number), f"{mine(parish, number)}.pdf"):
        una.get(path)


def test_whoever_left_keeps_their_certificates_and_nothing_else(app, parish, leo, certify, make_person):
    number = certify("leo@example.org")
    sweep(app)
    parish.owner.get(parish.page_of("leo@example.org"))
    parish.owner.submit("Archive Leo")
    leo.get("/workspace/")
    assert "St Mary, until" in leo.words
    leo.click("Your certificates of St Mary")
    assert [link.text for link in leo.page.select(".side-nav a")] == ["My certificates"]
    leo.get(mine(parish, number))
    assert "Issued" in leo.words
    assert leo.client.get(mine(parish, f"{number}.pdf")).data.startswith(b"%PDF-")
    for page in ("", "/guides", "/worried", "/first-response"):
        leo.get(f"/learn/{parish.id}{page or '/'}", 404)
    leo.get(parish.home, 404)
    make_person(name="Tom", address="other@example.org", organisation="St Luke")
    parish.browser("other@example.org").get(mine(parish), 404)


def test_an_admin_opens_the_certificates_of_each_person(app, parish, leo, certify):
    parish.owner.get(parish.page_of("leo@example.org"))
    assert "Leo has no certificate here yet." in parish.owner.words
    number = certify("leo@example.org")
    parish.owner.get(parish.page_of("leo@example.org"))
    assert "being made" in parish.owner.words
    assert f"Leo passed a course: certificate {number}" in parish.owner.words
    sweep(app)
    parish.owner.get(parish.page_of("leo@example.org"))
    parish.owner.click(f"Open the certificate {number}")
    assert parish.owner.response.data.startswith(b"%PDF")
    path = parish.owner.path
    leo.get(path, 403)
    parish.owner.get(path.replace(parish.page_of("leo@example.org"), parish.page_of("ruth@example.org")), 404)


def test_another_organisation_cannot_tell_that_it_exists(app, parish, leo, certify, make_person):
    number = certify("leo@example.org")
    sweep(app)
    path = f"{parish.page_of('leo@example.org')}/certificates/{number}.pdf"
    make_person(name="Tom", address="tom@example.org", organisation="St Luke")
    tom = parish.browser("tom@example.org")
    tom.get(path, 404)
    with app.app_context():
        there = memberships.places_of(people.with_address("tom@example.org").id)[0].organisation.id
    tom.get(path.replace(str(parish.id), str(there)), 404)
    tom.get(f"/learn/{there}/certificates/{number}", 404)


def test_the_holder_is_told_by_mail_with_one_link(app, parish, leo, certify, link_to):
    number = certify("leo@example.org")
    assert link_to("leo@example.org") == mine(parish, number)
    with app.app_context():
        assert mail.send_due() == 0


def test_the_operator_finds_a_certificate_and_revokes_it_for_a_reason(app, parish, leo, certify, operator):
    number = certify("leo@example.org")
    operator.get("/office/")
    operator.click("Certificates")
    operator.get("/office/certificates", 303, query_string={"number": number.lower()})
    operator.follow()
    assert operator.heading == number
    operator.submit("Revoke the certificate", {"because": "Somebody else sat the test."}, status=422)
    assert "cannot be taken back" in operator.page.select_one(".error-summary").text
    assert operator.page.select_one("#because").text.strip() == "Somebody else sat the test."
    operator.submit("Revoke the certificate", {"because": " ", "is_sure": "y"}, status=422)
    assert operator.page.select_one(".error-summary a")["href"] == "#because"
    operator.submit("Revoke the certificate", {"because": "Somebody else sat the test.", "is_sure": "y"})
    assert "The certificate is revoked." in operator.words
    assert "because: Somebody else sat the test." in operator.words
    assert not operator.page.select('form[action$="/revoke"]')
    operator.post(f"/office/certificates/{number}/revoke", {"because": "Again.", "is_sure": "y"}, 409)
    leo.get(mine(parish, number))
    assert "This certificate was revoked on" in leo.words
    parish.owner.get(f"{parish.home}history")
    assert f"The certificate {number} of Leo was revoked" in parish.owner.words


def test_the_operator_is_told_when_there_is_none(operator):
    for number, status in (("LY-0000-0000-00000", 404), ("LY", 422)):
        operator.get("/office/certificates", status, query_string={"number": number})
        assert operator.page.select_one(".error-summary")
    operator.get("/office/certificates/LY-0000-0000-00000", 404)


def test_nobody_else_revokes(parish, leo, certify):
    number = certify("leo@example.org")
    parish.owner.get(parish.home)
    parish.owner.post(f"/office/certificates/{number}/revoke", {"because": "x", "is_sure": "y"}, 404)
    parish.owner.get(f"/verify/{number}")
    assert parish.owner.heading == "This certificate is genuine"


def test_the_mail_is_short_has_one_link_and_never_takes_a_name_for_markup(app, parish, certify):
    parish.member("leo@example.org", Role.LEARNER)
    with app.app_context(), transaction():
        person = people.with_address("leo@example.org")
        memberships.actor(person, parish.id).membership.name = "<b>Leo</b> & Co"
    certify("leo@example.org")
    with app.app_context():
        facts = db.session.scalars(sa.select(OutboxMail.facts).where(OutboxMail.kind == "certificate")).one()
        rendered = letters.render("certificate", facts)
    assert rendered.subject == "Your certificate for Fire Marshal Duties: Theory is here"
    assert rendered.text.startswith("Hello <b>Leo</b> & Co,")
    assert all(len(line) <= 78 or "http" in line for line in rendered.text.splitlines())
    assert rendered.text.count("http://") == 1
    assert "<b>Leo" not in rendered.html
