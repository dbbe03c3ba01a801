"""A list of thousands fits into little memory: what it takes is counted for each of its people, on top of the shop itself."""

from __future__ import annotations

import tracemalloc
from contextlib import contextmanager

import pytest

from app import arrivals
from app.accounts import people_imports
from app.kernel import sheets
from app.kernel.transaction import transaction
from tests.people_making import name_of

PEOPLE = 4_000
MOST_TO_READ = 1_000
MOST_TO_BRING_IN = 2_800
HEAD = ("Team", "Full name", "Notes", "E-mail address")


@contextmanager
def bytes_for_each():
    """Give a list that holds, afterwards, how many bytes the block took at most for each of the people."""
    taken = []
    tracemalloc.start()
    try:
        yield taken
        taken.append(tracemalloc.get_traced_memory()[1] // PEOPLE)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_reading_a_list_and_bringing_it_in_take_few_bytes_for_each_person(owner, subscribe, form):
    subscribe(owner.organisation.id, PEOPLE)
    rows = [("", name_of(n), "a few words about them", f"crowd{n}@example.org") for n in range(PEOPLE)]
    content = sheets.as_xlsx(HEAD, rows, "People") if form == "xlsx" else sheets.as_csv(HEAD, rows)
    with transaction():
        sent = arrivals.send(owner, content, file_name=f"people.{form}").id
    with bytes_for_each() as read:
        arrivals.read(sent)
    with transaction():
        arrivals.want(owner, sent)
    with bytes_for_each() as brought_in:
        arrivals.bring_in(sent, days=14)
    assert people_imports.counts(sent)["new"] == PEOPLE
    assert read[0] < MOST_TO_READ
    assert brought_in[0] < MOST_TO_BRING_IN
