"""The endpoints of the API: method and address, the parameters covered, and what answers them."""

from billing.sandbox import payments, portal_endpoints, promotion_endpoints, time_helpers
from billing.sandbox.coverage import parameters
from billing.sandbox.engine import (
    catalogue,
    checkout,
    collection,
    credit_notes,
    customers,
    endings,
    pauses,
    schedules,
    subscriptions,
    terms,
)
from billing.sandbox.operations import PAGING, Operation, Request, body_of, changer, filter_created, lister, maker, page, reader
from billing.sandbox.refusals import Refusal, missing
from billing.sandbox.rendering import line_items, listed, wire
from billing.sandbox.store import JSON, Filters, Work

ENDED = ["canceled", "incomplete_expired"]


def list_prices(request: Request) -> JSON:
    """List prices, also by their lookup keys."""
    names = ("active", "currency", "product", "type")
    filters = Filters(any_of={name: [request.params[name]] for name in names if name in request.params})
    if "lookup_keys" in request.params:
        filters.any_of["lookup_key"] = request.params["lookup_keys"]
    filter_created(request, filters)
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
    filter_created(request, filters)
    return page(request, "subscription", "/v1/subscriptions", filters)


def list_events(request: Request) -> JSON:
    """List events, by one type (`invoice.*` means a family) or several."""
    filters = Filters()
    wanted = request.params.get("types") or ([request.params["type"]] if "type" in request.params else [])
    if any("*" in name for name in wanted):
        raise Refusal(says="The sandbox lists events by whole names only.", code="sandbox_uncovered", param="type")
    if wanted:
        filters.any_of["type"] = wanted
    filter_created(request, filters)
    return page(request, "event", "/v1/events", filters)


def retrieve_customer(request: Request) -> JSON:
    """Return a customer; of one who was deleted, that they were."""
    body = request.work.remembered("customer", request.key)
    if body is None:
        raise missing(noun="customer", key=request.key)
    return wire(request.work, body)


def list_line_items(request: Request) -> JSON:
    """List what a checkout session sells."""
    session = body_of(request, "checkout.session", "checkout.session")
    return listed(f"/v1/checkout/sessions/{request.key}/line_items", line_items(request.work, session))


def list_invoice_lines(request: Request) -> JSON:
    """List what an invoice charges for."""
    invoice = wire(request.work, body_of(request, "invoice", "invoice"))
    return listed(f"/v1/invoices/{request.key}/lines", invoice["lines"]["data"])


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


def void_invoice(work: Work, body: JSON, _params: JSON) -> JSON:
    """Void an invoice that is open. Raises Refusal for any other."""
    if body["status"] not in {"open", "uncollectible"}:
        message = f"You can only pass in open invoices. This invoice isn't open. (Its status is {body['status']}.)"
        raise Refusal(says=message, code="invoice_not_editable")
    return collection.void(work, body)


OPERATIONS = (
    *promotion_endpoints.OPERATIONS,
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
            "test_clock",
            "invoice_settings.default_payment_method",
        ),
    ),
    Operation("GET", "/v1/customers", lister("customer", "/v1/customers", "email"), parameters(*PAGING, "created", "email")),
    Operation("GET", "/v1/customers/{id}", retrieve_customer),
    Operation("DELETE", "/v1/customers/{id}", changer("customer", "customer", lambda work, body, _: endings.depart(work, body))),
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
            *("billing_address_collection", "cancel_url", "customer_update.address", "customer_update.name"),
            *("discounts.coupon", "discounts.promotion_code"),
            *("client_reference_id", "customer", "customer_email"),
            *("expires_at", "line_items.metadata", "line_items.price", "line_items.quantity", "line_items.tax_rates"),
            *("locale", "metadata", "subscription_data.default_tax_rates", "subscription_data.description"),
            *("subscription_data.invoice_settings.custom_fields", "subscription_data.metadata", "success_url"),
            allow_promotion_codes=[False],
            allowed_payment_method_types=["bacs_debit", "card"],
            automatic_tax__enabled=[False],
            line_items__adjustable_quantity__enabled=[False],
            mode=["subscription"],
            payment_method_collection=["always"],
            subscription_data__billing_mode__type=["flexible"],
            tax_id_collection__enabled=[False, True],
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
            *("discounts.coupon", "discounts.promotion_code"),
            *("invoice_settings.custom_fields", "items.metadata", "items.price", "items.quantity", "items.tax_rates"),
            *("metadata", "off_session"),
            "days_until_due",
            billing_mode__type=["flexible"],
            collection_method=["charge_automatically", "send_invoice"],
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
            *("cancel_at", "cancel_at_period_end", "cancellation_details", "default_payment_method", "default_tax_rates"),
            *("description", "invoice_settings.custom_fields", "items.id", "items.price", "items.quantity", "metadata"),
            *("pause_collection", "proration_date"),
            payment_behavior=["allow_incomplete", "pending_if_incomplete"],
            proration_behavior=["none", "always_invoice"],
        ),
    ),
    Operation(
        "DELETE",
        "/v1/subscriptions/{id}",
        changer("subscription", "subscription", lambda work, body, _: subscriptions.cancel(work, body)),
        parameters(invoice_now=[False], prorate=[False]),
    ),
    Operation(
        "POST",
        "/v1/subscriptions/{id}/pause",
        changer("subscription", "subscription", pauses.pause),
        parameters(type=["subscription"]),
    ),
    Operation(
        "POST",
        "/v1/subscriptions/{id}/resume",
        changer("subscription", "subscription", pauses.resume),
        parameters("billing_cycle_anchor.type", payment_behavior=["default_incomplete"], proration_behavior=["none"]),
    ),
    Operation(
        "GET",
        "/v1/invoices",
        lister("invoice", "/v1/invoices", "customer", "status", "subscription"),
        parameters(*PAGING, "created", "customer", "status", "subscription"),
    ),
    Operation(
        "POST",
        "/v1/invoices/create_preview",
        maker(subscriptions.preview),
        parameters(
            *("subscription", "subscription_details.items.id", "subscription_details.items.price"),
            *("subscription_details.items.quantity", "subscription_details.proration_date"),
            subscription_details__proration_behavior=["always_invoice"],
        ),
    ),
    Operation("GET", "/v1/invoices/{id}", reader("invoice", "invoice")),
    Operation("GET", "/v1/invoices/{id}/lines", list_invoice_lines),
    Operation("POST", "/v1/invoices/{id}/void", changer("invoice", "invoice", void_invoice)),
    Operation(
        "POST",
        "/v1/invoices/{id}/pay",
        changer("invoice", "invoice", collection.pay),
        parameters("off_session", "paid_out_of_band", "payment_method"),
    ),
    Operation(
        "POST",
        "/v1/invoices/{id}/finalize",
        changer("invoice", "invoice", terms.finalise),
        parameters(auto_advance=[True]),
    ),
    Operation("POST", "/v1/invoices/{id}/send", changer("invoice", "invoice", terms.send)),
    Operation("POST", "/v1/invoices/{id}/mark_uncollectible", changer("invoice", "invoice", terms.give_up)),
    Operation(
        "POST",
        "/v1/credit_notes",
        maker(credit_notes.create),
        parameters(
            *("invoice", "lines.amount", "lines.invoice_line_item", "memo", "metadata", "reason", "refund_amount"),
            *("lines.description", "lines.quantity", "lines.tax_rates", "lines.unit_amount"),
            lines__type=["custom_line_item", "invoice_line_item"],
        ),
    ),
    Operation(
        "GET",
        "/v1/credit_notes",
        lister("credit_note", "/v1/credit_notes", "customer"),
        parameters(*PAGING, "created", "customer"),
    ),
    Operation("GET", "/v1/credit_notes/{id}", reader("credit_note", "credit note")),
    Operation("POST", "/v1/credit_notes/{id}/void", changer("credit_note", "credit note", credit_notes.void)),
    Operation(
        "POST",
        "/v1/subscription_schedules",
        maker(schedules.create),
        parameters("from_subscription"),
    ),
    Operation("GET", "/v1/subscription_schedules/{id}", reader("subscription_schedule", "subscription_schedule")),
    Operation(
        "POST",
        "/v1/subscription_schedules/{id}",
        changer("subscription_schedule", "subscription_schedule", schedules.update),
        parameters(
            *("phases.items.price", "phases.items.quantity", "phases.start_date", "phases.end_date"),
            *(
                "phases.duration.interval",
                "phases.duration.interval_count",
                "phases.default_tax_rates",
                "phases.discounts.discount",
            ),
            end_behavior=["release"],
            phases__proration_behavior=["none"],
            proration_behavior=["none"],
        ),
    ),
    Operation(
        "POST",
        "/v1/subscription_schedules/{id}/release",
        changer("subscription_schedule", "subscription_schedule", lambda work, body, _: schedules.release(work, body)),
    ),
    Operation(
        "POST",
        "/v1/subscription_schedules/{id}/cancel",
        changer("subscription_schedule", "subscription_schedule", endings.cancel_schedule),
        parameters(invoice_now=[False], prorate=[False]),
    ),
    *portal_endpoints.OPERATIONS,
    *payments.OPERATIONS,
    *time_helpers.OPERATIONS,
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
