"""Every route says who is allowed, and the table of permissions in the docs says the same."""

from __future__ import annotations

import pytest

from app import factory, settings
from app.permissions import Permission
from catalog.shelf import importing
from tests.house import permission_table

STRIPE = {
    "LANYARD_BILLING": "stripe",
    "LANYARD_URL": "https://training.example.org",
    "STRIPE_SECRET_KEY": "sk_test_1",
    "STRIPE_WEBHOOK_SECRET": "whsec_1",
    "LANYARD_MAIL": "smtp://127.0.0.1:2525",
    "LANYARD_MAIL_FROM": "Training <hello@training.example.org>",
    "LANYARD_CONTACT_ADDRESS": "hello@training.example.org",
    "LANYARD_COMPANY_NAME": "Example Training Ltd",
    "LANYARD_COMPANY_ADDRESS": "1 High Street, Exampleton",
    "LANYARD_HOSTING": "Example Hosting Ltd, in London",
    "LANYARD_COMPANY_VAT_NUMBER": "GB 123 4567 89",
    "LANYARD_SUPPLIER": "Training Ltd",
    "LANYARD_VAT_PERCENT": "20",
}


@pytest.fixture(params=["sandbox", "stripe"])
def made(request, data):
    """Give a shop where no money moves, and one where it does."""
    extra = STRIPE if request.param == "stripe" else {}
    return factory.create_app(settings.from_environment({"LANYARD_DATA": str(data), **extra}))


def test_every_endpoint_names_a_permission(made):
    unnamed = [name for name, view in made.view_functions.items() if not isinstance(getattr(view, "allow", None), Permission)]
    assert unnamed == []
    assert {rule.endpoint for rule in made.url_map.iter_rules()} == set(made.view_functions)


def test_the_sandbox_is_there_only_where_no_money_moves(made):
    is_sandbox = made.config["SETTINGS"].is_sandbox
    assert any(rule.rule.startswith("/sandbox") for rule in made.url_map.iter_rules()) is is_sandbox
    assert ("sandbox" in made.blueprints) is is_sandbox


def test_the_table_of_permissions_is_up_to_date(data):
    app = factory.create_app(settings.from_environment({"LANYARD_DATA": str(data)}))
    assert permission_table.PAGE.read_text() == permission_table.text(app), "run python -m tests.house.permission_table"


def test_no_course_can_be_named_as_another_page_beside_it(made):
    rules = [rule.rule for rule in made.url_map.iter_rules()]
    places = [rule.rule.removesuffix("<slug>") for rule in made.url_map.iter_rules() if rule.endpoint.endswith(".course")]
    assert sorted(places) == ["/courses/", "/learn/<uuid:organisation>/"]
    beside = {rule.removeprefix(place).partition("/")[0] for place in places for rule in rules if rule.startswith(place)}
    assert {name for name in beside if name and "<" not in name} == importing.TAKEN
