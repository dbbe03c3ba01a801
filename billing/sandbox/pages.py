"""The hosted checkout: the payment page, the bank's question, and the pages of sessions that are over."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from billing.sandbox import card_form, summary
from billing.sandbox.card_form import CardForm
from billing.sandbox.engine import checkout
from billing.sandbox.engine.customers import BY_NUMBER, Card, Holder
from billing.sandbox.store import JSON, Store, Work, new_id

SECURITY = {
    "Cache-Control": "no-store",
    # "no-referrer" would make browsers send "Origin: null" with the form, and the form is refused without its origin.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
DECLINED = "Your card was declined. Nothing was charged. Try another card."
NOT_CONFIRMED = "Your bank did not confirm the payment. Nothing was charged. Try again or use another card."
NOTICES = {
    "missing": (
        "We cannot find that payment page",
        "The address may be incomplete. Go back to the shop and try again.",
    ),
    "expired": (
        "This payment page has expired",
        "Payment pages stay open for 24 hours. Nothing was charged. Go back to the shop to start again.",
    ),
    "complete": ("This order is already paid", "There is nothing more to do here, and you were charged once only."),
    "foreign": (
        "We did not accept that form",
        "It was sent from another website, so nothing was charged. Open the payment page again from the shop.",
    ),
}


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def protected(page: str, *, status: int, leads_to: str | None = None) -> Response:
    """Return a page that runs no script and can send its form only here, and on to `leads_to`."""
    response = make_response(page, status)
    response.headers.update(SECURITY)
    forms = "'self'" if leads_to is None else f"'self' {origin_of(leads_to)}"
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'self'; img-src 'self'; form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
    )
    return response


@dataclass
class Pages:
    """Answers browsers under /checkout."""

    store: Store
    now: Callable[[], int]
    public_url: str
    catch_up: Callable[[], None]

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
            form = CardForm()
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
            form = card_form.read(request.form, known_email=email, now=work.now)
            card = form.card
            if form.problems or card is None:
                return self.form(work, session, form, status=422)
            if card.asks:
                attempt = work.put("attempt", attempted(session, card, form.holder))
                return redirect(url_for("question", session_id=session_id, attempt_id=attempt["id"]), 303)
            return self.charged(work, session, form, card)

    def charged(self, work: Work, session: JSON, form: CardForm, card: Card) -> BaseResponse:
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
            page = render_template("question.html", session=session, attempt=attempt, order=summary.of(work, session))
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
            form = CardForm(problems={"number": NOT_CONFIRMED})
            form.typed |= card_form.typed_again(attempt["card"], holder)
            return self.form(work, session, form, status=402)

    def form(self, work: Work, session: JSON, form: CardForm, *, status: int = 200) -> Response:
        """Render the payment page."""
        page = render_template("payment.html", session=session, order=summary.of(work, session), form=form)
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
            return self.notice("complete", status=200, onward=checkout.success_url(session))
        return self.notice("expired", status=410, onward=session["cancel_url"])

    def notice(self, name: str, *, status: int, onward: str | None = None) -> Response:
        """Render a page that only says something."""
        heading, text = NOTICES[name]
        onward = onward or origin_of(self.public_url)
        return protected(render_template("notice.html", heading=heading, text=text, onward=onward), status=status)

    def is_foreign(self) -> bool:
        """Say whether a form comes from another site's page."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site not in {"same-origin", "none"}
        origin = request.headers.get("Origin")
        return origin is not None and origin not in {origin_of(self.public_url), origin_of(request.host_url)}


def attempted(session: JSON, card: Card, holder: Holder) -> JSON:
    """Return a payment that waits for the bank's question; it is the sandbox's own and never seen through the API."""
    return {
        "id": new_id("att"),
        "object": "attempt",
        "card": card.number,
        "holder": {"email": holder.email, "name": holder.name, "postcode": holder.postcode, "expiry": holder.expiry},
        "session": session["id"],
    }
