"""The journal in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from app.accounts import memberships, profile_fields, teams
from app.kernel import journal
from app.web import context

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from app.kernel.journal import JournalEntry

WORDS = {
    "organisation.founded": "{by} started the organisation",
    "checkout.started": "{by} started an order for {seats}",
    "checkout.processing": "The payment of an order is on its way",
    "checkout.paid": "An order was paid",
    "checkout.served": "The seats of an order are ready",
    "checkout.stuck": "An order was paid and its seats are late",
    "checkout.refunded": "An order was paid beside another one, and its money was given back",
    "checkout.expired": "An order was closed without payment",
    "subscription.began": "The subscription began with {seats}",
    "subscription.changed": "The subscription changed: {seats}, {status}",
    "subscription.lapsed": "The courses were closed, because a payment did not come",
    "dispute.open": "A payment was disputed with the bank",
    "dispute.answered": "The bank looks at a disputed payment",
    "dispute.won": "A dispute about a payment was decided for us, and nothing changes",
    "dispute.lost": "A dispute about a payment was lost, and the subscription with it",
    "refund.made": "Money was given back",
    "refund.failed": "Money that was given back did not arrive",
    "change.more_seats": "{by} asked for more seats: {seats}",
    "change.fewer_seats": "{by} planned {seats} for the renewal",
    "change.yearly": "{by} asked to pay by the year",
    "change.monthly": "{by} planned to pay by the month from the renewal on",
    "change.drop_plan": "{by} undid what was planned for the renewal",
    "change.end": "{by} cancelled the subscription",
    "change.go_on": "{by} undid the cancellation",
    "change.done": "What was asked for was carried out",
    "change.lapsed": "What was asked for was not paid, so nothing was changed",
    "change.refused": "The payment provider refused what was asked for",
    "withdrawal.asked": "{by} cancelled within 14 days",
    "withdrawal.done": "The money for the days that were left went back",
    "invoice_recipient.added": "{by} had the invoices sent to one more address",
    "invoice_recipient.removed": "{by} took an address off those who get the invoices",
    "quote.prepared": "{by} prepared quote {number} for {seats}",
    "quote.sent": "Quote {number} was sent",
    "quote.reminded": "A reminder of quote {number} was sent",
    "quote.accepted": "Quote {number} was accepted",
    "quote.invoiced": "The invoice for quote {number} was issued",
    "quote.declined": "Quote {number} was declined",
    "quote.expired": "Quote {number} expired",
    "quote.withdrawn": "Quote {number} was withdrawn, because another subscription had begun",
    "credit.limit_set": "{by} changed how much can be owed",
    "receipt.noted": "The payment of invoice {number} by bank was noted",
    "receipt.told": "The payment by bank was passed on to the payment provider",
    "receipt.refused": "The payment provider refused a payment by bank",
    "invitation.sent": "{by} invited {about}",
    "invitation.sent_again": "{by} sent {about} a new invitation",
    "invitation.accepted": "{about} accepted the invitation",
    "invitation.withdrawn": "{by} withdrew the invitation of {about}",
    "invitation.reminded": "A reminder of the invitation went to {about}",
    "invitation.expired": "The invitation of {about} expired",
    "join_link.made": "{by} made a link by which people can join",
    "join_link.withdrawn": "{by} withdrew a link by which people could join",
    "join_request.open": "Somebody asked to join",
    "join_request.approved": "{by} let somebody in who had asked to join",
    "join_request.declined": "{by} declined a request to join",
    "join_request.expired": "A request to join was not answered in time",
    "join_request.overtaken": "A request to join was over, because whoever asked had come in otherwise",
    "mail_domain.waiting": "{by} added a mail domain by which people can join, and had a mail sent to confirm it",
    "mail_domain.confirmed": "A mail domain was confirmed",
    "mail_domain.removed": "{by} removed a mail domain by which people could join",
    "waiting_list.kept": "{by} had a waiting list kept",
    "waiting_list.dropped": "{by} switched the waiting list off: whoever is on it gets no seat meanwhile",
    "waiting_list.waiting": "{about} is on the waiting list for a seat",
    "waiting_list.seated": "{about} has a seat and is on the waiting list no longer",
    "waiting_list.taken_off": "{about} is off the waiting list",
    "waiting_list.first": "{by} moved {about} to the front of the waiting list",
    "shortfall.open": "{by} asked for the seats that were missing for something",
    "shortfall.done": "{by} went on with what the seats were missing for",
    "shortfall.dropped": "{by} let go of what the seats were missing for",
    "slip.printed": "{by} printed a joining slip for {about}",
    "slip.used": "{about} used their joining slip and chose a password",
    "membership.user_name_changed": "{by} gave {about} another user name",
    "seat.held": "A seat is held for {about}",
    "seat.in_use": "{about} has a seat in use",
    "seat.released": "The seat of {about} is free again ({why})",
    "seat_allowance.set": "{by} set {seats} aside for {team}",
    "seat.all_released": "The subscription ended and {seats} came back",
    "membership.joined": "{about} joined",
    "membership.archived": "{by} archived {about}",
    "membership.restored": "{by} brought {about} back",
    "membership.left": "{about} left",
    "membership.roles_changed": "{by} changed the roles of {about}: {roles}",
    "record.offered": "{by} offered the record of {about} to another organisation",
    "record.withdrawn": "{by} took the offer of the record of {about} back",
    "record.accepted": "{by} took a record that another organisation offers",
    "record.declined": "A record that was offered was declined",
    "record.agreed": "{about} agreed to share their record",
    "record.shared": "A record is shared between two organisations",
    "record.ended": "A record is shared no longer",
    "membership.erased": "{about} had their account deleted; the evidence stays",
    "membership.evidence_gone": "The evidence of {about} was removed, because its date had come",
    "membership.merged": "{by} merged another record into that of {about}",
    "membership.merged_into": "{by} merged this record of {about} into another one",
    "merger.asked": "{by} asked {about} whether another record here is theirs as well",
    "merger.confirmed": "{about} confirmed that two records are theirs",
    "merger.withdrawn": "The question to {about} about another record was withdrawn",
    "merger.declined": "{about} said that another record is not theirs",
    "ownership.offered": "{by} asked {about} to become an owner",
    "ownership.accepted": "{about} agreed and is an owner",
    "ownership.declined": "{about} declined to become an owner",
    "people_import.done": "{by} brought in a list: {new} new, {back} back",
    "people_import.undone": "{by} undid a list: {people} invitations withdrawn",
    "organisation.renamed": "{by} gave the organisation another name",
    "brand.changed": "{by} changed the name or the colours",
    "brand.logo_removed": "{by} removed the logo",
    "quiet_hours.changed": "{by} changed the quiet hours",
    "people_view.saved": "{by} saved a view of the people",
    "people_view.changed": "{by} changed a view of the people",
    "people_view.removed": "{by} removed a view of the people",
    "profile_field.added": "{by} added {field}",
    "profile_field.changed": "{by} changed {field}",
    "profile_field.moved": "{by} moved {field} up",
    "profile_field.removed": "{by} removed a profile field",
    "profile_value.changed": "{by} changed {field} of {about}",
    "team.made": "{by} made {team}",
    "team.renamed": "{by} gave {team} another name",
    "team.moved": "{by} moved {team}",
    "team.archived": "{by} archived {team}",
    "team.brought_back": "{by} brought {team} back",
    "team.joined": "{by} put {about} into {team}",
    "team.left": "{by} took {about} out of {team}",
    "team.manager_appointed": "{by} had {about} manage {team}",
    "team.manager_dismissed": "{by} had {about} manage {team} no longer",
    "enrolment.begun": "{by} began {course}",
    "attempt.begun": "{by} began a test in {course}",
    "attempt.passed": "{by} passed the test in {course} with {score}%",
    "attempt.failed": "{by} did not pass a test in {course}: {score}%",
    "attempt.abandoned": "A test of {about} in {course} was closed, because nobody touched it for a month",
    "certificate.issued": "{about} passed a course: certificate {number}",
    "certificate.revoked": "The certificate {number} of {about} was revoked",
    "safeguarding_contacts.changed": "{by} changed the safeguarding contacts",
}


# What concerns the money, and nobody's training.
MONEY = frozenset(
    {
        *("checkout", "subscription", "change", "dispute", "refund", "quote", "credit", "receipt", "invoice_recipient"),
        "withdrawal",
    }
)
ABOUT_MONEY = journal.Wanted(
    kinds=("seat.all_released", *(what for what in WORDS if what.partition(".")[0] in MONEY and what != "change.done"))
)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened, in words."""

    at: datetime
    text: str


def describe(organisation_id: UUID, entries: Iterable[JournalEntry], *, seen: Collection[UUID] | None = None) -> list[Line]:
    """Put entries into words, with the names by which the organisation knows people; four queries however many there are.

    Where the reader may see some teams only, the others have no name.
    """
    entries = list(entries)
    members = memberships.names(organisation_id, [entry.about for entry in entries if entry.about])
    persons = memberships.names_of_people(organisation_id, [entry.person_id for entry in entries if entry.person_id])
    meant = {UUID(entry.facts["team"]) for entry in entries if "team" in entry.facts}
    named = teams.names(organisation_id, meant if seen is None else meant.intersection(seen))
    named |= profile_fields.names(organisation_id)
    return [Line(entry.at, _sentence(entry, persons, members, named)) for entry in entries]


def _sentence(entry: JournalEntry, persons: dict[UUID, str], members: dict[UUID, str], named: dict[UUID, str]) -> str:
    facts = {
        "by": persons.get(entry.person_id, "The shop") if entry.person_id else "The shop",
        "about": members.get(entry.about, "somebody") if entry.about else "somebody",
        **{key: _plain(value) for key, value in entry.facts.items()},
    }
    if "team" in entry.facts:
        name = named.get(UUID(entry.facts["team"]))
        facts["team"] = f"the team {name}" if name else "another team"
    if "field" in entry.facts:
        facts["field"] = f"the field “{named[field]}”" if (field := UUID(entry.facts["field"])) in named else "a profile field"
    if "seats" in entry.facts:
        facts["seats"] = context.counted(entry.facts["seats"], "seat")
    return WORDS[entry.what].format_map(facts)


def _plain(value: object) -> str:
    """Give a fact as it is read."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value).replace("_", " ")
