"""Letters: what a mail of each kind says, rendered from its template and the facts in the outbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import current_app

from app import mail_kinds, mail_looks
from app.accounts import invitations, mail_domains, memberships, mergers, one_time_links, organisations, registrations
from app.accounts.one_time_links import OneTimeLink
from app.accounts.people import Person
from app.accounts.registrations import Registration
from app.kernel import links, outbox
from app.kernel.db import db
from app.mail_looks import Look
from billing import quotes, vat_documents
from catalog.learning import certificates

if TYPE_CHECKING:
    from app.settings import Settings

# What the link that stops mails is signed for.
UNSUBSCRIBING = "unsubscribe"
Facts = Mapping[str, Any]
Context = Callable[[Facts], dict[str, object]]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A PDF that goes with a mail."""

    name: str
    pdf: bytes


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail as it will be read."""

    subject: str
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()
    look: Look = field(default_factory=Look)
    unsubscribe_url: str = ""


def render_mail(mail_id: UUID, kind: str, facts: Facts, organisation_id: UUID | None) -> Rendered:
    """Render a mail of the outbox; one that is not necessary has a link of its own that stops such mails."""
    stops = bool(mail_kinds.of(kind).topic)
    url = link(f"/mails/{links.token(UNSUBSCRIBING, mail_id)}") if stops else ""
    return render(kind, facts, organisation_id=organisation_id, unsubscribe_url=url)


def render(kind: str, facts: Facts, *, organisation_id: UUID | None = None, unsubscribe_url: str = "") -> Rendered:
    """Render a mail of a kind, in the look of the organisation it is written for: the first line of its text is the subject."""
    look = mail_looks.of(kind, organisation_id)
    around = {"look": look, "logo": mail_looks.LOGO, "kind": mail_kinds.of(kind), "unsubscribe_url": unsubscribe_url}
    context = CONTEXTS[kind](facts) | around
    templates = current_app.jinja_env
    subject, _, text = templates.get_template(f"mail/{kind}.txt").render(context).partition("\n")
    html = templates.get_template(f"mail/{kind}.html").render(context)
    return Rendered(subject.strip(), text.strip() + "\n", html, attachments(kind, facts), look, unsubscribe_url)


def attachments(kind: str, facts: Facts) -> tuple[Attachment, ...]:
    """Give what goes with a mail of a kind."""
    return ATTACHMENTS[kind](facts) if kind in ATTACHMENTS else ()


def link(path: str) -> str:
    """Give the whole address of a page, as a mail needs it."""
    settings: Settings = current_app.config["SETTINGS"]
    return f"{settings.url}{path}"


def _sign_in_links(_facts: Facts) -> dict[str, object]:
    return {"sign_in_url": link("/sign-in"), "reset_url": link("/reset-password")}


def _no_account(_facts: Facts) -> dict[str, object]:
    return {"register_url": link("/register")}


def _person(facts: Facts) -> dict[str, object]:
    person = db.session.get_one(Person, UUID(facts["person_id"]))
    return {"name": person.name, "reset_url": link("/reset-password")}


def _registration(facts: Facts) -> dict[str, object]:
    registration = db.session.get_one(Registration, UUID(facts["registration_id"]))
    return {"url": link(f"/register/{registrations.token(registration.id)}"), "expires_at": registration.expires_at}


def _reset(facts: Facts) -> dict[str, object]:
    found = db.session.get_one(OneTimeLink, UUID(facts["link_id"]))
    person = db.session.get_one(Person, found.person_id)
    return {"name": person.name, "url": link(f"/reset-password/{one_time_links.token(found)}"), "expires_at": found.expires_at}


def _address_change(facts: Facts) -> dict[str, object]:
    found = db.session.get_one(OneTimeLink, UUID(facts["link_id"]))
    return {"url": link(f"/change-address/{one_time_links.token(found)}"), "expires_at": found.expires_at}


def _invitation(facts: Facts) -> dict[str, object]:
    return {
        "organisation": facts["organisation"],
        "name": facts["name"],
        "has_seat": facts["has_seat"],
        "note": facts.get("note", ""),
        "expires_at": datetime.fromisoformat(facts["expires_at"]),
        "url": link(f"/join/{invitations.token(UUID(facts['link_id']))}"),
    }


def _seats_bought(facts: Facts) -> dict[str, object]:
    organisation = organisations.known(UUID(facts["organisation"]))
    is_own = organisation.kind == organisations.Kind.INDIVIDUAL
    return {
        "organisation": organisation.name,
        "seats": facts["seats"],
        "gross_minor": facts["gross_minor"],
        "vat_minor": facts["vat_minor"],
        "interval": facts["interval"],
        "renews_at": datetime.fromisoformat(facts["renews_at"]),
        "is_own": is_own,
        "url": link(f"/learn/{organisation.id}/" if is_own else f"/workspace/{organisation.id}/people"),
    }


def _subscription(facts: Facts) -> dict[str, object]:
    """Say what a notice about a subscription may need; a name that ends in `_at` is a moment."""
    settings: Settings = current_app.config["SETTINGS"]
    organisation = organisations.known(UUID(facts["organisation"]))
    told = {name: datetime.fromisoformat(fact) if name.endswith("_at") and fact else fact for name, fact in facts.items()}
    return (
        {"is_by_invoice": False}
        | told
        | {
            "organisation": organisation.name,
            "grace_days": settings.grace_days,
            "url": link(f"/workspace/{organisation.id}/billing"),
        }
    )


def _quote(facts: Facts) -> dict[str, object]:
    """Say what a mail about a quote may need; a name that ends in `_at` is a moment."""
    told = {name: datetime.fromisoformat(fact) if name.endswith("_at") and fact else fact for name, fact in facts.items()}
    quote = quotes.known(UUID(facts["quote_id"]))
    offered = {"gross_minor": quote.gross_minor, "vat_minor": quote.vat_minor}
    return offered | told | {"quote": quote, "url": link(f"/quotes/{quote.token}")}


def _learning(facts: Facts) -> dict[str, object]:
    return {
        "organisation": facts["organisation"],
        "name": facts["name"],
        "has_seat": facts["has_seat"],
        "url": link(f"/learn/{facts['at']}/"),
    }


def _people(facts: Facts) -> dict[str, object]:
    """Say what a mail to those who let people in may need; it leads to the people, or to those who ask."""
    page = "people/requests" if "people" in facts else "people"
    return {"people": 0, **facts, "url": link(f"/workspace/{facts['at']}/{page}")}


def _mail_domain(facts: Facts) -> dict[str, object]:
    return {
        "organisation": facts["organisation"],
        "domain": facts["domain"],
        "expires_at": datetime.fromisoformat(facts["expires_at"]),
        "url": link(f"/mail-domain/{mail_domains.token(UUID(facts['domain_id']))}"),
    }


def _join_answered(facts: Facts) -> dict[str, object]:
    return {**facts, "url": link(f"/learn/{facts['at']}/")}


def _ownership(facts: Facts) -> dict[str, object]:
    """Say who asks somebody to become an owner, with the name by which the organisation knows the giver now."""
    giver_id = UUID(facts["giver_id"])
    return {
        "organisation": facts["organisation"],
        "name": facts["name"],
        "giver": memberships.names(UUID(facts["at"]), [giver_id])[giver_id],
        "expires_at": datetime.fromisoformat(facts["expires_at"]),
        "url": link(f"/workspace/{facts['at']}/ownership-offer"),
    }


def _own_data(facts: Facts) -> dict[str, object]:
    """Say what a mail about somebody's own data may need; a name that ends in `_at` is a moment."""
    person = db.session.get_one(Person, UUID(facts["person_id"]))
    told = {name: datetime.fromisoformat(fact) for name, fact in facts.items() if name.endswith("_at")}
    return {"name": person.name, "export_url": link("/profile/export"), "deletion_url": link("/profile/deletion"), **told}


def _record(facts: Facts) -> dict[str, object]:
    return {
        "giver": facts["giver"],
        "taker": facts["taker"],
        "expires_at": datetime.fromisoformat(facts["expires_at"]),
        "profile_url": link("/profile/records"),
        "records_url": link(f"/workspace/{facts.get('at', '')}/records-from-elsewhere"),
    }


def _merger(facts: Facts) -> dict[str, object]:
    return {
        "organisation": facts["organisation"],
        "other": facts["other"],
        "expires_at": datetime.fromisoformat(facts["expires_at"]),
        "url": link(f"/consent/merger/{mergers.token(UUID(facts['merger_id']))}"),
    }


def _certificate(facts: Facts) -> dict[str, object]:
    certificate = certificates.known(UUID(facts["certificate_id"]))
    return {
        "name": certificate.name,
        "course": certificate.title,
        "number": certificate.number,
        "refresh_by": certificate.refresh_by,
        "url": link(f"/learn/{certificate.organisation_id}/certificates/{certificate.number}"),
    }


def _news(facts: Facts) -> dict[str, object]:
    """Say what happened, with the names by which the organisation knows people now."""
    about = {UUID(one) for line in facts["lines"] for one in line["about"]}
    names = memberships.names(UUID(facts["at"]), about) if about else {}
    lines = [(line, [names[one] for one in map(UUID, line["about"]) if one in names]) for line in facts["lines"]]
    return {
        "organisation": facts["organisation"],
        "name": facts["name"],
        "lines": [_told(line["what"], line["number"], named) for line, named in lines],
        "url": link(f"/workspace/{facts['at']}/people"),
        "choose_url": link("/profile/mails"),
    }


def _told(what: str, number: int, names: list[str]) -> str:
    """Say what happened to how many people, with some of their names."""
    others = [f"{number - len(names):,} more"] if number > len(names) else []
    listed = [*names, *others]
    words = " and ".join([", ".join(listed[:-1]), listed[-1]]) if len(listed) > 1 else "".join(listed)
    return NEWS[what][number > 1].format(number=number, names=words)


def _course_digest(facts: Facts) -> dict[str, object]:
    """Say what each of several mails is about, and where it leads."""
    mails = outbox.all_of([UUID(one) for one in facts["mails"]])
    templates = current_app.jinja_env
    told = []
    for mail in mails:
        inner = CONTEXTS[mail.kind](mail.facts) | {"look": Look(), "kind": mail_kinds.of(mail.kind), "unsubscribe_url": ""}
        subject = templates.get_template(f"mail/{mail.kind}.txt").render(inner).partition("\n")[0].strip()
        told.append((subject, inner["url"]))
    return {"told": told, "choose_url": link("/profile/mails")}


def _vat_document(facts: Facts) -> dict[str, object]:
    document = vat_documents.known(facts["document"])
    due_at = document.facts.get("due_at")
    return {
        "organisation": organisations.known(document.organisation_id).name,
        "document": document,
        "due_at": datetime.fromisoformat(due_at) if due_at else None,
        "of_invoice": document.facts.get("of_invoice"),
        "url": link(f"/workspace/{document.organisation_id}/billing/invoices"),
    }


def _vat_document_pdf(facts: Facts) -> tuple[Attachment, ...]:
    document = vat_documents.known(facts["document"])
    return (Attachment(vat_documents.file_name(document), vat_documents.pdf_of(document)),)


# How a mail tells what happened to one person, and to many.
NEWS = {
    "accepted": ("{names} accepted the invitation.", "{number:,} people accepted the invitation: {names}."),
    "expired": ("The invitation of {names} expired.", "The invitations of {number:,} people expired: {names}."),
    "list_done": ("A list brought in one person.", "Lists brought in {number:,} people."),
    "list_refused": (
        "A list with one person could not be brought in. Open it under People to see why.",
        "Lists with {number:,} people could not be brought in. Open them under People to see why.",
    ),
}
# What the template of a kind is given, made from the facts in the outbox; a kind that is not here cannot be sent. A name goes
# only to an address that its person has proved: what a stranger typed as a name must not become our mail to somebody else. The
# invitation and the mail that confirms a domain are the exceptions, because they must say who asks; how many go out is limited.
CONTEXTS: dict[str, Context] = {
    "confirm_registration": _registration,
    "already_registered": _sign_in_links,
    "reset_password": _reset,
    "no_account": _no_account,
    "password_changed": _person,
    "confirm_address": _address_change,
    "address_taken": _sign_in_links,
    "address_changed": _person,
    "invitation": _invitation,
    "invitation_reminder": _invitation,
    "seat_given": _learning,
    "welcome_back": _learning,
    "ownership_offered": _ownership,
    "join_requests": _people,
    "join_answered": _join_answered,
    "no_seat_free": _people,
    mail_domains.MAIL: _mail_domain,
    "merger_asked": _merger,
    "record_share_asked": _record,
    "record_offered": _record,
    "person_export_ready": _own_data,
    "erasure_asked": _own_data,
    "seats_bought": _seats_bought,
    "certificate": _certificate,
    "course_digest": _course_digest,
    "news": _news,
    "second_payment_refunded": _subscription,
    "debit_on_its_way": _subscription,
    "debit_failed": _subscription,
    "withdrawn": _subscription,
    "seats_added": _subscription,
    "paid_yearly": _subscription,
    "renewal_coming": _subscription,
    "renewal_planned": _subscription,
    "plan_dropped": _subscription,
    "subscription_ends": _subscription,
    "subscription_goes_on": _subscription,
    "subscription_ended": _subscription,
    "payment_failed": _subscription,
    "payment_came": _subscription,
    "courses_closed": _subscription,
    "change_not_paid": _subscription,
    "payment_disputed": _subscription,
    "subscription_paused": _subscription,
    "subscription_resumed": _subscription,
    "dispute_won": _subscription,
    "dispute_lost": _subscription,
    "vat_document": _vat_document,
    "credit_note_void": _vat_document,
    "invoice_paid": _subscription,
    "invoice_overdue": _subscription,
    "quote_sent": _quote,
    "quote_reminder": _quote,
    "quote_expired": _quote,
    "quote_accepted": _quote,
    "quote_declined": _quote,
}
# What goes with a mail of a kind, if anything does.
ATTACHMENTS: dict[str, Callable[[Facts], tuple[Attachment, ...]]] = {"vat_document": _vat_document_pdf}
