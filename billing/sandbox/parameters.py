"""Stripe's form encoding read back: `a[b][0][c]=x` becomes nested names, with lists still keyed by their numbers."""

import re
from urllib.parse import parse_qsl

from billing.sandbox.refusals import Refusal
from billing.sandbox.store import JSON

NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
PART = re.compile(r"\[([^\[\]]*)\]")


def unflattened(encoded: str) -> JSON:
    """Return the nested parameters of a form body or a query. Raises Refusal when names contradict each other."""
    found: JSON = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        match = NAME.match(name)
        if match is None:
            raise Refusal(says=f"Invalid parameter name: {name}", code="parameter_unknown", param=name)
        steps = [match[1], *PART.findall(match[2])]
        place = found
        for step in steps[:-1]:
            inner = place.setdefault(_numbered(place, step), {})
            if not isinstance(inner, dict):
                raise _contradiction(name)
            place = inner
        last = _numbered(place, steps[-1])
        if isinstance(place.get(last), dict):
            raise _contradiction(name)
        place[last] = value
    return found


def _numbered(place: JSON, step: str) -> str:
    return step or str(len(place))


def _contradiction(name: str) -> Refusal:
    return Refusal(says=f"Invalid parameter: {name} is given both a value and parts.", param=name)
