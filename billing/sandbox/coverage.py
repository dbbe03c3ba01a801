"""Which parameters the sandbox acts on: what Stripe accepts beyond these is refused, never silently ignored."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from billing.sandbox.refusals import uncovered
from billing.sandbox.store import JSON

Covered = Mapping[str, frozenset[Any] | None]


def parameters(*names: str, **values: Iterable[Any]) -> Covered:
    """Declare parameters by dotted path, list numbers left out; keywords (`__` for a dot) admit only some values."""
    limited = {name.replace("__", "."): frozenset(allowed) for name, allowed in values.items()}
    return dict.fromkeys((*names, "expand")) | limited


def require(covered: Covered, params: JSON) -> None:
    """Raise Refusal when a parameter is sent that the sandbox does not act on."""
    for path, shown, value in _leaves(params):
        steps = path.split(".")
        prefixes = [".".join(steps[: length + 1]) for length in range(len(steps))]
        declared = next((prefix for prefix in prefixes if prefix in covered), None)
        if declared is None:
            raise uncovered(param=shown)
        allowed = covered[declared]
        if allowed is not None and value not in allowed:
            raise uncovered(param=f"{shown}={value}")


def _leaves(value: Any, path: str = "", shown: str = "") -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key, f"{shown}[{key}]" if shown else key)
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from _leaves(inner, path, f"{shown}[{number}]")
    elif path:
        yield path, shown, value
