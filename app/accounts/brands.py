"""Brands: the colour and the logo in which an organisation's mails and pages come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import people
from app.accounts.organisations import LONGEST_NAME, Organisation
from app.kernel import clock, contrast, journal, limits, pictures
from app.kernel.db import Model, db
from app.kernel.errors import Invalid, Missing, NotAllowed

if TYPE_CHECKING:
    from app.kernel.pictures import Picture

USUAL_COLOUR = "#0b5d55"
# On what mails stand where the reader's are dark.
DARK_GROUND = "#18212a"
LOGO_WIDTH, LOGO_HEIGHT = 360, 120
PICTURES_AN_HOUR = 20


class Brand(Model):
    """How one organisation looks; a row exists once somebody has chosen. The digest stands for the logo in its address."""

    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organisation.id"), primary_key=True)
    colour: Mapped[str]
    logo: Mapped[bytes | None] = mapped_column(deferred=True)
    logo_digest: Mapped[str | None]
    logo_width: Mapped[int | None]
    logo_height: Mapped[int | None]
    changed_at: Mapped[datetime]

    __table_args__ = (sa.CheckConstraint("(logo IS NULL) = (logo_digest IS NULL)", name="logo_has_digest"),)

    @property
    def dark_colour(self) -> str:
        """The colour as it is read well where everything else is dark."""
        return contrast.nearest(self.colour, DARK_GROUND)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody filled in: the organisation's name, its colour, and the logo they sent, if any."""

    name: str
    colour: str
    logo: Picture | None = None


def of(organisation_id: UUID) -> Brand | None:
    """Give how an organisation looks, or None while nobody has chosen."""
    return db.session.get(Brand, organisation_id)


def spend_picture(organisation_id: UUID) -> None:
    """Count a picture that is sent to an organisation; raises NotAllowed beyond some in an hour."""
    if not limits.spend(f"logo:{organisation_id}", PICTURES_AN_HOUR, timedelta(hours=1)):
        raise NotAllowed("That is as many pictures as one organisation may send in an hour. Please try again later.")


def fitted(content: bytes) -> Picture:
    """Give a picture as a logo. It takes a while, so no transaction may wait for it.

    Raises Invalid, for the form's field, for what cannot be used.
    """
    return pictures.fitted(content, LOGO_WIDTH, LOGO_HEIGHT)


def save(organisation_id: UUID, wish: Wish, *, by: UUID) -> None:
    """Change the name, the colour and, when a picture was sent, the logo of an organisation.

    Raises Invalid, for the form's field, for a name or a colour that cannot be used.
    """
    name, colour = people.read_name(wish.name, "name", LONGEST_NAME), read_colour(wish.colour)
    organisation = db.session.get_one(Organisation, organisation_id)
    if organisation.name != name:
        organisation.name = name
        journal.write("organisation.renamed", organisation_id=organisation_id, by=by, about=organisation_id)
    values = {"colour": colour, "changed_at": clock.now()} | (_columns(wish.logo) if wish.logo else {})
    insert: Any = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = insert(Brand).values(organisation_id=organisation_id, **values)
    db.session.execute(row.on_conflict_do_update(index_elements=[Brand.organisation_id], set_=values))
    journal.write("brand.changed", organisation_id=organisation_id, by=by, about=organisation_id)


def remove_logo(organisation_id: UUID, *, by: UUID) -> None:
    """Take the logo away; raises Missing when there is none."""
    has_logo = sa.and_(Brand.organisation_id == organisation_id, Brand.logo_digest.is_not(None))
    gone = {"logo": None, "logo_digest": None, "logo_width": None, "logo_height": None, "changed_at": clock.now()}
    removed = db.session.execute(sa.update(Brand).where(has_logo).values(**gone).returning(Brand.organisation_id)).scalar()
    if removed is None:
        raise Missing
    journal.write("brand.logo_removed", organisation_id=organisation_id, by=by, about=organisation_id)


def logo(organisation_id: UUID, digest: str) -> bytes:
    """Give the logo of an organisation as PNG; raises Missing for one that is not, or no longer, there."""
    is_meant = sa.and_(Brand.organisation_id == organisation_id, Brand.logo_digest == digest)
    found = db.session.scalar(sa.select(Brand.logo).where(is_meant))
    if found is None:
        raise Missing
    return found


def read_colour(typed: str) -> str:
    """Give a colour as it is kept; raises Invalid, with the nearest that can be read, when white letters on it cannot."""
    colour = typed.strip().casefold()
    colour = colour if colour.startswith("#") else f"#{colour}"
    if not contrast.HEX.fullmatch(colour):
        raise Invalid("Give the colour as # and six signs, such as #0b5d55.", field="colour")
    if not contrast.is_enough(colour, contrast.WHITE):
        found, offered = contrast.ratio(colour, contrast.WHITE), contrast.nearest(colour, contrast.WHITE)
        message = f"White letters on {colour} have a contrast of {found:.1f} to 1, and 4.5 is needed. The nearest that has it is"
        raise Invalid(f"{message} {offered}.", field="colour")
    return colour


def _columns(picture: Picture) -> dict[str, object]:
    return {
        "logo": picture.png,
        "logo_digest": picture.digest,
        "logo_width": picture.width,
        "logo_height": picture.height,
    }
