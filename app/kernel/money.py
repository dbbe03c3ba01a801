"""Money as whole pence; floats never come near it."""

from __future__ import annotations

from fractions import Fraction


def pounds(minor: int) -> str:
    """Write pence as pounds, such as £1,087.20."""
    sign = "-" if minor < 0 else ""
    whole, pence = divmod(abs(minor), 100)
    return f"{sign}£{whole:,}.{pence:02d}"


def half_up(amount: Fraction) -> int:
    """Round to whole pence, a half away from zero."""
    doubled = abs(amount) * 2
    rounded = (doubled.numerator // doubled.denominator + 1) // 2
    return -rounded if amount < 0 else rounded


def share(amount_minor: int, part: int, whole: int) -> int:
    """Give `part` of `whole` of an amount in pence, rounded half up once."""
    return half_up(Fraction(amount_minor * part, whole))
