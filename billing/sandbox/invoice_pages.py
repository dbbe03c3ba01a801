"""The hosted invoice: what is to be paid and for what, with the saved card or another one, and the bank's question."""

from datetime import UTC, datetime

from flask import Flask, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from billing.sandbox import card_form
from billing.sandbox.card_form import CardForm
from billing.sandbox.engine import collection, customers, debits
from billing.sandbox.engine.customers import BY_NUMBER, Card, Holder
from billing.sandbox.engine.invoice_lines import money
from billing.sandbox.hosting import Hosted, protected
from billing.sandbox.pages import DECLINED, NOT_CONFIRMED
from billing.sandbox.rendering import stored
from billing.sandbox.store import JSON, Work, new_id

OVER = {"paid": ("settled", 200), "void": ("void", 410)}


class InvoicePages(Hosted):
    """Answers browsers under /invoices."""

    def register(self, app: Flask) -> None:
        """Add the pages to the application."""
        app.add_url_rule("/invoices/<invoice_id>", "invoice", self.invoice)
        app.add_url_rule("/invoices/<invoice_id>", "pay_invoice", self.pay, methods=["POST"])
        app.add_url_rule("/invoices/<invoice_id>/confirm/<attempt_id>", "invoice_question", self.question)
        app.add_url_rule("/invoices/<invoice_id>/confirm/<attempt_id>", "invoice_reply", self.reply, methods=["POST"])

    def invoice(self, invoice_id: str) -> Response:
        """Show what is to be paid, and ask for a card."""
        self.catch_up()
        with self.store.reading(self.now()) as work:
            invoice = work.find("invoice", invoice_id)
            if invoice is None or invoice["status"] != "open" or invoice.get("_debit"):
                return self.over(invoice)
            return self.form(work, invoice, CardForm())

    def pay(self, invoice_id: str) -> BaseResponse:
        """Take the form, or the card that is kept: pay, decline, or go on to the bank's question."""
        if self.is_foreign():
            return self.notice("foreign", status=403)
        self.catch_up()
        with self.store.writing(self.now()) as work:
            invoice = work.find("invoice", invoice_id)
            if invoice is None or invoice["status"] != "open" or invoice.get("_debit"):
                return self.over(invoice)
            kept = kept_card(work, invoice)
            if "kept" in request.form and kept is not None:
                form, card = CardForm(), BY_NUMBER[kept["_number"]]
            else:
                form = card_form.read(request.form, known_email=invoice["customer_email"] or "x@y.example", now=work.now)
                if form.problems or form.card is None:
                    return self.form(work, invoice, form, status=422)
                card = form.card
            if card.asks:
                attempt = work.put("attempt", attempted(invoice, card))
                return redirect(url_for("invoice_question", invoice_id=invoice_id, attempt_id=attempt["id"]), 303)
            if not card.charges:
                form.problems["number"] = DECLINED
                return self.form(work, invoice, form, status=402)
            collection.settle(work, invoice, card=used(work, card))
            return redirect(url_for("invoice", invoice_id=invoice_id), 303)

    def question(self, invoice_id: str, attempt_id: str) -> Response:
        """Show the bank's question."""
        self.catch_up()
        with self.store.reading(self.now()) as work:
            invoice, attempt = work.find("invoice", invoice_id), work.find("attempt", attempt_id)
            if invoice is None or invoice["status"] != "open":
                return self.over(invoice)
            if attempt is None or attempt["invoice"] != invoice_id:
                return self.over(None)
            page = render_template(
                "question.html",
                action=url_for("invoice_reply", invoice_id=invoice_id, attempt_id=attempt_id),
                card=attempt["card"],
                total=money(invoice["amount_remaining"], invoice["currency"]),
                product=f"invoice {invoice['number']}",
            )
            return protected(page, status=200)

    def reply(self, invoice_id: str, attempt_id: str) -> BaseResponse:
        """Take the answer to the bank's question."""
        if self.is_foreign():
            return self.notice("foreign", status=403)
        self.catch_up()
        with self.store.writing(self.now()) as work:
            invoice, attempt = work.find("invoice", invoice_id), work.find("attempt", attempt_id)
            if invoice is None or invoice["status"] != "open":
                return self.over(invoice)
            if attempt is None or attempt["invoice"] != invoice_id:
                return self.over(None)
            if request.form.get("outcome") == "complete":
                collection.settle(work, invoice, card=used(work, BY_NUMBER[attempt["card"]]))
                return redirect(url_for("invoice", invoice_id=invoice_id), 303)
            form = CardForm(problems={"number": NOT_CONFIRMED})
            form.typed |= card_form.typed_again(attempt["card"], Holder())
            return self.form(work, invoice, form, status=402)

    def form(self, work: Work, invoice: JSON, form: CardForm, *, status: int = 200) -> Response:
        """Render the payment page."""
        currency = invoice["currency"]
        kept = kept_card(work, invoice)
        page = render_template(
            "invoice.html",
            invoice=invoice,
            lines=[(line["description"], money(line["amount"], currency)) for line in invoice["_lines"]],
            taken_off=money(-sum(row["amount"] for row in invoice["total_discount_amounts"]), currency)
            if invoice["discounts"]
            else "",
            net=money(invoice["total_excluding_tax"], currency),
            taxes=[(rate_words(work, tax), money(tax["amount"], currency)) for tax in invoice["total_taxes"]],
            total=money(invoice["amount_remaining"], currency),
            issued=day(invoice["status_transitions"]["finalized_at"]),
            due=None if invoice["due_date"] is None else day(invoice["due_date"]),
            kept=None if kept is None else kept["card"],
            form=form,
        )
        return protected(page, status=status)

    def over(self, invoice: JSON | None) -> Response:
        """Say that an invoice is paid, was taken back, or never was."""
        name, status = OVER.get("" if invoice is None else invoice["status"], ("missing", 404))
        if invoice is not None and invoice["status"] == "open":
            name, status = "debited", 200
        return self.notice(name, status=status)


def day(moment: int) -> str:
    """Return a date for people to read, such as 23 November 2026."""
    at = datetime.fromtimestamp(moment, UTC)
    return f"{at.day} {at:%B %Y}"


def rate_words(work: Work, tax: JSON) -> str:
    """Return the name and the percentage of a tax."""
    rate = stored(work, "tax_rate", tax["tax_rate_details"]["tax_rate"])
    return f"{rate['display_name']} ({rate['percentage'].removesuffix('.0')}%)"


def kept_card(work: Work, invoice: JSON) -> JSON | None:
    """Return the card that an invoice is charged to."""
    subscription = stored(work, "subscription", invoice["parent"]["subscription_details"]["subscription"])
    found = customers.usual_card(work, stored(work, "customer", invoice["customer"]), subscription["default_payment_method"])
    return None if debits.is_debit(found) else found


def used(work: Work, card: Card) -> JSON:
    """Keep the card that an invoice is paid with; it becomes nobody's usual one."""
    return work.put("payment_method", customers.make_card(work, card, Holder()))


def attempted(invoice: JSON, card: Card) -> JSON:
    """Return a payment that waits for the bank's question; it is the sandbox's own and never seen through the API."""
    return {"id": new_id("att"), "object": "attempt", "card": card.number, "invoice": invoice["id"]}
