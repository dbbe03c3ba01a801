"""Name and colours in a browser and in mails: chosen, seen, and carried inside the mail."""

from __future__ import annotations

import io
from email import message_from_bytes, policy
from uuid import uuid4

import pytest

from app import letters, mail, mail_looks
from app.accounts import brands, invitations, memberships, organisations
from app.accounts.brands import Wish
from app.accounts.memberships import Role
from app.kernel import clock, outbox
from app.kernel.db import db, uuid7
from app.kernel.transaction import transaction
from tests.page_reader import PageReader
from tests.picture_making import picture


@pytest.fixture
def brand(parish):
    """Give the address of the logo of an organisation that has one."""
    with parish.app.app_context(), transaction():
        brands.save(parish.id, Wish("St Mary's", "#1c4477", brands.fitted(picture())), by=parish.owner_id)
    with parish.app.app_context():
        return f"/logos/{parish.id}/{brands.of(parish.id).logo_digest}.png"


def invitation(parish):
    """Give the kind and the facts of an invitation of the parish."""
    organisation = organisations.known(parish.id)
    guest = invitations.Guest(uuid7(), "Ben", "ben@example.org", has_seat=True)
    return invitations.MAIL, invitations.facts_of_preview(organisation, guest, clock.now(), 14, "")


def test_name_colour_and_logo_are_set_and_the_logo_is_removed(parish):
    parish.owner.get(f"{parish.home}brand")
    sent = {"name": "St Mary the Great", "colour": "#1c4477", "logo": (io.BytesIO(picture()), "logo.svg")}
    parish.owner.post(f"{parish.home}brand", sent)
    parish.owner.follow()
    assert "St Mary the Great, in #1c4477." in parish.owner.words
    marks = parish.owner.page.select(".brand-mark")
    assert len(marks) == 2
    parish.owner.get(marks[0]["src"])
    assert parish.owner.response.content_type == "image/png"
    parish.owner.get(f"{parish.home}brand")
    parish.owner.submit("Remove the logo")
    assert parish.owner.page.select(".brand-mark") == []


def test_a_refused_colour_or_picture_comes_back_with_what_to_do(parish):
    parish.owner.get(f"{parish.home}brand")
    parish.owner.post(f"{parish.home}brand", {"name": "St Mary", "colour": "#ffff00"}, 422)
    assert "The nearest that has it is #7a7a00" in parish.owner.words
    assert parish.owner.page.select_one("#colour")["value"] == "#ffff00"
    svg = {"name": "St Mary", "colour": "#1c4477", "logo": (io.BytesIO(b"<svg/>"), "logo.png")}
    parish.owner.post(f"{parish.home}brand", svg, 422)
    assert "An SVG cannot be used" in parish.owner.words


def test_a_logo_has_an_address_of_its_own_that_any_cache_may_keep(parish, brand):
    parish.owner.get(brand)
    assert "immutable" in parish.owner.response.headers["Cache-Control"]
    parish.owner.get(brand.replace(".png", "x.png"), 404)
    parish.owner.get(brand.replace(str(parish.id), str(uuid4())), 404)


def test_an_invited_person_sees_the_logo_before_they_have_an_account(parish, brand, link_to):
    parish.pays_for(2)
    parish.owner.get(f"{parish.home}people/invite")
    parish.owner.submit("Send the invitation", {"name": "Ben", "address": "ben@example.org"})
    guest = PageReader(parish.app)
    guest.get(link_to("ben@example.org"))
    assert guest.page.select_one("main img")["src"] == brand


def test_a_mail_to_its_people_comes_in_the_organisations_name_and_colours_with_the_logo_inside(parish, brand):
    with parish.app.app_context():
        kind, facts = invitation(parish)
        rendered = letters.render(kind, facts, organisation_id=parish.id)
        letter = mail.Letter(uuid7(), kind, "ben@example.org", facts, parish.id)
        wire = mail.compose(letter, rendered, parish.app.config["SETTINGS"]).as_bytes()
    assert "border-top: 6px solid #1c4477" in rendered.html
    assert "You get this mail because somebody there invited you" in rendered.html
    assert "http" not in rendered.html.partition("<img")[2].partition(">")[0]
    sent = message_from_bytes(wire, policy=policy.default)
    assert sent["From"].addresses[0].display_name == "St Mary's via Lanyard"
    [logo] = [part for part in sent.walk() if part.get_content_type() == "image/png"]
    assert logo["Content-ID"] == "<logo@lanyard>"
    assert "cid:logo@lanyard" in sent.get_body(("html",)).get_content()
    assert "cid:" not in sent.get_body(("plain",)).get_content()


def test_a_mail_about_money_or_an_account_comes_from_the_shop(parish, brand):
    with parish.app.app_context():
        rendered = letters.render("no_account", {}, organisation_id=parish.id)
        letter = mail.Letter(uuid7(), "no_account", "ben@example.org", {}, parish.id)
        sent = mail.compose(letter, rendered, parish.app.config["SETTINGS"])
    assert "#1c4477" not in rendered.html
    assert "via" not in sent["From"]


def test_a_mail_is_seen_before_it_goes_out_and_in_the_mailbox_with_its_logo(parish, brand):
    parish.owner.get(f"{parish.home}brand/mail")
    picture_in_page = parish.owner.page.select_one("img")["src"]
    assert picture_in_page.startswith("data:image/png;base64,")
    with parish.app.app_context():
        with transaction():
            guest = memberships.invite(parish.id, "Ben", "ben@example.org", {Role.LEARNER})
            db.session.flush()
            invitations.send(guest, by=parish.owner_id, days=14)
        mail.send_due()
        [delivered] = outbox.delivered("ben@")
    parish.owner.get(f"/sandbox/mailbox/{delivered.id}/html")
    assert parish.owner.page.select_one("img")["src"] == picture_in_page


def test_another_name_is_on_the_next_mail_at_once(parish):
    with parish.app.app_context(), transaction():
        brands.save(parish.id, Wish("St Mary the Great", "#1c4477"), by=parish.owner_id)
    with parish.app.app_context():
        kind, facts = invitation(parish)
        rendered = letters.render(kind, facts, organisation_id=parish.id)
    assert "St Mary the Great" in rendered.html
    assert rendered.look.sender == "St Mary the Great via Lanyard"


def test_more_pictures_than_an_hour_has_room_for_are_refused_and_the_rest_can_still_be_saved(parish, monkeypatch):
    monkeypatch.setattr(brands, "PICTURES_AN_HOUR", 1)
    words = {"name": "St Mary", "colour": "#1c4477"}
    parish.owner.get(f"{parish.home}brand")
    for status in (303, 403):
        parish.owner.post(f"{parish.home}brand", words | {"logo": (io.BytesIO(picture()), "logo.png")}, status)
    assert "as many pictures as one organisation may send in an hour" in parish.owner.words
    parish.owner.post(f"{parish.home}brand", words)


def test_somebody_who_bought_for_themselves_gets_mails_in_the_name_of_the_shop(parish):
    with parish.app.app_context():
        with transaction():
            alone = organisations.found("Ruth Amadi", organisations.Kind.INDIVIDUAL, by=parish.owner_id)
        assert mail_looks.of("certificate", alone.id) == mail_looks.Look()
        assert mail_looks.of("certificate", parish.id).name == "St Mary"
