"""The headers of every kind of answer, and the cookie of a session."""

from __future__ import annotations

import pytest

from app import factory, settings
from app.kernel.db import db
from tests.page_reader import SECURITY_HEADERS, PageReader

KINDS = ["/", "/nothing", "/healthz", "/favicon.ico", "/robots.txt", "/sitemap.xml", "/profile", "/prices/figure?seats=3"]


def policy(response):
    """Give the content security policy by directive."""
    return dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))


@pytest.mark.parametrize("path", KINDS)
def test_every_kind_of_answer_has_them(parish, path):
    answer = parish.app.test_client().get(path, buffered=True)
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "X-Request-Id" in answer.headers
    assert "Strict-Transport-Security" not in answer.headers


def test_no_script_or_style_may_stand_in_a_page(app):
    found = policy(app.test_client().get("/healthz"))
    assert found["default-src"] == "'none'"
    assert found["require-trusted-types-for"] == "'script'"
    assert not any("unsafe" in value or "*" in value for value in found.values())
    assert found["frame-ancestors"] == found["base-uri"] == "'none'"


def test_forms_lead_only_here_and_to_the_provider(app):
    found = policy(app.test_client().get("/healthz"))
    assert found["form-action"].split() == ["'self'", "https://checkout.stripe.com", "https://billing.stripe.com"]


def test_a_published_file_is_kept_for_ever_and_a_page_is_not(parish):
    visitor = PageReader(parish.app)
    visitor.get("/")
    sheet = visitor.page.select_one("link[rel=stylesheet]")["href"]
    answer = parish.app.test_client().get(sheet, buffered=True)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    parish.owner.get(parish.home)
    assert parish.owner.response.headers["Cache-Control"] == "no-store"


def test_the_cookie_of_a_session_is_for_this_site_and_not_for_scripts(parish):
    visitor = PageReader(parish.app)
    visitor.get("/sign-in")
    cookie = visitor.response.headers["Set-Cookie"]
    assert cookie.startswith("lanyard=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}


def test_over_https_the_cookie_and_the_site_are_for_https_alone(environment):
    app = factory.create_app(settings.from_environment({**environment, "LANYARD_URL": "https://training.example.org"}))
    answer = app.test_client().get("/sign-in", base_url="https://training.example.org")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-lanyard=")
    assert "Secure" in cookie
    with app.app_context():
        db.engine.dispose()
