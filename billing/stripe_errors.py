"""Stripe's errors in our words: one of the five kinds, with what a person can do, and the facts for the log."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import stripe

from app.kernel.errors import Conflict, Invalid, Missing, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_PROGRESS = 409


@contextmanager
def translated() -> Iterator[None]:
    """Turn Stripe's errors into ours.

    `definite` tells whether Stripe has answered: its answer is kept under the idempotency key, so that a new try needs a new key.
    That another request with the key is still being answered (409) is no answer.
    """
    try:
        yield
    except stripe.CardError as error:
        message = "The bank declined the card. Nothing was charged. Change the card and try again."
        raise Conflict(message, provider_message=str(error), definite=True) from error
    except stripe.InvalidRequestError as error:
        if error.code == "resource_missing":
            raise Missing(param=error.param) from error
        message = "The payment provider did not accept this request. Nothing was charged."
        raise Invalid(message, provider_message=str(error), param=error.param, definite=True) from error
    except stripe.StripeError as error:
        message = "The payment provider does not answer just now. Nothing was charged. Please try again in a minute."
        definite = error.http_status not in {None, IN_PROGRESS} and not isinstance(error, stripe.RateLimitError)
        raise Unavailable(message, provider_message=str(error), definite=definite) from error
