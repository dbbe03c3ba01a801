"""The records of an organisation's people, as their admins may open them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.accounts import oversight
from app.permissions import SEE_PEOPLE
from app.web import certificates as certificate_pages
from app.web.workspace.area import area
from catalog.learning import certificates

if TYPE_CHECKING:
    from uuid import UUID

    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor


@area.page("/<uuid:organisation>/people/<uuid:membership>/certificates/<number>.pdf", allow=SEE_PEOPLE)
def certificate_document(actor: Actor, membership: UUID, number: str) -> ResponseReturnValue:
    """Open the PDF of somebody's certificate."""
    found = oversight.member(actor, membership)
    return certificate_pages.pdf(certificates.of_membership_number(actor.organisation.id, found.id, number).certificate)
