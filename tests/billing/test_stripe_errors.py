"""Errors of the provider in our words: what it has answered for good, and what may still come."""

from __future__ import annotations

import pytest
import stripe

from app.kernel.errors import Unavailable
from billing.stripe_errors import translated


@pytest.mark.parametrize(
    ("error", "is_definite"),
    [
        (stripe.APIError("Another request with this key is still running.", http_status=409), False),
        (stripe.RateLimitError("Too many requests.", http_status=429), False),
        (stripe.APIConnectionError("No answer."), False),
        (stripe.APIError("Something went wrong.", http_status=500), True),
    ],
)
def test_only_an_answer_of_the_provider_is_definite(error, is_definite):
    with pytest.raises(Unavailable) as caught, translated():
        raise error
    assert caught.value.facts["definite"] is is_definite
