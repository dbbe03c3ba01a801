"""The kinds of mails: why each is sent, in whose name it comes, whether it can wait for the morning, and what stops it."""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.mail_choices import Topic


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of mail. `why` is about its reader, as on their page in the workspace, and `why_you` is said to them.

    `is_theirs` says that it comes in the organisation's name and colours, `can_wait` that it may rest over quiet hours, `topic`
    which switch of its reader stops it, and `is_single` that it tells of one thing, and not of all of a day.
    """

    title: str
    why: str
    why_you: str
    is_theirs: bool = False
    can_wait: bool = False
    topic: Topic | None = None
    is_single: bool = True


def _asked(title: str) -> Kind:
    return Kind(title, "somebody asked for it with their address", "somebody asked for it with your address")


def _account(title: str) -> Kind:
    return Kind(title, "something about their account changed", "something about your account changed")


def _payer(title: str, why: str = "they see to what is paid", why_you: str = "you see to what is paid") -> Kind:
    return Kind(title, why, why_you)


def _quote(title: str) -> Kind:
    return Kind(title, "a quote was asked for with their address", "a quote was asked for with your address")


OTHER = Kind("Mail", "something about their account or their seat here", "of your account or your seat")
KINDS: dict[str, Kind] = {
    "confirm_registration": _asked("Confirm your address"),
    "already_registered": _asked("There is an account already"),
    "reset_password": _asked("A new password"),
    "no_account": _asked("There is no account"),
    "confirm_address": _asked("Confirm the new address"),
    "address_taken": _asked("The address is taken"),
    "password_changed": _account("Password changed"),
    "address_changed": _account("Address changed"),
    "invitation": Kind(
        "Invitation",
        "somebody here invited them, or sent the invitation again",
        "somebody there invited you, or sent the invitation again",
        is_theirs=True,
    ),
    "invitation_reminder": Kind(
        "Reminder of the invitation",
        "they had not accepted yet",
        "you have not accepted the invitation yet",
        is_theirs=True,
        can_wait=True,
        topic=Topic.REMINDERS,
    ),
    "seat_given": Kind(
        "A seat", "they were given a seat", "you were given a seat", is_theirs=True, can_wait=True, topic=Topic.COURSES
    ),
    "welcome_back": Kind("Welcome back", "they were brought back", "you were brought back", is_theirs=True),
    "ownership_offered": Kind("Offer to become an owner", "an owner asked them", "an owner asked you", is_theirs=True),
    "join_requests": Kind(
        "People ask to join",
        "they may let them in",
        "you may let them in",
        is_theirs=True,
        can_wait=True,
        is_single=False,
    ),
    "join_answered": Kind("Answer to a request", "they had asked to join", "you asked to join", is_theirs=True),
    "no_seat_free": Kind(
        "No free seat",
        "somebody came by a link and found none",
        "somebody came by a link and found none",
        is_theirs=True,
        can_wait=True,
        topic=Topic.NOTICES,
        is_single=False,
    ),
    "confirm_mail_domain": _asked("Confirm a mail domain"),
    "record_share_asked": Kind(
        "Question about sharing their record",
        "an admin offered it to another organisation",
        "an admin there offered your record to another organisation",
        is_theirs=True,
    ),
    "record_offered": Kind(
        "Record from elsewhere",
        "another organisation offers a record",
        "another organisation offers yours a record",
        is_theirs=True,
    ),
    "merger_asked": Kind(
        "Question about another record",
        "an admin thinks that two records here are theirs",
        "an admin there thinks that two records are yours",
        is_theirs=True,
    ),
    "person_export_ready": _account("Your data is ready"),
    "erasure_asked": _account("Your account is to be deleted"),
    "certificate": Kind("Certificate", "they passed a course", "you passed a course", is_theirs=True, topic=Topic.COURSES),
    # What is in it has rested already.
    "course_digest": Kind(
        "Several mails in one",
        "several mails about their courses were due at once",
        "several mails about your courses were due at once",
        is_theirs=True,
        topic=Topic.COURSES,
        is_single=False,
    ),
    "news": Kind(
        "What happened",
        "they run things here, or a team",
        "you run things there, or a team",
        is_theirs=True,
        can_wait=True,
        topic=Topic.NOTICES,
        is_single=False,
    ),
    "seats_bought": _payer("Seats are ready", "seats were bought", "you bought seats"),
    "vat_document": _payer("Invoice or credit note", "they get the invoices", "the invoices go to this address"),
    "credit_note_void": _payer("Credit note taken back", "they get the invoices", "the invoices go to this address"),
    "second_payment_refunded": _payer("Second payment given back"),
    "debit_on_its_way": _payer("Payment on its way"),
    "debit_failed": _payer("Payment failed"),
    "withdrawn": _payer("Cancelled within 14 days"),
    "seats_added": _payer("Seats added"),
    "paid_yearly": _payer("Paid by the year"),
    "renewal_coming": _payer("Renewal coming"),
    "renewal_planned": _payer("Renewal planned"),
    "plan_dropped": _payer("Plan dropped"),
    "subscription_ends": _payer("Subscription ends"),
    "subscription_goes_on": _payer("Subscription goes on"),
    "subscription_ended": _payer("Subscription ended"),
    "payment_failed": _payer("Payment failed"),
    "payment_came": _payer("Payment came"),
    "courses_closed": _payer("Courses closed"),
    "change_not_paid": _payer("Change not paid"),
    "payment_disputed": _payer("Payment disputed"),
    "subscription_paused": _payer("Subscription paused"),
    "subscription_resumed": _payer("Subscription resumed"),
    "dispute_won": _payer("Dispute decided"),
    "dispute_lost": _payer("Dispute lost"),
    "invoice_paid": _payer("Invoice paid"),
    "invoice_overdue": _payer("Invoice overdue"),
    "quote_sent": _quote("Quote"),
    "quote_reminder": _quote("Reminder of a quote"),
    "quote_expired": _quote("Quote expired"),
    "quote_accepted": _quote("Quote accepted"),
    "quote_declined": _quote("Quote declined"),
}


def of(kind: str) -> Kind:
    """Give what is known of a kind of mail."""
    return KINDS.get(kind, OTHER)
