"""Printing: VAT documents and statements of account as PDF, tagged for screen readers; a VAT document is printed once."""

from __future__ import annotations

import traceback
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts import organisations
from app.kernel import clock, money, outbox, typesetting
from app.kernel.db import db
from app.kernel.transaction import transaction
from billing import invoice_recipients
from billing.vat_documents import Kind, VatDocument, VatDocumentPdf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.accounts.organisations import Organisation
    from billing.statements import Statement

log = structlog.get_logger(__name__)
# What is copied late, as after an upgrade or a long time without the provider, is no news to anybody.
NEWS_FOR = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Seller:
    """Who sells: as every document names them; `bank_details` say where to pay what is not taken from a card."""

    name: str
    address: str
    vat_number: str
    contact: str
    bank_details: str


class Press(typesetting.Press):
    """Prints documents about money for one seller."""

    def __init__(self, template: Path, fonts: Path, seller: Seller) -> None:
        """Remember who sells."""
        super().__init__(template, fonts)
        self._seller = asdict(seller)

    def print(self, document: VatDocument, organisation: Organisation) -> bytes:
        """Give the PDF of an invoice or a credit note."""
        facts = {**_facts(document, ZoneInfo(organisation.zone)), "seller": self._seller}
        return self.typeset(facts, document.issued_at, document=document.id)

    def print_statement(self, statement: Statement, organisation: Organisation) -> bytes:
        """Give the PDF of a statement of account."""
        zone = ZoneInfo(organisation.zone)
        facts = {
            "kind": "statement",
            "seller": self._seller,
            "buyer": organisation.name,
            "since": _day(statement.since, zone),
            "until": _day(statement.last_moment, zone),
            "opening": money.pounds(statement.opening_minor),
            "closing": money.pounds(statement.closing_minor),
            "is_owed": statement.closing_minor > 0,
            "entries": [
                {
                    "on": _day(entry.at, zone),
                    "words": entry.words,
                    "charged": money.pounds(entry.charged_minor) if entry.charged_minor else "",
                    "paid": money.pounds(entry.paid_minor) if entry.paid_minor else "",
                    "balance": money.pounds(entry.balance_minor),
                }
                for entry in statement.entries
            ],
        }
        return self.typeset(facts, statement.last_moment, organisation=str(organisation.id))


def print_missing(open_press: Callable[[], Press]) -> int:
    """Print every VAT document that has no PDF yet, oldest first, and have it sent; gives how many. A sweep.

    Each is printed outside of any transaction and kept in one of its own; one that fails is logged and stops no other.
    """
    is_printed = sa.exists().where(VatDocumentPdf.document_id == VatDocument.id)
    waiting = list(
        db.session.scalars(sa.select(VatDocument.id).where(~is_printed).order_by(VatDocument.issued_at, VatDocument.id))
    )
    if not waiting:
        return 0
    press = open_press()
    return sum(_print(press, document_id) for document_id in waiting)


def _print(press: Press, document_id: str) -> bool:
    """Print, keep and send one document; whatever goes wrong is logged without its words, which name people."""
    try:
        document = db.session.get_one(VatDocument, document_id)
        pdf = press.print(document, organisations.known(document.organisation_id))
        with transaction():
            return _keep(document_id, pdf)
    except Exception as error:  # noqa: BLE001 - one document stops no other
        stack = "".join(traceback.format_tb(error.__traceback__))
        log.error("document not printed", document=document_id, error=type(error).__name__, stack=stack)  # noqa: TRY400 - the same reason
        return False


def _keep(document_id: str, pdf: bytes) -> bool:
    """Keep a PDF and write the mails that bring it, unless another worker has just done so; False then."""
    insert: Any = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = insert(VatDocumentPdf).values(document_id=document_id, pdf=pdf, printed_at=clock.now())
    first = row.on_conflict_do_nothing(index_elements=[VatDocumentPdf.document_id]).returning(VatDocumentPdf.document_id)
    if db.session.execute(first).first() is None:
        return False
    document = db.session.get_one(VatDocument, document_id)
    if document.issued_at <= clock.now() - NEWS_FOR or document.taken_back_at is not None:
        return True
    for address in invoice_recipients.addresses(document.organisation_id):
        outbox.write("vat_document", address, organisation_id=document.organisation_id, document=document_id)
    return True


def _facts(document: VatDocument, zone: ZoneInfo) -> dict[str, object]:
    """Give what the template is told, as plain data: nothing of it is ever read as part of the template."""
    facts = document.facts
    return {
        "kind": document.kind,
        "title": document.title,
        "number": document.number,
        "issued_on": _day(document.issued_at, zone),
        "due_on": _moment_day(facts.get("due_at"), zone),
        "of_invoice": facts.get("of_invoice"),
        "of_date": _moment_day(facts.get("of_date"), zone),
        "why": facts.get("why"),
        "buyer": facts["buyer"],
        "buyer_address": facts["buyer_address"],
        "buyer_vat_number": facts["buyer_vat_number"],
        "fields": facts["fields"],
        "lines": [_line(line, zone) for line in facts["lines"]],
        "discount": money.pounds(-facts["discount_minor"]) if facts["discount_minor"] else None,
        "net": money.pounds(document.net_minor),
        "vat": money.pounds(document.vat_minor),
        "vat_percent": document.vat_percent,
        "gross": money.pounds(document.gross_minor),
        "is_credit": document.kind == Kind.CREDIT_NOTE,
        "refunded": money.pounds(document.refunded_minor) if document.refunded_minor else None,
    }


def _line(line: dict[str, Any], zone: ZoneInfo) -> dict[str, object]:
    is_counted = line["unit_minor"] is not None
    return {
        "words": "Seats" if is_counted else line["words"],
        "quantity": f"{line['quantity']:,}" if is_counted else "",
        "unit": money.pounds(line["unit_minor"]) if is_counted else "",
        "net": money.pounds(line["net_minor"]),
        "starts_on": _moment_day(line["starts_at"], zone),
        "ends_on": _moment_day(line["ends_at"], zone),
    }


def _moment_day(moment: str | None, zone: ZoneInfo) -> list[int] | None:
    return None if moment is None else _day(datetime.fromisoformat(moment), zone)


def _day(moment: datetime, zone: ZoneInfo) -> list[int]:
    local = moment.astimezone(zone)
    return [local.year, local.month, local.day]
