"""Price cards: published once, never changed, kept by those who bought them."""

from __future__ import annotations

import pytest

from app.kernel.errors import Missing, Unavailable
from app.kernel.transaction import transaction
from billing import price_cards

NEW = [{"first": 1, "month": 1100, "year": 9900}]


def test_the_seed_is_published_once(shop):
    for _ in range(2):
        with transaction():
            price_cards.publish_seed()
    assert price_cards.current().version == 1


def test_a_new_card_leaves_the_old_version_as_it_was(shop):
    with transaction():
        price_cards.publish_seed()
    before = price_cards.of_version(1)
    with transaction():
        price_cards.publish("GBP", NEW)
        price_cards.publish("GBP", NEW)
    assert price_cards.current().version == 2
    assert price_cards.of_version(1) == before


def test_a_later_seed_never_overrides_what_was_published(shop):
    with transaction():
        price_cards.publish("GBP", NEW)
    with transaction():
        price_cards.publish_seed()
    assert price_cards.current().bands[0].month_minor == 1100


def test_without_a_card_the_message_says_what_to_run(shop):
    with pytest.raises(Unavailable, match="python3 -m app load"):
        price_cards.current()
    with pytest.raises(Missing):
        price_cards.of_version(7)
