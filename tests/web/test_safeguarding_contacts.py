"""Safeguarding contacts: filled in by those who run things, and shown to everybody who worries about someone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from app.accounts import safeguarding_contacts
from app.accounts.memberships import Role
from app.accounts.safeguarding_contacts import SafeguardingContacts, Wish
from app.kernel.db import db
from app.kernel.errors import Invalid
from app.kernel.journal import JournalEntry
from app.kernel.transaction import transaction
from app.web import worried

FILLED = {
    "lead_name": "Grace Adeyemi",
    "lead_contact": "01632 960123",
    "deputy_name": "Tom Barker",
    "deputy_contact": "tom@example.org",
    "local_numbers": "Children's services: 01632 960456\n\n  Out of hours:   01632 960789 ",
}


def fill_in(parish, status=303, **changes):
    parish.owner.get(f"{parish.home}safeguarding-contacts")
    return parish.owner.submit("Save", FILLED | changes, status)


def links(browser):
    return {link["href"]: link.text for link in browser.page.select("main a[href^='tel:'], main a[href^='mailto:']")}


def test_the_first_steps_ask_for_the_lead_until_there_is_one(parish):
    parish.pays_for(5)
    parish.owner.get(parish.home)
    parish.owner.click("Say who your safeguarding lead is")
    fill_in(parish)
    assert "Learners are shown this from now on." in parish.owner.words
    parish.owner.get(parish.home)
    step = parish.owner.page.find("p", string=lambda text: text and "safeguarding lead" in text) or next(
        title for title in parish.owner.page.select(".step__title") if "safeguarding lead" in title.text
    )
    assert "Done" in step.text


def test_once_people_learn_the_missing_lead_is_what_needs_doing(parish):
    parish.pays_for(5)
    parish.member("leo@example.org", Role.LEARNER, seat=True)
    parish.owner.get(parish.home)
    assert "Nobody is named as your safeguarding lead" in parish.owner.words
    parish.owner.click("Name them")
    fill_in(parish)
    parish.owner.get(parish.home)
    assert "Nobody is named" not in parish.owner.words


def test_who_only_pays_is_not_sent_to_a_page_that_is_closed_to_them(parish):
    frances = parish.member("frances@example.org", Role.BILLING)
    frances.get(parish.home)
    assert not frances.page.select('a[href$="/safeguarding-contacts"]')
    frances.get(f"{parish.home}safeguarding-contacts", 403)


def test_what_was_saved_comes_back_and_can_be_changed(parish):
    fill_in(parish)
    assert parish.owner.page.select_one("#lead_name")["value"] == "Grace Adeyemi"
    assert parish.owner.page.select_one("#local_numbers").text.strip() == (
        "Children's services: 01632 960456\nOut of hours: 01632 960789"
    )
    fill_in(parish, deputy_name="", deputy_contact="", local_numbers="")
    parish.owner.get(f"/learn/{parish.id}/worried")
    assert "Tom Barker" not in parish.owner.words
    assert "Local numbers" not in parish.owner.words
    parish.owner.get(f"{parish.home}history")
    assert "Ruth Amadi changed the safeguarding contacts" in parish.owner.words


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lead_name": " "}, "lead_name"),
        ({"lead_name": "x" * 121}, "lead_name"),
        ({"lead_contact": ""}, "lead_contact"),
        ({"lead_contact": "1" * 121}, "lead_contact"),
        ({"deputy_name": ""}, "deputy_name"),
        ({"deputy_contact": ""}, "deputy_contact"),
        ({"local_numbers": "x" * 1001}, "local_numbers"),
        ({"local_numbers": "a\u200eb"}, "local_numbers"),
    ],
)
def test_what_cannot_be_used_is_refused_beside_its_field(parish, changes, field):
    page = fill_in(parish, 422, **changes)
    assert page.select_one(".error-summary a")["href"] == f"#{field}"
    with parish.app.app_context():
        assert safeguarding_contacts.of(parish.id) is None


def test_an_admin_may_change_them_and_a_learner_may_not(parish):
    admin, leo = parish.member("ada@example.org", Role.ADMIN), parish.member("leo@example.org", Role.LEARNER)
    admin.get(f"{parish.home}safeguarding-contacts")
    admin.submit("Save", FILLED)
    leo.get(f"/learn/{parish.id}/worried")
    leo.post(f"{parish.home}safeguarding-contacts", FILLED, 403)


def test_the_journal_holds_no_name_and_no_number(parish):
    fill_in(parish)
    with parish.app.app_context():
        line = db.session.scalars(sa.select(JournalEntry).where(JournalEntry.what == "safeguarding_contacts.changed")).one()
        assert (line.facts, line.about, line.person_id) == ({}, parish.id, parish.owner_id)


def test_of_many_who_save_at_once_one_whole_answer_stays(parish):
    def save(number):
        with parish.app.app_context(), transaction():
            wish = Wish(f"Lead {number}", f"0163296{number:04}")
            safeguarding_contacts.save(parish.id, wish, by=parish.owner_id)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(save, range(8)))
    with parish.app.app_context():
        row = db.session.scalars(sa.select(SafeguardingContacts)).one()
        assert row.lead_contact == f"0163296{int(row.lead_name.removeprefix('Lead ')):04}"


def test_each_field_says_what_to_mend():
    with pytest.raises(Invalid, match="phone number or an e-mail address"):
        safeguarding_contacts._read(Wish("Grace", ""))  # noqa: SLF001 - the reading alone, without a shop


def test_danger_comes_first_then_the_lead_then_local_and_national_numbers(parish):
    fill_in(parish)
    leo = parish.member("leo@example.org", Role.LEARNER)
    leo.get(f"/learn/{parish.id}/worried")
    assert list(links(leo).items())[:5] == [
        ("tel:999", "Call 999"),
        ("tel:01632960123", "01632 960123"),
        ("mailto:tom@example.org", "tom@example.org"),
        ("tel:01632960456", "01632 960456"),
        ("tel:01632960789", "01632 960789"),
    ]
    assert {"tel:101", "tel:08001111", "tel:08088005000", "tel:116123"} <= set(links(leo))
    assert "Do not write a real concern on this website." in leo.words
    assert "It cannot clear your browser’s history." in leo.words  # noqa: RUF001 - as it stands on the page


def test_without_contacts_it_says_whom_to_ask(parish):
    leo = parish.member("leo@example.org", Role.LEARNER)
    leo.get(f"/learn/{parish.id}/worried")
    assert "Ask who your safeguarding lead is. An owner or admin of St Mary can write it here" in leo.words
    parish.owner.get(f"/learn/{parish.id}/worried")
    parish.owner.click("write it here")
    assert parish.owner.heading == "Safeguarding contacts"


def test_another_organisation_s_contacts_are_never_shown(parish, make_person):
    fill_in(parish)
    make_person(name="Tom", address="other@example.org", organisation="St Luke")
    tom = parish.browser("other@example.org")
    tom.get(f"/learn/{parish.id}/worried", 404)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("01632 960123", [("01632 960123", "tel:01632960123")]),
        ("+44 (0)1632 960123", [("+44 (0)1632 960123", "tel:+441632960123")]),
        ("Ring 999 first", [("Ring ", ""), ("999", "tel:999"), (" first", "")]),
        (
            "grace@example.org or 01632 960123",
            [("grace@example.org", "mailto:grace@example.org"), (" or ", ""), ("01632 960123", "tel:01632960123")],
        ),
        ("Room 12", [("Room 12", "")]),
        ("Room 101", [("Room 101", "")]),
        ("101", [("101", "tel:101")]),
        ("116 123", [("116 123", "tel:116123")]),
        ("Mon-Fri 9-5 01632 960170", [("Mon-Fri 9-5 ", ""), ("01632 960170", "tel:01632960170")]),
        ("24/7 0800 111 2222", [("24/7 ", ""), ("0800 111 2222", "tel:08001112222")]),
        ("9 to 5 (01632) 960170", [("9 to 5 ", ""), ("(01632) 960170", "tel:01632960170")]),
        ("01632 960170 (08:30-17:00)", [("01632 960170", "tel:01632960170"), (" (08:30-17:00)", "")]),
        ("01632 960170 07700 900123", [("01632 960170 07700 900123", "")]),
        (
            "01632 960170 - 07700 900123",
            [("01632 960170", "tel:01632960170"), (" - ", ""), ("07700 900123", "tel:07700900123")],
        ),
        ("the office", [("the office", "")]),
        ("a?bcc=b@example.org", [("a?bcc=b@example.org", "mailto:a%3Fbcc%3Db@example.org")]),
        ("<b>1</b>", [("<b>1</b>", "")]),
    ],
)
def test_numbers_and_addresses_can_be_pressed_and_the_rest_stays_words(text, parts):
    assert list(worried.linked(text)) == parts
