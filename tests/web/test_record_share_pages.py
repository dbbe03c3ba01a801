"""The pages by which a record goes along: offered by code, taken, shared by its person, seen, and ended."""

from __future__ import annotations

from uuid import UUID

from app.accounts import memberships, organisations, people
from app.accounts.memberships import Role
from app.kernel.transaction import transaction
from tests import passing


def test_a_record_goes_along_with_somebody_who_shares_it(parish, link_to):
    """Leo learned at St Mary and joins St Peter, whose owner is Eve."""
    leo = parish.member("leo@example.org", Role.LEARNER)
    parish.make_person("Eve", "eve@example.org", "St Peter")
    eve = parish.browser("eve@example.org")
    there = eve.path.rstrip("/").rpartition("/")[2]
    with parish.app.app_context(), transaction():
        member = memberships.with_address(parish.id, "leo@example.org")
        number = passing.certify(member).number
        added = memberships.add(organisations.known(UUID(there)), people.known(member.person_id), {Role.LEARNER})
        leo_there = f"/workspace/{there}/people/{added.id}"
    eve.get(f"/workspace/{there}/records-from-elsewhere")
    assert "Nobody offers you a record" in eve.words
    code = eve.page.select_one("code").get_text()
    owner, page_of_leo = parish.owner, parish.page_of("leo@example.org")
    owner.get(page_of_leo)
    owner.click("Offer the record to another organisation")
    form = owner.submit("Offer the record", {"code": "nonsense"}, status=422)
    assert form.select_one("#code")["value"] == "nonsense"
    owner.submit("Offer the record", {"code": code})
    assert "St Peter has not answered" in owner.words
    assert link_to("eve@example.org") == f"/workspace/{there}/records-from-elsewhere"
    eve.get(f"/workspace/{there}/records-from-elsewhere")
    assert "Leo" not in eve.words
    eve.submit("Take it")
    assert link_to("leo@example.org") == "/profile/records"
    leo.get("/profile/records")
    leo.submit("Share it")
    assert "St Peter sees what you learned at St Mary" in leo.words
    eve.get(leo_there)
    assert "Shared from St Mary" in eve.words
    assert number in eve.words
    leo.get("/profile/records")
    leo.submit("Stop sharing")
    eve.get(leo_there)
    assert number not in eve.words
    owner.get(page_of_leo)
    assert "Certificates" in owner.words
