"""Mail choices: how often somebody wants the mails that are not necessary, kept by address, so that it needs no account."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.memberships import Membership
from app.kernel import batches, clock, journal
from app.kernel.db import Model, UtcDateTime, db

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from app.accounts.people import Person


class Topic(StrEnum):
    """What a person may have less of; every other mail is necessary."""

    NOTICES = "notices"
    COURSES = "courses"
    REMINDERS = "reminders"


class Choice(StrEnum):
    """How often."""

    AT_ONCE = "at_once"
    DAILY = "daily"
    NEVER = "never"


# What holds while somebody has not chosen.
USUAL = {Topic.NOTICES: Choice.DAILY, Topic.COURSES: Choice.AT_ONCE, Topic.REMINDERS: Choice.AT_ONCE}
# A reminder once a day is a reminder all the same.
OFFERED = {topic: tuple(Choice) for topic in Topic} | {Topic.REMINDERS: (Choice.AT_ONCE, Choice.NEVER)}


class MailChoice(Model):
    """How often the reader of one address wants the mails of one topic."""

    address_key: Mapped[str] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(primary_key=True)
    choice: Mapped[str]
    changed_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("topic IN ('notices', 'courses', 'reminders')", name="topic"),
        sa.CheckConstraint("choice IN ('at_once', 'daily', 'never')", name="choice"),
    )


def of(keys: Collection[str]) -> dict[tuple[str, Topic], Choice]:
    """Give what was chosen for some addresses, in one query; what goes without saying is left out."""
    wanted = sa.select(batches.of(((key,) for key in keys), key=sa.String()).c.key)
    query = sa.select(MailChoice.address_key, MailChoice.topic, MailChoice.choice).where(MailChoice.address_key.in_(wanted))
    return {(key, Topic(topic)): Choice(choice) for key, topic, choice in db.session.execute(query)}


def of_address(key: str) -> dict[Topic, Choice]:
    """Give how often the reader of an address wants each topic."""
    chosen = of([key])
    return {topic: chosen.get((key, topic), usual) for topic, usual in USUAL.items()}


def choose(key: str, wanted: Mapping[Topic, Choice]) -> None:
    """Keep what the reader of an address wants."""
    _keep([key], wanted)


def choose_for_person(person: Person, wanted: Mapping[Topic, Choice]) -> None:
    """Keep what a person wants, for every address by which an organisation knows them, in one statement."""
    query = sa.select(Membership.address_key).where(Membership.person_id == person.id).distinct()
    keys = {person.address_key, *db.session.scalars(query)}
    _keep(sorted(key for key in keys if key is not None), wanted)
    journal.write("mails.chosen", by=person.id, about=person.id)


def move_along(old_key: str, new_key: str) -> None:
    """Have what was chosen for an address hold for the one that takes its place."""
    chosen = {topic: choice for (_, topic), choice in of([old_key]).items()}
    if chosen:
        _keep([new_key], chosen)


def _keep(keys: Collection[str], wanted: Mapping[Topic, Choice]) -> None:
    rows = batches.of(
        ((key, str(topic), str(choice)) for key in keys for topic, choice in wanted.items()),
        address_key=sa.String(),
        topic=sa.String(),
        choice=sa.String(),
    )
    given = sa.select(*rows.c, sa.literal(clock.now(), UtcDateTime())).order_by(rows.c.address_key, rows.c.topic)
    insert: Any = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(MailChoice).from_select(["address_key", "topic", "choice", "changed_at"], given)
    changes = {"choice": statement.excluded.choice, "changed_at": statement.excluded.changed_at}
    key = [MailChoice.address_key, MailChoice.topic]
    db.session.execute(statement.on_conflict_do_update(index_elements=key, set_=changes))
