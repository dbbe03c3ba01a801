"""The five ways in which the domain says no; every message is for a person and says what to do."""


class Refusal(Exception):
    """A refusal with words for the person who asked and facts for the log."""

    status = 400

    def __init__(self, message: str, **facts: object) -> None:
        """Keep the message for the page and the facts for the log."""
        super().__init__(message)
        self.message = message
        self.facts = facts


class Invalid(Refusal):
    """What was given cannot be used; `field` names the form field to mend, if there is one."""

    status = 422

    def __init__(self, message: str, field: str | None = None, **facts: object) -> None:
        """Keep the field that has to be mended beside the message."""
        super().__init__(message, **facts)
        self.field = field


class NotAllowed(Refusal):
    """The person may not do this."""

    status = 403


class Missing(Refusal):
    """There is no such thing, or not for this person: the two cannot be told apart."""

    status = 404

    def __init__(self, message: str = "We cannot find that. Check the address or go back.", **facts: object) -> None:
        """Say the same words for what is not there and for what belongs to somebody else."""
        super().__init__(message, **facts)


class Conflict(Refusal):
    """Something else happened first, so this cannot happen now."""

    status = 409


class Unavailable(Refusal):
    """Something we depend on does not answer; trying again later may work."""

    status = 503
