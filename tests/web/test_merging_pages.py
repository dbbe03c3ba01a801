"""The pages of merging: found by name, seen side by side, merged at once or after a mail."""

from __future__ import annotations

from app.accounts.memberships import Role
from tests.page_reader import PageReader


def add_by_name(parish, name):
    parish.owner.get(f"{parish.home}people/invite")
    parish.owner.submit("Send the invitation", {"name": name, "no_address": "y"})
    return parish.owner.path


def test_two_records_are_found_compared_and_merged(parish):
    parish.pays_for(5)
    parish.member("leo@example.org", Role.LEARNER, seat=True)
    by_name = add_by_name(parish, "Leo Grant")
    owner = parish.owner
    owner.get(by_name)
    owner.click("This is the same person as …")
    assert "Nobody else matches" in owner.words
    owner.submit("Show", {"q": "leo"}, status=303)
    owner.click("Compare with Leo, leo@example.org")
    assert "Name Leo Leo Grant Signs in with leo@example.org leo.grant" in owner.words
    assert "Both have a seat: one of them is free at once." in owner.words
    owner.submit("Merge the records", {"name": "goes"})
    assert owner.heading == "Leo Grant"
    assert owner.path == parish.page_of("leo@example.org")
    assert "merged another record into that of Leo Grant" in owner.words
    assert parish.seats().taken == 1
    owner.get(by_name, 303)
    assert owner.location == parish.page_of("leo@example.org")


def test_an_account_is_merged_once_its_holder_confirms_by_the_mail(parish, link_to):
    parish.pays_for(5)
    parish.member("leo@example.org", Role.LEARNER, seat=True)
    old = parish.member("leo.old@example.org", Role.LEARNER, seat=True)
    stays, goes = (parish.page_of(address) for address in ("leo@example.org", "leo.old@example.org"))
    parish.owner.get(f"{stays}/merge/{goes.rpartition('/')[2]}")
    parish.owner.submit("Ask them by mail")
    assert "Nothing changes until they confirm" in parish.owner.words
    stranger = PageReader(parish.app)
    stranger.get(link_to("leo.old@example.org"))
    assert "le…@example.org" in stranger.words
    assert "leo@example.org" not in stranger.words
    assert parish.seats().in_use == 2
    stranger.submit("Yes, both are mine")
    assert "Your records are one now" in stranger.words
    assert parish.seats().in_use == 1
    old.get(f"/learn/{parish.id}/", 404)


def test_saying_no_leaves_both_apart(parish, link_to):
    parish.pays_for(5)
    parish.member("leo@example.org", Role.LEARNER, seat=True)
    parish.member("leo.old@example.org", Role.LEARNER, seat=True)
    stays, goes = (parish.page_of(address) for address in ("leo@example.org", "leo.old@example.org"))
    parish.owner.get(f"{stays}/merge/{goes.rpartition('/')[2]}")
    parish.owner.submit("Ask them by mail")
    stranger = PageReader(parish.app)
    link = link_to("leo.old@example.org")
    stranger.get(link)
    stranger.submit("No, leave them apart")
    assert "Nothing was changed" in stranger.words
    stranger.get(link, 404)
    parish.owner.get(goes)
    assert "said that another record is not theirs" in parish.owner.words
