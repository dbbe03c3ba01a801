"""The walk: every route, as everybody there is, with the ids of one's own organisation and those of another one."""

from __future__ import annotations

from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import template_rendered

from app.accounts.sign_ins import SIGHTING_INTERVAL, SignIn
from app.kernel import clock
from app.kernel.db import db
from app.kernel.transaction import transaction
from app.permissions import Reach
from tests.house import walk
from tests.house.statements import Recorder
from tests.house.town import WALKERS

# The templates that are named otherwise than the page they are for, and why.
NAMED_OTHERWISE = {
    "style_page.components": "office/components.html",  # it is a page of the office, built apart from it
    "storefront.policy_version": "storefront/policy.html",  # the same page, of an older version
}


@pytest.fixture
def routes(town):
    """Give every route there is."""
    return walk.routes(town.app)


def recorded(town):
    with town.app.app_context():
        return Recorder(db.engine)


def rightful(route):
    """Give those who are answered with success."""
    return [walker for walker in WALKERS if is_success(route, walker)]


def is_success(route, walker):
    return not walk.asks_to_sign_in(route, walker) and walk.expected(route, walker) == walk.succeeds(route)


def test_the_table_knows_every_endpoint_and_no_other(routes):
    assert {route.endpoint for route in routes} == set(walk.STEPS)


def test_an_endpoint_has_one_method(routes):
    assert len({route.endpoint for route in routes}) == len(routes)


def test_every_endpoint_succeeds_for_somebody(routes):
    assert [route.endpoint for route in routes if not rightful(route)] == []


@pytest.mark.parametrize("walker", WALKERS)
def test_everybody_is_told_what_is_right_for_them(town, routes, walker):
    wrong = []
    for route in routes:
        at = walk.path(town, route, walker)
        browser = town.browser(walker)
        with town.watched():
            walk.prepare(town, route)
            with recorded(town) as asked:
                try:
                    walk.ask(town, route, browser, at, walk.expected(route, walker))
                except AssertionError as fault:
                    wrong.append(f"{route.endpoint}: {fault}")
                    continue
        written = list(walk.writes(asked.writes if route.method == "GET" else asked.committed))
        if walk.asks_to_sign_in(route, walker) != browser.response.headers.get("Location", "").startswith("/sign-in") and (
            route.allow.reach is not Reach.ANYONE
        ):
            wrong.append(f"{route.endpoint}: leads to {browser.response.headers.get('Location')}")
        if written and (route.method == "GET" or not is_success(route, walker)):
            wrong.append(f"{route.endpoint} wrote: {written}")
    assert wrong == []


def test_a_form_without_its_token_does_nothing(town, routes):
    for route in routes:
        if route.method == "POST" and walk.STEPS[route.endpoint].sent is None:
            walker = rightful(route)[0]
            with town.watched(), recorded(town) as asked:
                town.browser(walker).send(walk.path(town, route, walker), {**walk.STEPS[route.endpoint].form}, 400)
            assert list(walk.writes(asked.committed)) == [], route.endpoint


# Parts of an address that are ids of the payment provider, and so no UUIDs.
PROVIDER_IDS = {"document"}


def test_every_id_within_an_organisation_is_tried_with_a_foreign_one(town, routes):
    for route in routes:
        ids = {
            name
            for rule in town.app.url_map.iter_rules(route.endpoint)
            for name, converter in rule._converters.items()  # noqa: SLF001 - the map shows them nowhere else
            if type(converter).__name__ == "UUIDConverter" or name in PROVIDER_IDS
        }
        # The operator may see every organisation.
        if route.allow.reach not in {Reach.ANYONE, Reach.OPERATOR}:
            assert ids - {"organisation"} == set(walk.STEPS[route.endpoint].foreign), route.endpoint


def test_what_belongs_to_another_organisation_cannot_be_told_from_what_never_was(town, routes):
    for route in routes:
        for name, foreign in walk.STEPS[route.endpoint].foreign.items():
            for walker in rightful(route):
                bodies = []
                for value in (foreign, uuid4()):
                    browser = town.browser(walker)
                    with town.watched(), recorded(town) as asked:
                        walk.ask(town, route, browser, walk.path(town, route, walker, **{name: value}), 404)
                    assert list(walk.writes(asked.committed)) == [], route.endpoint
                    bodies.append(browser.response.data)
                assert bodies[0] == bodies[1], f"{route.endpoint} as {walker}"


def test_another_organisation_cannot_be_told_from_one_that_never_was(town, routes):
    for route in routes:
        if route.allow.reach is Reach.MEMBER:
            bodies = []
            for organisation in ("there", uuid4()):
                browser = town.browser("owner")
                walk.ask(town, route, browser, walk.path(town, route, "owner", organisation=organisation), 404)
                bodies.append(browser.response.data)
            assert bodies[0] == bodies[1], route.endpoint


def test_a_page_writes_only_that_the_session_was_seen(town, routes):
    """A session that was last seen long enough ago is noted, and nothing else is written by any page."""
    for route in routes:
        if route.method != "GET":
            continue
        walker = rightful(route)[-1]
        at = walk.path(town, route, walker)
        with town.watched():
            with town.app.app_context(), transaction():
                db.session.execute(sa.update(SignIn).values(last_seen_at=clock.real_now() - 2 * SIGHTING_INTERVAL))
            with recorded(town) as asked:
                walk.ask(town, route, town.browser(walker), at, walk.succeeds(route))
        assert len(asked.writes) <= 1, route.endpoint
        assert list(walk.writes(asked.writes)) == [], route.endpoint


def test_templates_are_named_as_the_page_they_are_for(town, routes):
    for route in routes:
        if route.method == "GET":
            walker = rightful(route)[0]
            names = []

            def note(_app, template, names=names, **_):
                names.append(template.name)

            with template_rendered.connected_to(note, town.app):
                walk.ask(town, route, town.browser(walker), walk.path(town, route, walker), walk.succeeds(route))
            area, _, page = route.endpoint.partition(".")
            if names and names[0] != NAMED_OTHERWISE.get(route.endpoint):
                assert names[0].rpartition(".")[0] == f"{area}/{page.removesuffix('_page')}" or names == [f"{area}/{page}.html"]
