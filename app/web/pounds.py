"""Amounts of money as people type them."""

from __future__ import annotations

import re

from app.kernel.errors import Invalid

AMOUNT = re.compile(r"£?\s*([0-9]{1,7})(?:\.([0-9]{2}))?", re.ASCII)


def read_pounds(typed: str, field: str) -> int:
    """Read an amount such as 1,087.20 and give it in pence; raises Invalid for anything else."""
    found = AMOUNT.fullmatch(typed.replace(",", "").strip())
    if found is None:
        message = "Give an amount in pounds, such as 1,087.20."
        raise Invalid(message, field=field)
    return int(found[1]) * 100 + int(found[2] or 0)
