"""What the sandbox says no with: errors in the shape, words and status codes of Stripe's API."""

from typing import Any


class Refusal(Exception):
    """A request the sandbox will not carry out, with everything its answer says."""

    def __init__(
        self,
        *,
        says: str,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        decline_code: str | None = None,
        keeps_effects: bool = False,
    ) -> None:
        """Describe the refusal; `keeps_effects` says that what was done before it stays (a declined charge counts)."""
        super().__init__(says)
        self.status = status
        self.keeps_effects = keeps_effects
        parts = {
            "type": kind,
            "code": code,
            "decline_code": decline_code,
            "message": says,
            "param": param,
        }
        self.error: dict[str, Any] = {name: value for name, value in parts.items() if value is not None}


def missing(*, noun: str, key: str, param: str = "id", status: int = 404) -> Refusal:
    """Say that an object named in the address (404) or in a parameter (400) does not exist."""
    return Refusal(says=f"No such {noun}: '{key}'", status=status, code="resource_missing", param=param)


def required(*, param: str) -> Refusal:
    """Say that a parameter without which the request makes no sense was left out."""
    return Refusal(says=f"Missing required param: {param}.", code="parameter_missing", param=param)


def uncovered(*, param: str) -> Refusal:
    """Say that Stripe would accept this but the sandbox does not cover it, rather than silently ignore it."""
    return Refusal(
        says=f"Stripe accepts {param} here; the sandbox does not cover it yet, or not with this value.",
        code="sandbox_uncovered",
        param=param,
    )


def declined(*, says: str, keeps_effects: bool = False) -> Refusal:
    """Say that the card was declined."""
    return Refusal(
        says=says,
        status=402,
        kind="card_error",
        code="card_declined",
        decline_code="generic_decline",
        keeps_effects=keeps_effects,
    )
