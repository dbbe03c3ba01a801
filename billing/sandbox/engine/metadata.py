"""Metadata as Stripe keeps it: sent keys are merged, an empty value removes one, an empty whole removes all."""

from billing.sandbox.store import JSON


def merged(kept: dict[str, str], params: JSON) -> dict[str, str]:
    """Return the metadata after a request that may have sent some."""
    sent = params.get("metadata", {})
    if sent == "":
        return {}
    return {name: value for name, value in (kept | sent).items() if value != ""}
