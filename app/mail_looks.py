"""The looks of mails: in whose name and colours one comes. A logo travels inside the mail, so that opening it tells nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app import mail_kinds
from app.accounts import brands, organisations

if TYPE_CHECKING:
    from uuid import UUID

SHOP = "Lanyard"
# By which name the text of a mail calls the picture that goes with it.
LOGO = "logo@lanyard"


@dataclass(frozen=True, slots=True)
class Look:
    """Whose name stands at the head of a mail, in which colours for light and for dark, and how large the logo is."""

    name: str = SHOP
    colour: str = brands.USUAL_COLOUR
    dark_colour: str = "#6fc7b8"
    logo: bytes = b""
    logo_width: int = 0
    logo_height: int = 0

    @property
    def sender(self) -> str:
        """The name that stands before the address a mail comes from; empty for that of the shop."""
        return "" if self.name == SHOP else f"{self.name} via {SHOP}"


def of(kind: str, organisation_id: UUID | None) -> Look:
    """Give the look of a mail of a kind that is written for an organisation, or for none."""
    if organisation_id is None or not mail_kinds.of(kind).is_theirs:
        return Look()
    brand, organisation = brands.of(organisation_id), organisations.known(organisation_id)
    name = organisation.name
    if brand is None:
        return Look() if organisation.kind == organisations.Kind.INDIVIDUAL else Look(name)
    if brand.logo_digest is None:
        return Look(name, brand.colour, brand.dark_colour)
    # On a screen of high density a logo is drawn at half its size.
    width, height = (brand.logo_width or 0) // 2, (brand.logo_height or 0) // 2
    return Look(name, brand.colour, brand.dark_colour, brand.logo or b"", width or 1, height or 1)
