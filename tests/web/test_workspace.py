"""The workspace in a browser: people, seats, what is paid, and what happened."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.accounts.memberships import Role
from app.kernel import clock
from billing.seats import Count
from tests.page_reader import PageReader
from tests.provider import PERIOD_START

TOM = {"name": "Tom Barker", "address": "tom@example.org", "role": "learner"}


def invite(browser, parish, status=303, **changes):
    browser.get(f"{parish.home}people/invite")
    return browser.submit("Send the invitation", TOM | changes, status)


def test_a_new_owner_is_led_to_the_prices(parish):
    parish.owner.get(parish.home)
    assert "No seats yet." in parish.owner.words
    parish.owner.click("See prices and buy")
    parish.owner.get(f"{parish.home}billing")
    assert "Nothing is bought yet" in parish.owner.words


def test_the_list_of_organisations_leads_to_each(parish):
    parish.owner.get("/workspace/")
    parish.owner.click("Workspace of St Mary")
    assert parish.owner.path == parish.home


def test_another_organisation_is_founded(parish):
    parish.owner.get("/workspace/")
    parish.owner.submit("Start it", {"name": "St Anne"})
    assert parish.owner.page.select_one(".side__organisation").text == "St Anne"
    parish.owner.get("/workspace/")
    assert {"Workspace of St Anne", "Workspace of St Mary"} <= {
        link.get("aria-label") for link in parish.owner.page.select("main a")
    }


def test_an_organisation_without_a_name_is_refused_beside_its_field(parish):
    parish.owner.get("/workspace/")
    page = parish.owner.submit("Start it", {"name": " "}, status=422)
    assert page.select_one(".error-summary a")["href"] == "#name"
    assert page.select_one("#name")["aria-invalid"] == "true"


def test_somebody_invited_has_a_seat_held_and_is_listed(parish):
    parish.pays_for(5)
    invite(parish.owner, parish)
    assert "We have sent Tom Barker an invitation." in parish.owner.words
    row = parish.owner.page.find("a", string="Tom Barker").find_parent("tr")
    assert "invited until" in " ".join(row.get_text(" ").split())
    assert row.select("td")[-1].text == "held"
    assert parish.seats() == Count(5, 0, 1)


def test_somebody_who_only_runs_things_uses_no_seat(parish):
    invite(parish.owner, parish, role="billing")
    assert parish.seats() == Count(0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"address": "tom"}, 422, "Give an e-mail address in full"),
        ({"name": ""}, 422, "Give a name."),
        ({"address": "ruth@example.org"}, 409, "ruth@example.org is here already."),
        ({"role": "owner"}, 422, "Choose what they will do here."),
    ],
)
def test_an_invitation_that_cannot_be_sent_comes_back_filled_in(parish, changes, status, words):
    parish.pays_for(5)
    page = invite(parish.owner, parish, status, **changes)
    assert words in page.select_one(".error-summary").get_text(" ")
    assert page.select_one("#name")["value"] == {**TOM, **changes}["name"]
    assert page.select_one("#address")["value"] == {**TOM, **changes}["address"]
    assert parish.seats() == Count(5, 0, 0)


def test_without_a_free_seat_nobody_is_invited_to_learn(parish, connect):
    connect()
    parish.pays_for(1)
    invite(parish.owner, parish)
    page = invite(parish.owner, parish, 409, address="ben@example.org")
    assert "All your seats are taken." in page.select_one(".error-summary").text
    assert "1 seat is missing." in parish.owner.words
    parish.owner.get(f"{parish.home}people")
    assert "The one seat is taken." in parish.owner.words
    assert "ben@example.org" not in parish.owner.words


def test_an_admin_cannot_make_admins(parish):
    admin = parish.member("ada@example.org", Role.ADMIN)
    page = invite(admin, parish, 403, role="admin")
    assert "Only an owner can let somebody run things" in page.select_one(".error-summary").text


def test_an_invitation_sent_again_has_a_new_link(parish, link_to):
    parish.pays_for(5)
    invite(parish.owner, parish)
    old = link_to("tom@example.org")
    parish.owner.click("Tom Barker")
    parish.owner.submit("Send again")
    assert "The earlier link no longer works." in parish.owner.words
    guest = PageReader(parish.app)
    guest.get(old, 404)
    guest.get(link_to("tom@example.org"))
    assert parish.seats() == Count(5, 0, 1)


def test_an_invitation_withdrawn_frees_its_seat_and_ends_its_link(parish, link_to):
    parish.pays_for(5)
    invite(parish.owner, parish)
    link = link_to("tom@example.org")
    parish.owner.click("Tom Barker")
    parish.owner.submit("Withdraw the invitation of Tom Barker")
    assert "is withdrawn" in parish.owner.words
    assert parish.seats() == Count(5, 0, 0)
    PageReader(parish.app).get(link, 404)
    assert not parish.owner.page.select('form[action$="/withdraw"]')


def test_a_button_pressed_too_late_says_so(parish):
    parish.pays_for(5)
    invite(parish.owner, parish)
    parish.owner.click("Tom Barker")
    withdraw = f"{parish.owner.path}/withdraw"
    parish.owner.submit("Withdraw")
    parish.owner.post(withdraw, status=409)
    assert "has no open invitation" in parish.owner.words


def test_somebody_archived_is_out_at_once_and_stays_on_record(parish):
    parish.pays_for(5)
    leo = parish.member("leo@example.org", Role.LEARNER, seat=True)
    leo.get(f"/learn/{parish.id}/")
    assert parish.seats() == Count(5, 1, 0)
    parish.owner.get(parish.page_of("leo@example.org"))
    parish.owner.submit("Archive Leo")
    assert "Leo is archived." in parish.owner.words
    assert "released: archived" in parish.owner.words
    assert "Ruth Amadi archived Leo" in parish.owner.words
    assert parish.seats() == Count(5, 0, 0)
    leo.get(f"/learn/{parish.id}/", 404)
    parish.owner.get(f"{parish.home}people")
    assert "leo@example.org" not in parish.owner.words
    parish.owner.click("People who have left")
    assert "leo@example.org" in parish.owner.words


def test_the_only_owner_cannot_be_archived(parish):
    parish.owner.get(parish.page_of("ruth@example.org"))
    assert not parish.owner.page.select('form[action$="/archive"]')
    parish.owner.post(f"{parish.owner.path}/archive", status=409)
    assert "Ruth Amadi is the only owner" in parish.owner.words


def test_an_admin_cannot_archive_an_owner(parish):
    admin = parish.member("ada@example.org", Role.ADMIN)
    admin.get(parish.page_of("ruth@example.org"))
    assert not admin.page.select('form[action$="/archive"]')
    admin.post(f"{admin.path}/archive", status=403)
    assert "Only an owner can archive an owner." in admin.words


def test_a_name_that_looks_like_markup_is_shown_as_it_was_typed(parish):
    name = '<script>alert("1")</script> & <b>Co</b>'
    parish.pays_for(5)
    parish.owner.get(f"{parish.home}people/invite")
    parish.owner.post(f"{parish.home}people/invite", TOM | {"name": name})
    parish.owner.follow()
    assert parish.owner.page.find("a", string=name)
    parish.owner.get(parish.page_of("tom@example.org"))
    assert parish.owner.heading == name


def test_what_is_paid_is_said_to_the_penny(parish):
    parish.pays_for(25)
    parish.owner.get(f"{parish.home}billing")
    assert "active" in parish.owner.words
    assert "23 November 2027: £984.96 including £164.16 VAT" in parish.owner.words


def test_a_failed_payment_is_said_and_leaves_the_courses_open(parish):
    began = clock_of(parish) - timedelta(days=1)
    parish.pays_for(5, status="past_due", period_start=began, period_end=began + timedelta(days=365))
    parish.owner.get(parish.home)
    assert "The last payment did not go through." in parish.owner.words
    parish.owner.get(f"{parish.home}billing")
    assert "payment failed" in parish.owner.words
    parish.owner.get(f"/learn/{parish.id}/fire-safety-awareness/1/1")


def test_a_lapsed_subscription_closes_the_courses_and_says_so(parish):
    parish.pays_for(5, status="unpaid")
    parish.owner.get(parish.home)
    assert "The subscription has lapsed" in parish.owner.words
    parish.owner.get(f"/learn/{parish.id}/")
    assert "no running subscription" in parish.owner.words
    parish.owner.get(f"/learn/{parish.id}/fire-safety-awareness/1/1", 403)
    assert "no running subscription" in parish.owner.words


def test_a_subscription_that_will_end_says_when(parish):
    parish.pays_for(5, cancel_at=PERIOD_START + timedelta(days=90))
    parish.owner.get(parish.home)
    assert "Ends on 21 February 2027." in parish.owner.words


def test_the_history_says_who_did_what(parish):
    parish.pays_for(5)
    invite(parish.owner, parish)
    parish.owner.get(f"{parish.home}history")
    for line in (
        "Ruth Amadi started the organisation",
        "The subscription began with 5 seats",
        "Ruth Amadi invited Tom Barker",
        "A seat is held for Tom Barker",
    ):
        assert line in parish.owner.words


def test_each_role_is_shown_only_what_it_may_open(parish):
    frances = parish.member("frances@example.org", Role.BILLING)
    frances.get(parish.home)
    assert [link.text for link in frances.page.select(".side-nav a")] == ["Today", "Billing", "My learning", "Guides"]
    assert not frances.page.select('a[href$="/people/invite"]')
    for link in frances.page.select(".side-nav a"):
        frances.get(link["href"])


def test_somebody_without_the_role_is_told_whom_to_ask(parish):
    leo = parish.member("leo@example.org", Role.LEARNER)
    leo.get(parish.home, 403)
    assert "Ask an owner or an admin of St Mary." in leo.words


def test_a_learner_reads_with_a_seat_and_not_without(parish):
    parish.pays_for(5)
    leo = parish.member("leo@example.org", Role.LEARNER, seat=True)
    leo.get(f"/learn/{parish.id}/")
    leo.click("Fire Safety Awareness")
    leo.click("The first minute")
    for place in ("0/1", "1/0", "99/1", "1/99", "9" * 30 + "/1"):
        leo.get(f"/learn/{parish.id}/fire-safety-awareness/{place}", 404)
    leo.get(f"/learn/{parish.id}/nothing/1/1", 404)
    una = parish.member("una@example.org", Role.LEARNER)
    una.get(f"/learn/{parish.id}/fire-safety-awareness/1/1", 403)
    assert "You have no seat at St Mary." in una.words


def clock_of(parish):
    with parish.app.app_context():
        return clock.now()
