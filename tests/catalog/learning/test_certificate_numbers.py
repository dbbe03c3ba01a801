"""Certificate numbers: read as people type them, and refused when a letter is wrong."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.kernel.errors import Invalid
from catalog.learning import certificate_numbers
from catalog.learning.certificate_numbers import ALPHABET

SHAPE = re.compile(r"LY(-[0-9A-HJKMNP-TV-Z]{4}){2}-[0-9A-HJKMNP-TV-Z]{5}")
places = st.integers(min_value=0, max_value=12)


@st.composite
def numbers(draw):
    """Give any number that could be drawn, without what stands around its thirteen characters."""
    random = draw(st.text(ALPHABET, min_size=12, max_size=12))
    return random + certificate_numbers._check_character(random)  # noqa: SLF001 - any number, and not only those drawn by chance


def test_a_drawn_number_has_our_shape_and_is_read_as_itself():
    for _ in range(200):
        number = certificate_numbers.draw()
        assert SHAPE.fullmatch(number)
        assert certificate_numbers.read(number) == number


def test_numbers_are_not_drawn_twice():
    assert len({certificate_numbers.draw() for _ in range(2000)}) == 2000


def test_every_character_is_drawn():
    assert set("".join(certificate_numbers.draw().removeprefix("LY").replace("-", "") for _ in range(500))) == set(ALPHABET)


def test_the_check_character_is_as_it_always_was():
    # A number that was printed once must be read for ever.
    assert certificate_numbers.read("LY-7Q4M-2K9X-3HTP3") == "LY-7Q4M-2K9X-3HTP3"


@given(numbers())
def test_a_number_is_read_however_it_is_typed(bare):
    written = certificate_numbers.read(bare)
    assert SHAPE.fullmatch(written)
    like = bare.replace("0", "O").replace("1", "l")
    for typed in (
        bare.lower(),
        f"ly{bare}",
        f" {written} ",
        written.replace("-", " "),
        written.replace("-", "\N{EN DASH}"),
        like,
        f"LY-{like}",
    ):
        assert certificate_numbers.read(typed) == written


@given(numbers(), places, st.sampled_from(ALPHABET))
def test_any_single_wrong_character_is_noticed(bare, place, wrong):
    assume(bare[place] != wrong)
    with pytest.raises(Invalid):
        certificate_numbers.read(bare[:place] + wrong + bare[place + 1 :])


@given(numbers(), st.integers(min_value=0, max_value=11))
def test_two_neighbours_that_changed_places_are_noticed_unless_they_are_0_and_z(bare, place):
    first, second = bare[place], bare[place + 1]
    assume(first != second)
    swapped = bare[:place] + second + first + bare[place + 2 :]
    if {first, second} == {"0", "Z"}:
        assert certificate_numbers.read(swapped)
    else:
        with pytest.raises(Invalid):
            certificate_numbers.read(swapped)


@pytest.mark.parametrize(
    "typed", ["", "LY", "LY-", "LY-7Q4M-2K9X", "LY-7Q4M-2K9X-3HTPCC", "UUUUUUUUUUUUU", "٣" * 13, "ß" * 13, "0" * 9999]
)
def test_what_cannot_be_a_number_is_refused_in_kind_words(typed):
    with pytest.raises(Invalid) as refusal:
        certificate_numbers.read(typed)
    assert refusal.value.message == "That does not look like one of our numbers. Check it for a mistyped letter."
    assert refusal.value.field == "number"


@given(st.text(max_size=40))
def test_nothing_that_is_typed_breaks_the_reader(typed):
    with contextlib.suppress(Invalid):
        assert SHAPE.fullmatch(certificate_numbers.read(typed))
