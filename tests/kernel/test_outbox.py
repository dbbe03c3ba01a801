"""The outbox forgets mails to somebody and about them, and none that only looks like it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.kernel import clock, outbox
from app.kernel.db import db, uuid7
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction

HERE, THERE, ZOE = uuid7(), uuid7(), uuid7()


def is_forgotten(organisation_id, address="ruth@example.org", **facts):
    """Whether a mail of two days ago goes with Zoë King, whom one organisation also knew as office@example.org."""
    with transaction():
        outbox.write("news", address, organisation_id=organisation_id, **facts)
        clock.advance(timedelta(days=2))
    with transaction():
        outbox.forget({"zoe@example.org"}, {HERE: {"office@example.org"}}, {ZOE})
    return db.session.scalar(sa.select(sa.func.count()).select_from(OutboxMail)) == 0


@pytest.mark.parametrize(
    "facts", [{"giver_id": str(ZOE), "at": "x"}, {"lines": [{"what": "accepted", "about": ["x", str(ZOE)]}]}]
)
def test_a_mail_that_is_about_them_by_id_goes_wherever_the_id_stands(shop, facts):
    assert is_forgotten(HERE, **facts)
    assert not is_forgotten(THERE, **facts)


@pytest.mark.parametrize(
    "facts", [{"giver": "Zoë King"}, {"names": ["Zoë King"]}, {"name": "Zoë King"}, {"about": [str(uuid7())]}]
)
def test_a_mail_that_holds_their_name_or_another_id_stays_because_others_may_be_meant(shop, facts):
    assert not is_forgotten(HERE, **facts)


def test_a_mail_about_them_that_has_yet_to_leave_stays_and_says_what_is_true_by_then(shop):
    with transaction():
        outbox.write("news", "ruth@example.org", organisation_id=HERE, about=[str(ZOE)])
        outbox.forget(set(), {HERE: set()}, {ZOE})
    [mail] = db.session.scalars(sa.select(OutboxMail))
    with transaction():
        assert outbox.mark_sent(mail.id)
        outbox.forget(set(), {HERE: set()}, {ZOE})
    assert db.session.scalar(sa.select(sa.func.count()).select_from(OutboxMail)) == 0


@pytest.mark.parametrize(
    ("organisation_id", "address", "goes"),
    [
        (THERE, "Zoe@example.org", True),
        (None, "zoe@example.org", True),
        (HERE, "Office@example.org", True),
        (THERE, "office@example.org", False),
        (None, "office@example.org", False),
    ],
)
def test_mails_to_them_go_everywhere_and_to_a_further_address_in_its_organisation_alone(shop, organisation_id, address, goes):
    assert is_forgotten(organisation_id, address) is goes
