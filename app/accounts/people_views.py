"""People views: what somebody asks the people table for, kept under a name for themselves or for everybody who sees people."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, validates

from app.accounts import people
from app.accounts.organisations import Organisation
from app.kernel import clock, journal
from app.kernel.db import Model, db, uuid7
from app.kernel.errors import Conflict, Missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.accounts.memberships import Actor

MOST = 20
LONGEST_NAME = 40


def _where(condition: str) -> dict[str, Any]:
    """Give the condition of an index."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


class PeopleView(Model):
    """What stands in the address of the people table, under a name; without a membership it is for everybody."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"))
    membership_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("membership.id"))
    name: Mapped[str]
    name_key: Mapped[str]
    query: Mapped[dict[str, Any]]
    is_default: Mapped[bool]
    made_at: Mapped[datetime]

    __table_args__ = (
        sa.Index(
            "ix_people_view_one_for_everybody", "organisation_id", "name_key", unique=True, **_where("membership_id IS NULL")
        ),
        sa.Index("ix_people_view_one_of_mine", "membership_id", "name_key", unique=True, **_where("membership_id IS NOT NULL")),
        sa.Index(
            "ix_people_view_default_for_everybody",
            "organisation_id",
            unique=True,
            **_where("is_default AND membership_id IS NULL"),
        ),
        sa.Index(
            "ix_people_view_default_of_mine", "membership_id", unique=True, **_where("is_default AND membership_id IS NOT NULL")
        ),
    )

    @validates("name")
    def _keep_name_key(self, _field: str, name: str) -> str:
        self.name_key = people.name_key(name)
        return name

    @property
    def is_for_everybody(self) -> bool:
        """Whether everybody who sees people has it."""
        return self.membership_id is None


def of(actor: Actor) -> list[PeopleView]:
    """Give the views that the actor has: those for everybody and then their own, each by name."""
    query = sa.select(PeopleView).where(_is_seen_by(actor))
    return list(db.session.scalars(query.order_by(PeopleView.membership_id.is_not(None), PeopleView.name_key, PeopleView.id)))


def default_of(views: list[PeopleView]) -> PeopleView | None:
    """Give the view with which the table opens, if there is one; one's own goes before that for everybody."""
    chosen = [view for view in views if view.is_default]
    return next((view for view in chosen if not view.is_for_everybody), chosen[0] if chosen else None)


def find(actor: Actor, view_id: UUID, *, lock: bool = False) -> PeopleView:
    """Give a view that the actor has; raises Missing for any other."""
    query = sa.select(PeopleView).where(PeopleView.id == view_id, _is_seen_by(actor))
    if lock:
        _lock_views(actor)
        query = query.with_for_update().execution_options(populate_existing=True)
    found = db.session.scalar(query)
    if found is None:
        raise Missing
    return found


def save(actor: Actor, name: str, query: Mapping[str, str], *, for_everybody: bool, is_default: bool) -> PeopleView:
    """Keep a view under a name; raises Invalid for an unusable name, Conflict for one that is taken, or for too many views."""
    _lock_views(actor)
    if len(of(actor)) >= MOST:
        raise Conflict(f"You have {MOST} views already. Remove one that nobody needs any more.")
    view = PeopleView(
        id=uuid7(),
        organisation_id=actor.organisation.id,
        membership_id=None if for_everybody else actor.membership.id,
        name=people.read_name(name, "name", LONGEST_NAME),
        query=dict(query),
        is_default=False,
        made_at=clock.now(),
    )
    _flush(view, add=True)
    _set_default(view, is_default=is_default)
    journal.write("people_view.saved", organisation_id=actor.organisation.id, by=actor.person.id, about=view.id)
    return view


def change(actor: Actor, view_id: UUID, name: str, *, is_default: bool) -> PeopleView:
    """Give a view another name, and have the table open with it or not; raises what saving one does, and Missing."""
    view = find(actor, view_id, lock=True)
    view.name = people.read_name(name, "name", LONGEST_NAME)
    _flush(view)
    _set_default(view, is_default=is_default)
    journal.write("people_view.changed", organisation_id=actor.organisation.id, by=actor.person.id, about=view.id)
    return view


def remove(actor: Actor, view_id: UUID) -> PeopleView:
    """Remove a view; the people in it stay as they are. Raises Missing for one that the actor does not have."""
    view = find(actor, view_id, lock=True)
    db.session.delete(view)
    journal.write("people_view.removed", organisation_id=actor.organisation.id, by=actor.person.id, about=view.id)
    return view


def _is_seen_by(actor: Actor) -> sa.ColumnElement[bool]:
    is_theirs = sa.or_(PeopleView.membership_id.is_(None), PeopleView.membership_id == actor.membership.id)
    return sa.and_(PeopleView.organisation_id == actor.organisation.id, is_theirs)


def _set_default(view: PeopleView, *, is_default: bool) -> None:
    """Have the table open with a view, and with no other of those who have it; or no longer."""
    if is_default and not view.is_default:
        others = sa.and_(
            PeopleView.organisation_id == view.organisation_id, PeopleView.membership_id.is_not_distinct_from(view.membership_id)
        )
        statement = sa.update(PeopleView).where(others, PeopleView.is_default).values(is_default=False)
        db.session.execute(statement.execution_options(synchronize_session="fetch"))
    view.is_default = is_default
    db.session.flush()


def _flush(view: PeopleView, *, add: bool = False) -> None:
    try:
        with db.session.begin_nested():
            if add:
                db.session.add(view)
            db.session.flush()
    except sa.exc.IntegrityError as error:
        raise Conflict("There is a view of this name already. Choose another name.") from error


def _lock_views(actor: Actor) -> None:
    """Let one view of an organisation be changed after the other, so that there is never more than one with which it opens."""
    is_theirs = Organisation.id == actor.organisation.id
    db.session.execute(sa.select(Organisation.id).where(is_theirs).with_for_update(key_share=True))
