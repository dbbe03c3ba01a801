"""Where everything is put together: the only module that sees every room."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from app import arrivals, digests, erasing, joining, mail, own_exports, shortfalls, waiting_list
from app import ways_in as ways_in_domain
from app.accounts import erasures, join_requests, person_exports, tidying, waiting_places
from app.kernel import clock, db, outbox, schema, transaction
from app.kernel.jobs import Jobs, Sweep
from app.web import (
    area,
    assets,
    billing_press,
    checkout,
    classroom,
    consents,
    context,
    errors,
    headers,
    health,
    hooks,
    hosts,
    kept_pages,
    leaving,
    logos,
    logs,
    mail_domains,
    membership,
    office,
    prose,
    slips,
    storefront,
    style_page,
    typefaces,
    unsubscribing,
    uploads,
    verification,
    ways_in,
    workspace,
    worried,
)
from app.web import certificates as certificate_pages
from app.web import joining as joining_pages
from app.web import quotes as quote_pages
from app.web import sandbox as sandbox_pages
from billing import (
    changing,
    events,
    invoicing,
    notices,
    price_cards,
    printing,
    quotes,
    reactions,
    receipts,
    receiving,
    reconciliation,
    vat_documents,
    withdrawing,
)
from billing.sandbox.server import Sandbox
from billing.stripe_gateway import StripeGateway
from catalog.learning import attempts, certificate_documents, certificates
from catalog.shelf import publication

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from wsgiref.types import WSGIApplication

    from app.settings import Settings
    from billing.gateway import Gateway

TEMPLATES = Path(__file__).parents[1] / "templates"
CERTIFICATE = TEMPLATES / "documents/certificate.typ"
LARGEST_REQUEST = 2 * 1024 * 1024
SANDBOX_MOUNT = "/sandbox/stripe"
AREAS: tuple[area.Area, ...] = (
    health.area,
    hooks.area,
    assets.area,
    storefront.area,
    style_page.area,
    membership.area,
    joining_pages.area,
    ways_in.area,
    mail_domains.area,
    slips.area,
    consents.area,
    logos.area,
    unsubscribing.area,
    checkout.area,
    quote_pages.area,
    workspace.area,
    classroom.area,
    certificate_pages.area,
    verification.area,
    worried.area,
    leaving.area,
    office.area,
)


def create_app(settings: Settings) -> Flask:
    """Make the application for these settings; nothing is shared between two of them."""
    app = Flask("lanyard", template_folder=str(TEMPLATES), static_folder=None)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SETTINGS=settings,
        CLOCK_MOVES=settings.is_sandbox,
        WRITE_LOCK=settings.data / "write.lock",
        MAX_CONTENT_LENGTH=LARGEST_REQUEST,
        SERVER_NAME=None,
        PREFERRED_URL_SCHEME=urlsplit(settings.url).scheme,
        PERMANENT_SESSION_LIFETIME=timedelta(days=30),
        SESSION_COOKIE_NAME="__Host-lanyard" if settings.is_https else "lanyard",
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        WTF_CSRF_TIME_LIMIT=None,
        STATIC_FOLDER=assets.publish(settings.data),
    )
    app.wsgi_app = kept_pages.KeptPages(app.wsgi_app, lambda: _published(app))  # type: ignore[method-assign]  # Flask's own way
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]  # Flask's own way
    db.init_app(app, settings.database_url)
    schema.migrate.init_app(app, db.db)
    transaction.guard()
    logs.init_app(app)
    hosts.init_app(app, settings)
    headers.init_app(app, is_https=settings.is_https)
    uploads.init_app(app)
    errors.init_app(app)
    context.init_app(app, settings)
    prose.init_app(app)
    protection = CSRFProtect(app)
    # Neither the provider nor a program that reads mails has a page of ours open; what each sends proves itself.
    protection.exempt(hooks.area.blueprint)
    protection.exempt(unsubscribing.area.blueprint)
    membership.sessions.init_app(app)
    for part in AREAS:
        app.register_blueprint(part.blueprint)
    if settings.is_sandbox:
        app.register_blueprint(sandbox_pages.area.blueprint)
    app.extensions["jobs"] = Jobs(app, settings, _sweeps(app))
    return app


def open_gateway(app: Flask, settings: Settings, *, webhook_url: str | None = None) -> None:
    """Connect the application with the payment provider: Stripe, or a sandbox in this process on the shop's own clock."""
    address = None
    if settings.is_sandbox:

        def now() -> datetime:
            with app.app_context():
                return clock.now()

        sandbox = Sandbox(
            data=settings.data,
            now=now,
            public_url=f"{settings.url}{SANDBOX_MOUNT}",
            webhook_url=webhook_url or f"{settings.url}/hooks/stripe",
            webhook_secret=settings.stripe_webhook_secret,
            key=settings.stripe_secret_key,
        )
        app.extensions["sandbox"] = sandbox
        address = sandbox.listen()
    app.extensions["gateway"] = StripeGateway(settings.stripe_secret_key, settings.stripe_webhook_secret, address=address)


def with_sandbox(app: Flask) -> WSGIApplication:
    """Give the application with the sandbox's payment pages mounted, and let its webhooks leave; without one, as it is.

    Where nobody's proxy stands in front, the whole of it goes by one name.
    """
    settings: Settings = app.config["SETTINGS"]
    site: WSGIApplication = app
    sandbox: Sandbox | None = app.extensions.get("sandbox")
    if sandbox is not None:
        sandbox.start_deliveries()
        site = DispatcherMiddleware(app, {SANDBOX_MOUNT: sandbox.wsgi})
    return site if settings.is_https or settings.trusted_proxies else hosts.OneName(site, settings.url)


def _published(app: Flask) -> str:
    """Give the mark of everything that the pages for visitors are made of and that can change while the shop runs."""
    with app.app_context():
        return f"{publication.mark()} {price_cards.newest_version()}"


def _sweeps(app: Flask) -> list[Sweep]:
    """Give the work that is repeated, each with what it needs."""

    def with_gateway(run: Callable[[Gateway], int]) -> Callable[[], int]:
        return lambda: run(app.extensions["gateway"])

    def tell_closed() -> int:
        settings: Settings = app.config["SETTINGS"]
        with transaction.transaction():
            return notices.tell_closed(timedelta(days=settings.grace_days))

    def close_quotes() -> int:
        with transaction.transaction():
            return quotes.expire_due() + quotes.remind_due()

    def with_days(run: Callable[[int], int]) -> Callable[[], int]:
        settings: Settings = app.config["SETTINGS"]
        return lambda: run(settings.invitation_days)

    def forget_evidence() -> int:
        settings: Settings = app.config["SETTINGS"]
        return erasing.forget_evidence(settings.evidence_years)

    def tell_renewals() -> int:
        settings: Settings = app.config["SETTINGS"]
        with transaction.transaction():
            return notices.tell_renewals(settings.renewal_notice_days)

    def open_press() -> certificate_documents.Press:
        settings: Settings = app.config["SETTINGS"]
        return certificate_documents.Press(CERTIFICATE, typefaces.for_documents(settings.data), settings.url)

    return [
        Sweep(outbox.SWEEP, mail.send_due),
        Sweep(events.SWEEP, with_gateway(reactions.apply_due)),
        Sweep("paid_orders", with_gateway(reactions.serve_paid)),
        Sweep("changes", with_gateway(changing.finish_left_alone)),
        Sweep("withdrawals", with_gateway(withdrawing.finish_left_alone)),
        Sweep(quotes.SWEEP, with_gateway(invoicing.finish_left_alone)),
        Sweep("quotes", close_quotes),
        Sweep(receipts.SWEEP, with_gateway(receiving.tell_waiting)),
        Sweep("unpaid", tell_closed),
        Sweep("renewals", tell_renewals, every=timedelta(hours=1)),
        Sweep(attempts.SWEEP, attempts.abandon_stale, every=timedelta(hours=6)),
        Sweep(certificates.SWEEP, lambda: certificate_documents.make_missing(open_press)),
        Sweep(vat_documents.SWEEP, lambda: printing.print_missing(billing_press.of_process)),
        Sweep(person_exports.SWEEP, own_exports.make_waiting),
        Sweep(erasures.SWEEP, erasing.erase_due),
        Sweep("evidence", forget_evidence, every=timedelta(hours=6)),
        Sweep("invitations", joining.expire_due),
        Sweep(arrivals.SWEEP, with_days(arrivals.sweep)),
        Sweep("invitation_reminders", joining.remind_due, every=timedelta(hours=1)),
        Sweep(waiting_places.SWEEP, with_days(waiting_list.fill_due)),
        Sweep(join_requests.SWEEP, ways_in_domain.sweep),
        Sweep("shortfalls", shortfalls.forget_old, every=timedelta(hours=6)),
        Sweep(digests.SWEEP, digests.tell_due, every=timedelta(minutes=10)),
        Sweep("tidying", tidying.tidy, every=timedelta(hours=6)),
        Sweep("reconciliation", with_gateway(reconciliation.sweep), every=timedelta(hours=1)),
    ]
