"""Own exports: everything about a person and nothing about anybody else, for them alone, for a week."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import timedelta

import pytest

from app import own_exports
from app.accounts import memberships, people, person_exports, profile_fields, profile_values, tidying
from app.accounts.memberships import Membership, Role
from app.accounts.profile_fields import Wish
from app.kernel import clock
from app.kernel.db import db
from app.kernel.errors import Conflict, Missing
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction
from billing import seats
from catalog.learning.certificates import CertificateDocument
from tests import passing


@pytest.fixture
def leo(owner, subscribe, make_person):
    """Give somebody with a seat, a pass and its PDF, in an organisation with others."""
    subscribe(owner.organisation.id, 3)
    person_id = make_person("Leo Grant", "leo@example.org", "=Elsewhere")
    with transaction():
        member = memberships.add(owner.organisation, people.known(person_id), {Role.LEARNER})
        seats.assign(owner.organisation.id, member.id, seats.State.IN_USE, by=None)
    with transaction():
        certificate = passing.certify(db.session.get_one(Membership, member.id))
        db.session.add(CertificateDocument(certificate_id=certificate.id, made_at=clock.now(), pdf=b"%PDF-1"))
    return person_id


def made(person_id):
    with transaction():
        person_exports.ask(person_id)
    assert own_exports.make_waiting() == 1
    [export] = person_exports.of(person_id)
    return export


def test_it_holds_what_an_organisation_noted_of_them(owner, leo):
    with transaction():
        desk = profile_fields.add(owner.organisation.id, Wish("Desk", "text"), by=owner.person.id).id
        theirs = [place.membership.id for place in memberships.places_of(leo) if place.organisation.id == owner.organisation.id]
        profile_values.set_each(owner, theirs, desk, "2nd floor")
        profile_values.set_each(owner, [owner.membership.id], desk, "Vestry")
    archive = zipfile.ZipFile(io.BytesIO(own_exports.zipped(people.known(leo))))
    rows = json.loads(archive.read("everything.json"))["profile"]
    assert rows == [{"organisation": "St Mary", "field": "Desk", "value": "2nd floor"}]


def test_it_holds_everything_as_json_and_csv_with_the_certificates(owner, leo):
    export = made(leo)
    archive = zipfile.ZipFile(io.BytesIO(person_exports.content_of(leo, export.id)))
    everything = json.loads(archive.read("everything.json"))
    assert everything["you"]["address"] == "leo@example.org"
    assert {row["organisation"] for row in everything["organisations"]} == {"=Elsewhere", "St Mary"}
    [certificate] = everything["certificates"]
    assert archive.read(f"certificates/{certificate['number']}.pdf") == b"%PDF-1"
    [seat] = csv.DictReader(io.StringIO(archive.read("seats.csv").decode("utf-8-sig")))
    assert (seat["organisation"], seat["state"]) == ("St Mary", "in_use")
    assert [row["course"] for row in everything["tests"]] == ["Fire Marshal Duties: Theory"]
    assert "ruth@example.org" not in archive.read("everything.json").decode()
    assert "'=Elsewhere" in archive.read("organisations.csv").decode()


def test_it_is_theirs_alone_and_goes_after_a_week(owner, leo):
    export = made(leo)
    with pytest.raises(Missing):
        person_exports.content_of(owner.person.id, export.id)
    with transaction():
        clock.advance(timedelta(days=7))
    with pytest.raises(Missing, match="not there any more"):
        person_exports.content_of(leo, export.id)
    tidying.tidy()
    assert person_exports.of(leo) == []


def test_its_owner_is_told_and_one_is_made_at_a_time(leo):
    with transaction():
        person_exports.ask(leo)
    with pytest.raises(Conflict, match="being made already"), transaction():
        person_exports.ask(leo)
    assert own_exports.make_waiting() == 1
    assert own_exports.make_waiting() == 0
    [mail] = db.session.scalars(db.select(OutboxMail).where(OutboxMail.kind == "person_export_ready"))
    assert mail.address == "leo@example.org"


def test_a_worker_that_was_killed_leaves_it_to_the_next_and_two_keep_one(leo):
    with transaction():
        person_exports.ask(leo)
    [(export_id, _)] = person_exports.due()
    own_exports.zipped(people.known(leo))
    assert own_exports.make_waiting() == 1
    with transaction():
        assert not person_exports.keep(export_id, b"made by somebody else")
    assert person_exports.content_of(leo, export_id) != b"made by somebody else"
