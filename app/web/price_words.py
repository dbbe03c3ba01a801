"""A figure in words: the same ones on the home page, the price page and in the calculator's answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.kernel.money import pounds
from billing.price_cards import Interval

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.figures import Figure


@dataclass(frozen=True, slots=True)
class PriceRow:
    """A line of the sum: a band, or one of the totals under the bands."""

    label: str
    each: str
    together: str
    is_sum: bool = False


@dataclass(frozen=True, slots=True)
class PriceWords:
    """What the calculator says about a figure."""

    gross: str
    per: str
    split: str
    average: str
    saving: str
    spoken: str
    buy: str
    buy_href: str
    quote_href: str
    each: str
    rows: tuple[PriceRow, ...]


def describe(figure: Figure) -> PriceWords:
    """Say a figure in words, the price including VAT first."""
    has_vat = figure.vat_percent is not None
    per = f"a {figure.interval}, including VAT" if has_vat else f"a {figure.interval}, no VAT is charged"
    return PriceWords(
        gross=pounds(figure.gross_minor),
        per=per,
        split=f"{pounds(figure.net_minor)} + {pounds(figure.vat_minor)} VAT" if has_vat else f"{pounds(figure.net_minor)} in all",
        average=_average(figure),
        saving=_saving(figure),
        spoken=f"{people(figure.seats)}: {pounds(figure.gross_minor)} {per}",
        buy=f"Buy {figure.seats:,} {'seat' if figure.seats == 1 else 'seats'}",
        buy_href=f"/buy?seats={figure.seats}&interval={figure.interval}",
        quote_href=f"/quote?seats={figure.seats}",
        each=f"Each, a {figure.interval}",
        rows=tuple(_rows(figure)),
    )


def entry(figure: Figure) -> str:
    """Say what the first user costs, such as: From £10 a user a month (£12 including VAT)."""
    including = f" ({_round(figure.gross_minor)} including VAT)" if figure.vat_percent is not None else ""
    return f"From {_round(figure.net_minor)} a user a {figure.interval}{including}"


def people(number: int) -> str:
    """Write a number of people, such as 1 person or 1,200 people."""
    return f"{number:,} {'person' if number == 1 else 'people'}"


def _round(minor: int) -> str:
    """Write pence as pounds, without the pence when there are none."""
    return pounds(minor).removesuffix(".00")


def _average(figure: Figure) -> str:
    """Say what one person costs a month, and why there are more seats than were asked for, if there are."""
    average = f"{pounds(figure.average_net_minor)} a person a month{' before VAT' if figure.vat_percent is not None else ''}"
    if figure.seats == figure.asked:
        return average
    return f"{average}. {figure.seats:,} seats, because they cost less than {figure.asked:,}"


def _saving(figure: Figure) -> str:
    """Say what a year saves, or nothing for a month."""
    if figure.interval is Interval.MONTH:
        return ""
    before_vat = " before VAT" if figure.vat_percent is not None else ""
    return f"Saves {pounds(figure.saving_minor)} a year{before_vat}, against paying monthly"


def _rows(figure: Figure) -> Iterator[PriceRow]:
    """Give the bands one by one and then the totals."""
    for number, share in enumerate(figure.bands):
        count = "one" if share.seats == 1 else f"{share.seats:,}"
        label = f"all {share.seats:,}" if figure.is_one_price else f"the {'next' if number else 'first'} {count}"
        yield PriceRow(label, pounds(share.unit_minor), pounds(share.amount_minor))
    if figure.discount_minor:
        yield PriceRow("Discount", "", pounds(-figure.discount_minor))
    if figure.vat_percent is None:
        yield PriceRow(f"{people(figure.seats)}, to pay", "", pounds(figure.gross_minor), is_sum=True)
        return
    yield PriceRow(f"{people(figure.seats)}, before VAT", "", pounds(figure.net_minor), is_sum=True)
    yield PriceRow(f"VAT at {figure.vat_percent}%", "", pounds(figure.vat_minor))
    yield PriceRow("To pay, including VAT", "", pounds(figure.gross_minor), is_sum=True)
