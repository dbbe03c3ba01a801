"""The operator's prices: looked at before they are published, for new customers only."""

from __future__ import annotations

from app.kernel.transaction import transaction
from billing import price_cards


def test_new_prices_are_looked_at_and_then_published_for_new_customers_only(parish, operator):
    parish.pays_for(5)
    operator.get("/office/prices")
    assert "1 10.00 90.00" in str(operator.page)
    operator.submit("Look at it", {"bands": "1 9.00 81.00\n10, £5.00, £45.00"})
    for words in ("What it would come to", "10 people £62.00 £86.00 £558.00 £774.00"):
        assert words in operator.words
    operator.get("/prices?seats=10&interval=month")
    assert "£74.40" in operator.words
    operator.get("/office/prices?bands=1+9.00+81.00%0A10+5.00+45.00&mode=graduated")
    operator.submit("Publish these prices")
    assert "Version 2 is sold from now on" in operator.words
    assert "2 (sold now)" in operator.words
    operator.get("/prices?seats=10&interval=month")
    assert "£103.20" in operator.words
    parish.owner.get(f"{parish.home}billing")
    assert "£324.00 including £54.00 VAT" not in parish.owner.words
    assert "for 5 seats by the year" in parish.owner.words
    with parish.app.app_context():
        assert [card.version for card in price_cards.published()] == [1, 2]


def test_prices_that_make_no_sense_come_back_as_they_were_typed(operator):
    for typed, words in (
        ("1 ten 90.00", "Line 1: give the first seat"),
        ("1 10.00 90.00\n5 11.00 90.00", "never costs more for each seat"),
        ("2 10.00 90.00", "begin at seat 1"),
        ("", "begin at seat 1"),
    ):
        operator.get("/office/prices")
        operator.submit("Look at it", {"bands": typed}, status=422)
        assert words in operator.words
        assert typed in operator.page.find("textarea").text
        operator.post("/office/prices", {"bands": typed, "mode": "graduated"}, 422)
        assert words in operator.words


def test_a_volume_card_says_which_number_is_sold_instead(parish, operator):
    volume = "1 10.00 90.00\n10 5.00 45.00"
    operator.get("/office/prices")
    operator.submit("Look at it", {"bands": volume, "mode": "volume"}, status=422)
    assert "9 would cost more than 10" in operator.words
    operator.submit("Look at it", {"bands": volume, "mode": "volume", "bump": "y"})
    operator.submit("Publish these prices")
    operator.get("/prices?seats=9&interval=month")
    assert "10 seats, because they cost less than 9" in operator.words
    assert "all 10" in operator.words
    with parish.app.app_context(), transaction():
        assert price_cards.current().bump
