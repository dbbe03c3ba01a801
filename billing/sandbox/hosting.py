"""What all hosted pages share: their headers, what they say when there is nothing to do, and forms from elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Response, make_response, render_template, request

from billing.sandbox.store import Store

SECURITY = {
    "Cache-Control": "no-store",
    # "no-referrer" would make browsers send "Origin: null" with the form, and the form is refused without its origin.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
NOTICES = {
    "missing": (
        "We cannot find that payment page",
        "The address may be incomplete. Go back to the shop and try again.",
    ),
    "closed": ("This page has been closed", "It stays open for an hour. Go back to the shop and open it again from Billing."),
    "void": ("This invoice was taken back", "There is nothing to pay. Go back to the shop to see where things stand."),
    "settled": ("This invoice is paid", "Thank you. There is nothing more to do here."),
    "expired": (
        "This payment page has expired",
        "Payment pages stay open for 24 hours. Nothing was charged. Go back to the shop to start again.",
    ),
    "debited": (
        "Your payment is on its way",
        "Your bank has been asked to debit your account. That takes up to seven working days; there is nothing more to do here.",
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
        f"default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action {forms}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return response


@dataclass
class Hosted:
    """Pages on the sandbox's store and clock."""

    store: Store
    now: Callable[[], int]
    public_url: str
    catch_up: Callable[[], None]

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
