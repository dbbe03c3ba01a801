"""Which tests run on one of the two databases in the quick gate, and on which: all but those that a database itself decides."""

from __future__ import annotations

import re
from zlib import crc32

# Races, kills, orders of messages, migrations and statements: these are looked at on both each time.
ON_BOTH = ("tests/house/", "tests/journeys/", "tests/kernel/", "tests/races/")
DATABASE = re.compile(r"\b(sqlite|postgresql)\b")


def has_turn(nodeid: str) -> bool:
    """Say whether a test is to run on the database that its id names, if it names one."""
    named = DATABASE.search(nodeid)
    if named is None or nodeid.startswith(ON_BOTH):
        return True
    is_sqlites = crc32(DATABASE.sub("", nodeid).encode()) % 2 == 0
    return (named[1] == "sqlite") == is_sqlites
