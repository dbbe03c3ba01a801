"""The hosted checkout: the payment page, the bank's question, and the pages of sessions that are over."""

from dataclasses import asdict

from flask import Flask, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from billing.sandbox import order_form, summary
from billing.sandbox.engine import checkout
from billing.sandbox.engine.customers import BY_NUMBER, Card, Holder
from billing.sandbox.hosting import Hosted, protected
from billing.sandbox.order_form import OrderForm
from billing.sandbox.store import JSON, Work, new_id

DECLINED = "Your card was declined. Nothing was charged. Try another card."
NOT_CONFIRMED = "Your bank did not confirm the payment. Nothing was charged. Try again or use another card."


class Pages(Hosted):
    """Answers browsers under /checkout."""

    def register(self, app: Flask) -> None:
        """Add the pages to the application."""
        app.add_url_rule("/checkout/<session_id>", "payment", self.payment)
        app.add_url_rule("/checkout/<session_id>", "pay", self.pay, methods=["POST"])
        app.add_url_rule("/checkout/<session_id>/confirm/<attempt_id>", "question", self.question)
        app.add_url_rule("/checkout/<session_id>/confirm/<attempt_id>", "reply", self.reply, methods=["POST"])

    def payment(self, session_id: str) -> Response:
        """Show the order and ask for a card."""
        self.catch_up()
        with self.store.reading(self.now()) as work:
            session = work.find("checkout.session", session_id)
            if session is None or not checkout.is_open(work, session):
                return self.over(session)
            form = OrderForm()
            return self.form(work, session, form)

    def pay(self, session_id: str) -> BaseResponse:
        """Take the form: pay, decline, or go on to the bank's question."""
        if self.is_foreign():
            return self.notice("foreign", status=403)
        self.catch_up()
        with self.store.writing(self.now()) as work:
            session = work.find("checkout.session", session_id)
            if session is None or not checkout.is_open(work, session):
                return self.after(session)
            email = summary.of(work, session).email
            form = order_form.read(request.form, session, known_email=email, now=work.now)
            card = form.card
            if not form.problems and form.account is not None:
                checkout.complete(work, session, form.account, form.holder)
                return redirect(checkout.success_url(session), 303)
            if form.problems or card is None:
                return self.form(work, session, form, status=422)
            if card.asks:
                attempt = work.put("attempt", attempted(session, card, form.holder))
                return redirect(url_for("question", session_id=session_id, attempt_id=attempt["id"]), 303)
            return self.charged(work, session, form, card)

    def charged(self, work: Work, session: JSON, form: OrderForm, card: Card) -> BaseResponse:
        """Complete the session when the bank pays; else say so, and change nothing."""
        if not card.charges:
            form.problems["number"] = DECLINED
            return self.form(work, session, form, status=402)
        checkout.complete(work, session, card, form.holder)
        return redirect(checkout.success_url(session), 303)

    def question(self, session_id: str, attempt_id: str) -> Response:
        """Show the bank's question."""
        self.catch_up()
        with self.store.reading(self.now()) as work:
            session = work.find("checkout.session", session_id)
            attempt = work.find("attempt", attempt_id)
            if session is None or not checkout.is_open(work, session):
                return self.over(session)
            if attempt is None or attempt["session"] != session_id:
                return self.over(None)
            order = summary.of(work, session)
            page = render_template(
                "question.html",
                action=url_for("reply", session_id=session_id, attempt_id=attempt_id),
                card=attempt["card"],
                total=order.total,
                product=order.product,
            )
            return protected(page, status=200, leads_to=session["success_url"])

    def reply(self, session_id: str, attempt_id: str) -> BaseResponse:
        """Take the answer to the bank's question."""
        if self.is_foreign():
            return self.notice("foreign", status=403)
        self.catch_up()
        with self.store.writing(self.now()) as work:
            session = work.find("checkout.session", session_id)
            attempt = work.find("attempt", attempt_id)
            if session is None or not checkout.is_open(work, session):
                return self.after(session)
            if attempt is None or attempt["session"] != session_id:
                return self.over(None)
            holder = Holder(**attempt["holder"])
            if request.form.get("outcome") == "complete":
                checkout.complete(work, session, BY_NUMBER[attempt["card"]], holder)
                return redirect(checkout.success_url(session), 303)
            form = OrderForm(problems={"number": NOT_CONFIRMED})
            form.typed |= order_form.typed_again(attempt["card"], holder)
            return self.form(work, session, form, status=402)

    def form(self, work: Work, session: JSON, form: OrderForm, *, status: int = 200) -> Response:
        """Render the payment page."""
        page = render_template(
            "payment.html",
            session=session,
            order=summary.of(work, session),
            form=form,
            asks_for_address=order_form.asks_for_address(session),
            asks_for_tax_id=order_form.asks_for_tax_id(session),
            takes_debits=order_form.takes_debits(session),
        )
        return protected(page, status=status, leads_to=session["success_url"])

    def after(self, session: JSON | None) -> BaseResponse:
        """Answer a form sent to a session that is over: one already paid goes where the first form went."""
        if session is not None and session["status"] == "complete":
            return redirect(checkout.success_url(session), 303)
        return self.over(session)

    def over(self, session: JSON | None) -> Response:
        """Say that a session is paid, has expired, or never was."""
        if session is None:
            return self.notice("missing", status=404)
        if session["status"] == "complete":
            name = "debited" if session["payment_status"] == "unpaid" else "complete"
            return self.notice(name, status=200, onward=checkout.success_url(session))
        return self.notice("expired", status=410, onward=session["cancel_url"])


def attempted(session: JSON, card: Card, holder: Holder) -> JSON:
    """Return a payment that waits for the bank's question; it is the sandbox's own and never seen through the API."""
    return {
        "id": new_id("att"),
        "object": "attempt",
        "card": card.number,
        "holder": asdict(holder),
        "session": session["id"],
    }
