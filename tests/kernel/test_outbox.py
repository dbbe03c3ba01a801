"""The outbox forgets mails to somebody and about them, and none that only looks like it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.kernel import clock, outbox
from app.kernel.db import db, uuid7
from app.kernel.outbox import OutboxMail
from app.kernel.transaction import transaction

HERE, THERE = uuid7(), uuid7()


def is_forgotten(organisation_id, address="ruth@example.org", **facts):
    """Whether a mail of two days ago goes with Zoë King, whom one organisation also knew as office@example.org."""
    with transaction():
        outbox.write("news", address, organisation_id=organisation_id, **facts)
        clock.advance(timedelta(days=2))
    with transaction():
        outbox.forget({"zoe@example.org"}, {HERE: {"office@example.org"}}, {"Zoë King"})
    return db.session.scalar(sa.select(sa.func.count()).select_from(OutboxMail)) == 0


@pytest.mark.parametrize(
    "facts",
    [{"giver": "Zoë King", "at": "x"}, {"at": "x", "giver": "Zoë King"}, {"names": ["Zoë King"]}, {"who": {"a": "Zoë King"}}],
)
def test_a_mail_that_names_them_goes_wherever_the_name_stands(shop, facts):
    assert is_forgotten(HERE, **facts)


@pytest.mark.parametrize(
    "facts",
    [
        {"counts": {"Zoë King": 3}},
        {"organisation": "Zoë King", "at": "x"},
        {"name": "Zoë King"},
        {"words": "thanks to Zoë King"},
        {"giver": "Zoë Kingsley"},
    ],
)
def test_a_mail_stays_in_which_their_name_is_a_key_or_that_of_somebody_else(shop, facts):
    assert not is_forgotten(HERE, **facts)


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
