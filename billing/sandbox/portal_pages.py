"""The hosted customer portal: another card, and ending the subscription with its term."""

from flask import Flask, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from billing.sandbox import card_form
from billing.sandbox.card_form import CardForm
from billing.sandbox.engine import customers, debits, portal, subscriptions
from billing.sandbox.hosting import Hosted, protected
from billing.sandbox.invoice_pages import day
from billing.sandbox.refusals import Refusal
from billing.sandbox.rendering import stored
from billing.sandbox.store import JSON, Work

ENDED = frozenset({"canceled", "incomplete_expired"})
REFUSED = "Your bank did not accept this card. Nothing was changed. Try another card."


class PortalPages(Hosted):
    """Answers browsers under /portal."""

    def register(self, app: Flask) -> None:
        """Add the pages to the application."""
        app.add_url_rule("/portal/<session_id>", "portal", self.portal)
        app.add_url_rule("/portal/<session_id>/card", "use_card", self.use_card, methods=["POST"])
        app.add_url_rule("/portal/<session_id>/end", "end", self.end, methods=["POST"])

    def portal(self, session_id: str) -> Response:
        """Show the card that is charged and the subscription."""
        self.catch_up()
        with self.store.reading(self.now()) as work:
            session = work.find("billing_portal.session", session_id)
            if session is None or not portal.is_open(work, session):
                return self.over(session)
            return self.page(work, session, CardForm())

    def use_card(self, session_id: str) -> BaseResponse:
        """Take another card."""
        if self.is_foreign():
            return self.notice("foreign", status=403)
        self.catch_up()
        with self.store.writing(self.now()) as work:
            session = work.find("billing_portal.session", session_id)
            if session is None or not portal.is_open(work, session):
                return self.over(session)
            customer = stored(work, "customer", session["customer"])
            form = card_form.read(request.form, known_email=customer["email"] or "x@y.example", now=work.now)
            if form.problems or form.card is None:
                return self.page(work, session, form, status=422)
            if form.card == customers.DECLINED:
                form.problems["number"] = REFUSED
                return self.page(work, session, form, status=402)
            portal.use_card(work, customer, form.card, form.holder)
            return redirect(url_for("portal", session_id=session_id, done="card"), 303)

    def end(self, session_id: str) -> BaseResponse:
        """End a subscription with its term, or let it go on after all."""
        if self.is_foreign():
            return self.notice("foreign", status=403)
        self.catch_up()
        with self.store.writing(self.now()) as work:
            session = work.find("billing_portal.session", session_id)
            if session is None or not portal.is_open(work, session):
                return self.over(session)
            body = current_subscription(work, session)
            if body is None or not features(work, session)["subscription_cancel"]["enabled"]:
                return self.page(work, session, CardForm(), status=422)
            is_wanted = request.form.get("wanted") == "end"
            try:
                subscriptions.update(work, body, ending_of(body, is_wanted=is_wanted))
            except Refusal:
                return self.page(work, session, CardForm(), status=409, is_managed=True)
            return redirect(url_for("portal", session_id=session_id, done="end" if is_wanted else "go-on"), 303)

    def page(self, work: Work, session: JSON, form: CardForm, *, status: int = 200, is_managed: bool = False) -> Response:
        """Render the portal."""
        customer = stored(work, "customer", session["customer"])
        body = current_subscription(work, session)
        kept = customers.usual_card(work, customer, body["default_payment_method"] if body else None)
        page = render_template(
            "portal.html",
            session=session,
            customer=customer,
            card=None if kept is None or debits.is_debit(kept) else kept["card"],
            debit=kept["bacs_debit"] if kept is not None and debits.is_debit(kept) else None,
            subscription=body,
            term_ends=None if body is None else day(body["_items"][0]["current_period_end"]),
            may_end=features(work, session)["subscription_cancel"]["enabled"],
            is_managed=is_managed,
            done=request.args.get("done"),
            form=form,
        )
        return protected(page, status=status)

    def over(self, session: JSON | None) -> Response:
        """Say that a session is closed, or never was."""
        if session is None:
            return self.notice("missing", status=404)
        return self.notice("closed", status=410, onward=session["return_url"])


def features(work: Work, session: JSON) -> JSON:
    """Return which parts of the portal there are."""
    found: JSON = stored(work, "billing_portal.configuration", session["configuration"])["features"]
    return found


def current_subscription(work: Work, session: JSON) -> JSON | None:
    """Return the newest subscription of the customer that has not ended."""
    found = work.all("subscription", customer=session["customer"])
    return next((body for body in found if body["status"] not in ENDED), None)


def ending_of(body: JSON, *, is_wanted: bool) -> JSON:
    """Return what the portal changes of a subscription: it sets a date, and undoes whatever was set."""
    if is_wanted:
        return {"cancel_at": body["_items"][0]["current_period_end"]}
    return {"cancel_at_period_end": False} if body["cancel_at_period_end"] else {"cancel_at": ""}
