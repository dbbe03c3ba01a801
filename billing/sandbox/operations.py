"""What an operation of the API is, and the kinds that most of them are: read, list, make and change an object."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from billing.sandbox.coverage import Covered, parameters
from billing.sandbox.refusals import Refusal, missing
from billing.sandbox.rendering import listed, wire
from billing.sandbox.store import COMPARISONS, JSON, Filters, Work

PAGING = ("limit", "starting_after", "ending_before")
MOST_A_PAGE = 100
USUAL_PAGE = 10


@dataclass(frozen=True)
class Request:
    """What an operation is given: the transaction, the id in its address, its typed parameters, our own address."""

    work: Work
    key: str
    params: JSON
    public_url: str


@dataclass(frozen=True)
class Operation:
    """One entry of the API."""

    method: str
    address: str
    answer: Callable[[Request], JSON]
    covered: Covered = field(default_factory=parameters)

    def key_in(self, method: str, address: str) -> str | None:
        """Return the id in the address ("" when there is none) if this operation is meant, else None."""
        pattern = re.escape(self.address).replace(r"\{id\}", "([^/]+)")
        match = re.fullmatch(pattern, address) if method == self.method else None
        if match is None:
            return None
        return match[1] if match.groups() else ""


def page(request: Request, kind: str, url: str, filters: Filters) -> JSON:
    """Return one page of a list. Raises Refusal when its limit or its cursor makes no sense."""
    limit = request.params.get("limit", USUAL_PAGE)
    if not 1 <= limit <= MOST_A_PAGE:
        message = f"Invalid limit: must be between 1 and {MOST_A_PAGE}"
        raise Refusal(says=message, code="parameter_invalid_integer", param="limit")
    edges: dict[str, int | None] = {}
    for param, edge in (("starting_after", "before"), ("ending_before", "after")):
        if param in request.params:
            position = request.work.position(kind, request.params[param])
            if position is None:
                raise missing(noun=kind, key=request.params[param], param=param, status=400)
            edges[edge] = position
    if len(edges) > 1:
        message = "You may only specify one of these parameters: starting_after, ending_before."
        raise Refusal(says=message, param="ending_before")
    found = request.work.select(kind, filters, limit=limit + 1, **edges)
    has_more = len(found) > limit
    kept = found[1:] if has_more and "after" in edges else found[:limit]
    return listed(url, [wire(request.work, body) for body in kept], has_more=has_more)


def lister(kind: str, url: str, *columns: str) -> Callable[[Request], JSON]:
    """Return the list operation of a kind, filtered by the given columns and by creation."""

    def answer(request: Request) -> JSON:
        filters = Filters(any_of={name: [request.params[name]] for name in columns if name in request.params})
        filter_created(request, filters)
        return page(request, kind, url, filters)

    return answer


def filter_created(request: Request, filters: Filters) -> None:
    """Keep to objects of the times a request asks for."""
    sent: Any = request.params.get("created")
    if isinstance(sent, int):
        filters.any_of["created"] = [sent]
    elif isinstance(sent, dict):
        filters.compared["created"] = {name: bound for name, bound in sent.items() if name in COMPARISONS}


def reader(kind: str, noun: str) -> Callable[[Request], JSON]:
    """Return the retrieve operation of a kind."""
    return lambda request: wire(request.work, body_of(request, kind, noun))


def body_of(request: Request, kind: str, noun: str) -> JSON:
    """Return the object the address names. Raises Refusal when there is none."""
    body = request.work.find(kind, request.key)
    if body is None:
        raise missing(noun=noun, key=request.key)
    return body


def maker(create: Callable[[Work, JSON], JSON]) -> Callable[[Request], JSON]:
    """Return the create operation that a rule of the engine answers."""
    return lambda request: wire(request.work, create(request.work, request.params))


def changer(kind: str, noun: str, change: Callable[[Work, JSON, JSON], JSON]) -> Callable[[Request], JSON]:
    """Return the operation by which a rule of the engine changes an object."""
    return lambda request: wire(request.work, change(request.work, body_of(request, kind, noun), request.params))
