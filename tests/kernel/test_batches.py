"""Batches carry any rows to the database, and leave nothing of them in memory."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
import sqlalchemy as sa

from app.kernel import batches
from app.kernel.db import db, uuid7


def read_back(rows):
    given = batches.of(rows, id=sa.Uuid(), name=sa.String(), number=sa.Integer(), facts=sa.JSON())
    return [tuple(row) for row in db.session.execute(sa.select(*given.c))]


@pytest.mark.parametrize("times", [0, 1, 5_000])
def test_rows_come_back_as_they_were_given_however_many_they_are(shop, times):
    rows = [
        (uuid7(), 'Zoë "Nnamdi" \\ 王秀英 🙂', 0, {"a": [1, {"b": None}]}),
        (uuid7(), "", -7, {}),
        (uuid7(), None, None, {"": "“”"}),
    ] * times
    assert sorted(read_back(rows), key=repr) == sorted(rows, key=repr)


def test_nothing_of_a_large_batch_stays_in_memory(shop):
    read_back([(uuid7(), "x", 1, {})])
    tracemalloc.start()
    try:
        count = len(read_back((uuid7(), "somebody" * 10, number, {}) for number in range(5_000)))
        gc.collect()
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (count, most > 500_000, kept < 100_000) == (5_000, True, True)
