"""The pages of joining slips: added by name, printed, used, and right wherever an address would stand."""

from __future__ import annotations

import io
import re
from uuid import UUID

import pypdfium2
import pytest

from app import joining
from app.accounts import memberships, people
from app.accounts.memberships import Membership
from app.kernel.db import db
from app.kernel.transaction import transaction
from tests.page_reader import PageReader

PASSWORD = "four quite odd words"  # noqa: S105 - of people who do not exist


@pytest.fixture
def added(parish):
    """Give the page of somebody who was added by name alone."""
    parish.pays_for(3)
    parish.owner.get(f"{parish.home}people/invite")
    parish.owner.submit("Send the invitation", {"name": "Ruth Adeyemi", "no_address": "y"})
    return parish.owner.path


def words_of(pdf):
    document = pypdfium2.PdfDocument(io.BytesIO(pdf))
    return [page.get_textpage().get_text_bounded() for page in document]


def print_slip(parish, person_path):
    parish.owner.get(person_path)
    parish.owner.submit("Print a slip", status=200)
    answer = parish.owner.response
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("application/pdf", "no-store")
    return answer.data


def pin_in(pdf):
    [words] = words_of(pdf)
    return re.search(r"\b(\d{4} \d{4})\b", words)[1]


def use(browser, pin, *, name="ruth.adeyemi", password=PASSWORD, status=303):
    browser.get("/slip")
    return browser.submit("Begin", {"user_name": name, "pin": pin, "password": password}, status=status)


def test_a_slip_says_who_where_until_when_and_whom_to_ask(parish, added):
    pdf = print_slip(parish, added)
    assert b"pdfuaid:part" in pdf, "tagged for screen readers"
    [words] = words_of(pdf)
    for said in ("St Mary", "Ruth Adeyemi", "ruth.adeyemi", "/slip", "Good until", "Ruth Amadi"):
        assert said in words


def test_somebody_comes_in_with_a_slip_learns_and_signs_in_with_their_user_name(parish, added):
    pin = pin_in(print_slip(parish, added))
    browser = PageReader(parish.app)
    assert browser.get("/slip?name=ruth.adeyemi").select_one("#user_name")["value"] == "ruth.adeyemi"
    browser.submit("Begin", {"pin": pin, "password": PASSWORD})
    assert browser.path == f"/learn/{parish.id}/"
    browser.get("/profile")
    assert "User name ruth.adeyemi" in browser.words
    assert "Not given yet Add one" in browser.words
    for path in ("/profile/address", "/profile/password", f"/learn/{parish.id}/certificates", f"/learn/{parish.id}/worried"):
        browser.get(path)
    browser.get("/workspace/")
    browser.submit("Start it", {"name": "St Bede"}, status=409)
    assert "This needs an e-mail address" in browser.words
    again = PageReader(parish.app)
    again.sign_in("Ruth.Adeyemi", PASSWORD)
    assert again.path == f"/learn/{parish.id}/"


def test_a_wrong_pin_and_an_unknown_name_are_answered_alike_and_the_form_comes_back_filled_in(parish, added):
    pin = pin_in(print_slip(parish, added))
    said = []
    for name in ("ruth.adeyemi", "nobody.here"):
        page = use(PageReader(parish.app), pin[::-1] if pin[::-1] != pin else "0000 0001", name=name, status=422)
        assert page.select_one("#user_name")["value"] == name
        said.append(page.select_one(".error-summary").get_text())
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("name", "words"),
    [("ruth@example..org", "Give an e-mail address in full"), ("ruth\u200fadeyemi", "or the user name on your slip")],
)
def test_what_can_be_no_user_name_is_refused_in_words(parish, added, name, words):
    browser = PageReader(parish.app)
    page = use(browser, pin_in(print_slip(parish, added)), name=name, status=422)
    assert words in page.select_one(".error-summary").get_text()


def test_the_page_of_somebody_whose_account_was_deleted_offers_no_slip(parish, added):
    parish.owner.get(added)
    assert "Print a slip" in parish.owner.words
    with parish.app.app_context(), transaction():
        member_id = UUID(added.rsplit("/", 1)[1])
        joining.withdraw(memberships.actor(people.known(parish.owner_id), parish.id), member_id)
        db.session.get_one(Membership, member_id).user_name = None
    parish.owner.get(added)
    assert "Invite again" not in parish.owner.words
    assert "Joining slip" not in parish.owner.words


def test_a_weak_password_costs_no_try(parish, added):
    pin = pin_in(print_slip(parish, added))
    browser = PageReader(parish.app)
    for _ in range(6):
        use(browser, pin, password="short", status=422)
    use(browser, pin)
    assert browser.path == f"/learn/{parish.id}/"


def test_where_an_address_would_stand_its_absence_is_right(parish, added):
    owner = parish.owner
    owner.get(added)
    assert "ruth.adeyemi" in owner.words
    assert "has no e-mail address here, so no mails go to them" in owner.words
    owner.get(f"{parish.home}people")
    assert "user name ruth.adeyemi" in owner.words
    owner.get(f"{parish.home}people.csv?columns=address.user_name.roles")
    assert "Ruth Adeyemi,,ruth.adeyemi,learner" in owner.response.text
    owner.get(f"{parish.home}history?who=ruth.adeyemi")
    assert "invited Ruth Adeyemi" in owner.words


def test_a_list_of_names_is_brought_in_and_its_slips_are_printed_eight_to_a_page(parish):
    parish.pays_for(20)
    owner = parish.owner
    owner.get(f"{parish.home}people/lists")
    owner.submit("Read the list", {"text": "\n".join(f"Person Nr{number}" for number in range(9)), "by_name": "y"})
    assert "no address: gets a user name" in owner.words
    owner.submit("Bring in 9 people")
    with parish.app.app_context():
        parish.app.extensions["jobs"].run("people_lists")
    owner.get(owner.path)
    owner.click("Print joining slips …")
    assert owner.heading == "Print 9 joining slips?"
    owner.submit("Print 9 slips", status=200)
    assert [words.count("PIN, works once") for words in words_of(owner.response.data)] == [8, 1]


def test_slips_are_printed_for_a_team(parish, added):
    owner = parish.owner
    owner.get(f"{parish.home}teams")
    owner.submit("Make it", {"name": "Kitchen"})
    owner.get(f"{parish.home}teams")
    owner.click("Kitchen")
    team = owner.path
    owner.get(added)
    owner.get(f"{parish.home}people/team?who={added.rpartition('/')[2]}")
    owner.submit("Put them into it", {"team": team.rpartition("/")[2]})
    owner.get(team)
    owner.click("Joining slips")
    assert owner.heading == "Print 1 joining slip?"
    owner.submit("Print 1 slip", status=200)
    assert owner.response.mimetype == "application/pdf"


def test_a_user_name_is_changed_before_the_first_use(parish, added):
    owner = parish.owner
    owner.get(f"{added}/user-name")
    page = owner.submit("Save", {"user_name": "no good"}, status=422)
    assert page.select_one("#user_name")["value"] == "no good"
    owner.submit("Save", {"user_name": "ruthie"})
    assert "User name ruthie" in owner.words
    with parish.app.app_context():
        assert people.with_login("ruthie").name == "Ruth Adeyemi"


def test_an_invitation_that_is_over_is_made_again_and_printed(parish, added):
    parish.owner.get(added)
    parish.owner.submit("Withdraw")
    parish.owner.submit("Invite again")
    assert pin_in(print_slip(parish, added))
