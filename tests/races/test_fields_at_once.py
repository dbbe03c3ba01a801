"""Fields at once: never more than ten, and nothing is left of one that was removed while people filled it in."""

from __future__ import annotations

from app.accounts import people_views, profile_fields, profile_values
from app.accounts.profile_fields import Wish
from app.kernel.db import db
from app.kernel.errors import Conflict, Missing
from app.kernel.transaction import transaction
from tests import people_making
from tests.races.actors import acting


def test_thirty_who_add_a_field_at_once_add_ten(owner, race):
    organisation, by = owner.organisation.id, owner.person.id

    def adding(number):
        return lambda: profile_fields.add(organisation, Wish(f"Field {number}", "text"), by=by)

    refused = [outcome for outcome in race(*(adding(n) for n in range(30))) if outcome is not None]
    assert len(refused) == 20
    assert all(isinstance(refusal, Conflict) for refusal in refused)
    db.session.rollback()
    fields = profile_fields.of(organisation)
    assert sorted(field.position for field in fields) == list(range(1, 11))


def test_a_field_that_is_removed_while_it_is_filled_in_leaves_nothing_behind(owner, race):
    organisation, by = owner.organisation.id, owner.person.id
    with transaction():
        field = profile_fields.add(organisation, Wish("Desk", "text"), by=by).id
        chosen = people_making.add(organisation, 40)
    as_owner = acting(owner)

    def setting(number):
        return lambda: profile_values.set_each(as_owner(), chosen, field, f"desk {number}")

    outcomes = race(*(setting(n) for n in range(8)), lambda: profile_values.remove_field(organisation, field, by=by))
    assert outcomes[-1] is None
    assert all(isinstance(outcome, Missing) for outcome in outcomes if outcome is not None)
    db.session.rollback()
    assert profile_fields.of(organisation) == []
    assert profile_values.of_people(chosen) == {}


def test_of_ten_views_that_are_to_open_the_table_at_once_one_does(owner, race):
    as_owner = acting(owner)

    def saving(number):
        return lambda: people_views.save(as_owner(), f"View {number}", {}, for_everybody=True, is_default=True)

    assert race(*(saving(n) for n in range(10))) == [None] * 10
    db.session.rollback()
    assert [view.is_default for view in people_views.of(owner)].count(True) == 1
