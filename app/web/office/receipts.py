"""Money that came by bank: the operator notes it for an invoice, and the payment provider is told."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, url_for
from wtforms import BooleanField

from app.accounts import organisations
from app.kernel import clock
from app.kernel.errors import Conflict, Invalid, Unavailable
from app.kernel.transaction import transaction
from app.permissions import RUN_THE_SHOP
from app.web import navigation, wiring
from app.web.area import signed_in_person
from app.web.forms import Form, TextField
from app.web.office.area import area
from app.web.pounds import read_pounds
from billing import invoices, receipts, receiving
from billing.receipts import State

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

UNSURE = "Tick this once you are sure: an invoice that is paid cannot be made unpaid again."


class ReceiptForm(Form):
    """What stands on the bank statement."""

    received_on = TextField("Day it came")
    amount = TextField("Amount in pounds")
    reference = TextField("Reference on the statement")
    is_sure = BooleanField("I have seen this amount on the bank statement")

    def day(self) -> date:
        """Read the day; raises Invalid for what is none."""
        try:
            return date.fromisoformat(self.received_on.data or "")
        except ValueError as error:
            message = "Give the day as year, month and day, such as 2026-11-26."
            raise Invalid(message, field="received_on") from error

    def demand_sure(self) -> None:
        """Ask once more; raises Invalid until that is answered."""
        if not self.is_sure.data:
            raise Invalid(UNSURE, field="is_sure")


@area.page("/receipts/<invoice>", allow=RUN_THE_SHOP)
def receipt(invoice: str) -> ResponseReturnValue:
    """Show an invoice, and ask for what stands on the bank statement while it is to be paid."""
    return _page(invoice, ReceiptForm(formdata=None, received_on=clock.now().date().isoformat()))


@area.action("/receipts/<invoice>", allow=RUN_THE_SHOP)
def note_receipt(invoice: str) -> ResponseReturnValue:
    """Mark an invoice as received by bank; when the provider does not answer, it is told as soon as it does."""
    form = ReceiptForm()
    try:
        received_on, amount_minor = form.day(), read_pounds(form.amount.data or "", "amount")
        form.demand_sure()
        with transaction():
            by, reference = signed_in_person().id, form.reference.data or ""
            receipt_id = receipts.note(invoice, received_on, reference, amount_minor, by=by).id
    except (Invalid, Conflict) as refusal:
        form.refuse(refusal)
        return _page(invoice, form), refusal.status
    try:
        if receiving.tell(wiring.gateway(), receipt_id) is State.REFUSED:
            flash(receiving.PAID_OTHERWISE, "attention")
        else:
            flash("The invoice is marked as paid.", "success")
    except Unavailable:
        flash("Noted. The payment provider does not answer just now and is told as soon as it does.", "attention")
    return redirect(url_for("office.receipt", invoice=invoice), 303)


def _page(invoice_id: str, form: ReceiptForm) -> str:
    invoice = invoices.known(invoice_id)
    return render_template(
        "office/receipt.html",
        nav=navigation.office(),
        here="money",
        invoice=invoice,
        organisation=organisations.known(invoice.organisation_id),
        receipt=receipts.of_invoices([invoice_id]).get(invoice_id),
        form=form,
    )
