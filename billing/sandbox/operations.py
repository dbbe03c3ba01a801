"""The operations of the API: method and address, the parameters covered, and what answers them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from billing.sandbox.coverage import Covered, parameters
from billing.sandbox.engine import catalogue, checkout, collection, customers, subscriptions
from billing.sandbox.refusals import Refusal, missing
from billing.sandbox.rendering import line_items, listed, wire
from billing.sandbox.store import COMPARISONS, JSON, Filters, Work

PAGING = ("limit", "starting_after", "ending_before")
MOST_A_PAGE = 100
USUAL_PAGE = 10
ENDED = ["canceled", "incomplete_expired"]


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
        _filter_created(request, filters)
        return page(request, kind, url, filters)

    return answer


def _filter_created(request: Request, filters: Filters) -> None:
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


def list_prices(request: Request) -> JSON:
    """List prices, also by their lookup keys."""
    names = ("active", "currency", "product", "type")
    filters = Filters(any_of={name: [request.params[name]] for name in names if name in request.params})
    if "lookup_keys" in request.params:
        filters.any_of["lookup_key"] = request.params["lookup_keys"]
    _filter_created(request, filters)
    return page(request, "price", "/v1/prices", filters)


def list_subscriptions(request: Request) -> JSON:
    """List subscriptions: those that have not ended, unless a status says otherwise."""
    filters = Filters()
    if "customer" in request.params:
        filters.any_of["customer"] = [request.params["customer"]]
    status = request.params.get("status")
    if status is None:
        filters.none_of["status"] = ENDED
    elif status == "ended":
        filters.any_of["status"] = ENDED
    elif status != "all":
        filters.any_of["status"] = [status]
    _filter_created(request, filters)
    return page(request, "subscription", "/v1/subscriptions", filters)


def list_events(request: Request) -> JSON:
    """List events, by one type (`invoice.*` means a family) or several."""
    filters = Filters()
    wanted = request.params.get("types") or ([request.params["type"]] if "type" in request.params else [])
    if any("*" in name for name in wanted):
        raise Refusal(says="The sandbox lists events by whole names only.", code="sandbox_uncovered", param="type")
    if wanted:
        filters.any_of["type"] = wanted
    _filter_created(request, filters)
    return page(request, "event", "/v1/events", filters)


def list_line_items(request: Request) -> JSON:
    """List what a checkout session sells."""
    session = body_of(request, "checkout.session", "checkout.session")
    return listed(f"/v1/checkout/sessions/{request.key}/line_items", line_items(request.work, session))


def create_session(request: Request) -> JSON:
    """Open a checkout session on our own hosted page."""
    return wire(request.work, checkout.create(request.work, request.params, request.public_url))


def attach_payment_method(request: Request) -> JSON:
    """Attach a payment method to the customer a parameter names."""
    key = request.params.get("customer", "")
    customer = request.work.find("customer", key)
    if customer is None:
        raise missing(noun="customer", key=key, param="customer", status=400)
    return wire(request.work, customers.attach(request.work, customer, request.key, "payment_method"))


OPERATIONS = (
    Operation(
        "POST",
        "/v1/products",
        maker(catalogue.create_product),
        parameters("id", "name", "active", "description", "metadata", "unit_label"),
    ),
    Operation("GET", "/v1/products", lister("product", "/v1/products", "active"), parameters(*PAGING, "active", "created")),
    Operation("GET", "/v1/products/{id}", reader("product", "product")),
    Operation(
        "POST",
        "/v1/products/{id}",
        changer("product", "product", catalogue.update_product),
        parameters("name", "active", "description", "metadata", "unit_label"),
    ),
    Operation(
        "POST",
        "/v1/prices",
        maker(catalogue.create_price),
        parameters(
            *("active", "billing_scheme", "currency", "lookup_key", "metadata", "nickname", "product"),
            *("product_data.name", "product_data.metadata", "product_data.unit_label", "product_data.id"),
            *("recurring.interval", "recurring.interval_count", "tiers_mode", "tiers.up_to", "tiers.unit_amount"),
            *("transfer_lookup_key", "unit_amount"),
            recurring__usage_type=["licensed"],
            tax_behavior=["exclusive", "unspecified"],
        ),
    ),
    Operation(
        "GET",
        "/v1/prices",
        list_prices,
        parameters(*PAGING, "active", "created", "currency", "lookup_keys", "product", "type"),
    ),
    Operation("GET", "/v1/prices/{id}", reader("price", "price")),
    Operation(
        "POST",
        "/v1/prices/{id}",
        changer("price", "price", catalogue.update_price),
        parameters("active", "lookup_key", "metadata", "nickname", "transfer_lookup_key"),
    ),
    Operation(
        "POST",
        "/v1/customers",
        maker(customers.create),
        parameters(
            *("address", "description", "email", "metadata", "name", "payment_method", "phone", "preferred_locales"),
            "invoice_settings.default_payment_method",
        ),
    ),
    Operation("GET", "/v1/customers", lister("customer", "/v1/customers", "email"), parameters(*PAGING, "created", "email")),
    Operation("GET", "/v1/customers/{id}", reader("customer", "customer")),
    Operation(
        "POST",
        "/v1/customers/{id}",
        changer("customer", "customer", customers.update),
        parameters(
            *("address", "description", "email", "metadata", "name", "phone", "preferred_locales"),
            "invoice_settings.default_payment_method",
        ),
    ),
    Operation(
        "GET",
        "/v1/payment_methods",
        lister("payment_method", "/v1/payment_methods", "customer", "type"),
        parameters(*PAGING, "customer", "type"),
    ),
    Operation("GET", "/v1/payment_methods/{id}", reader("payment_method", "PaymentMethod")),
    Operation("POST", "/v1/payment_methods/{id}/attach", attach_payment_method, parameters("customer")),
    Operation(
        "POST",
        "/v1/tax_rates",
        maker(catalogue.create_tax_rate),
        parameters(
            *("active", "country", "description", "display_name", "jurisdiction", "metadata", "percentage", "tax_type"),
            inclusive=[False],
        ),
    ),
    Operation("GET", "/v1/tax_rates", lister("tax_rate", "/v1/tax_rates", "active"), parameters(*PAGING, "active", "created")),
    Operation("GET", "/v1/tax_rates/{id}", reader("tax_rate", "tax rate")),
    Operation(
        "POST",
        "/v1/checkout/sessions",
        create_session,
        parameters(
            *("billing_address_collection", "cancel_url", "client_reference_id", "customer", "customer_email"),
            *("expires_at", "line_items.metadata", "line_items.price", "line_items.quantity", "line_items.tax_rates"),
            *("locale", "metadata", "subscription_data.default_tax_rates", "subscription_data.description"),
            *("subscription_data.invoice_settings.custom_fields", "subscription_data.metadata", "success_url"),
            allow_promotion_codes=[False],
            allowed_payment_method_types=["card"],
            automatic_tax__enabled=[False],
            line_items__adjustable_quantity__enabled=[False],
            mode=["subscription"],
            payment_method_collection=["always"],
            subscription_data__billing_mode__type=["flexible"],
            tax_id_collection__enabled=[False],
            ui_mode=["hosted_page"],
        ),
    ),
    Operation(
        "GET",
        "/v1/checkout/sessions",
        lister("checkout.session", "/v1/checkout/sessions", "customer", "status", "subscription"),
        parameters(*PAGING, "created", "customer", "status", "subscription"),
    ),
    Operation("GET", "/v1/checkout/sessions/{id}", reader("checkout.session", "checkout.session")),
    Operation(
        "POST",
        "/v1/checkout/sessions/{id}/expire",
        changer("checkout.session", "checkout.session", lambda work, body, _: checkout.expire(work, body)),
    ),
    Operation("GET", "/v1/checkout/sessions/{id}/line_items", list_line_items),
    Operation(
        "POST",
        "/v1/subscriptions",
        maker(subscriptions.create),
        parameters(
            *("customer", "default_payment_method", "default_tax_rates", "description"),
            *("invoice_settings.custom_fields", "items.metadata", "items.price", "items.quantity", "items.tax_rates"),
            *("metadata", "off_session"),
            billing_mode__type=["flexible"],
            collection_method=["charge_automatically"],
            payment_behavior=["allow_incomplete", "default_incomplete", "error_if_incomplete"],
        ),
    ),
    Operation(
        "GET",
        "/v1/subscriptions",
        list_subscriptions,
        parameters(*PAGING, "created", "customer", "status"),
    ),
    Operation("GET", "/v1/subscriptions/{id}", reader("subscription", "subscription")),
    Operation(
        "POST",
        "/v1/subscriptions/{id}",
        changer("subscription", "subscription", subscriptions.update),
        parameters(
            *("cancel_at_period_end", "default_payment_method", "default_tax_rates", "description"),
            *("invoice_settings.custom_fields", "items.id", "items.quantity", "metadata"),
            proration_behavior=["none"],
        ),
    ),
    Operation(
        "DELETE",
        "/v1/subscriptions/{id}",
        changer("subscription", "subscription", lambda work, body, _: subscriptions.cancel(work, body)),
        parameters(invoice_now=[False], prorate=[False]),
    ),
    Operation(
        "GET",
        "/v1/invoices",
        lister("invoice", "/v1/invoices", "customer", "status", "subscription"),
        parameters(*PAGING, "created", "customer", "status", "subscription"),
    ),
    Operation("GET", "/v1/invoices/{id}", reader("invoice", "invoice")),
    Operation(
        "POST",
        "/v1/invoices/{id}/pay",
        changer("invoice", "invoice", collection.pay),
        parameters("off_session", "payment_method"),
    ),
    Operation("GET", "/v1/events", list_events, parameters(*PAGING, "created", "type", "types")),
    Operation("GET", "/v1/events/{id}", reader("event", "event")),
)


def find(method: str, address: str) -> tuple[Operation, str] | None:
    """Return the operation an address means, with the id in it; None when the sandbox has none there."""
    for operation in OPERATIONS:
        key = operation.key_in(method, address)
        if key is not None:
            return operation, key
    return None
