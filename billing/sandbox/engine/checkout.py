"""Checkout sessions: opened by the shop, finished on the hosted page, expired by time or on request."""

from billing.sandbox.engine import amounts, customers, debits, discounts, events, prorations, subscriptions
from billing.sandbox.engine.catalogue import known_tax_rates
from billing.sandbox.engine.deadlines import SESSION_LIFE
from billing.sandbox.engine.metadata import merged
from billing.sandbox.refusals import Refusal, missing, required, uncovered
from billing.sandbox.rendering import stored, wire
from billing.sandbox.store import JSON, Work, new_id

SHORTEST_LIFE = 30 * 60
PLACEHOLDER = "{CHECKOUT_SESSION_ID}"


def create(work: Work, params: JSON, public_url: str) -> JSON:
    """Open a session for one subscription. Raises Refusal when it could not be bought."""
    for param in ("mode", "success_url", "line_items"):
        if param not in params:
            raise required(param=param)
    if len(params["line_items"]) != 1:
        raise uncovered(param="line_items (other than exactly one)")
    customer = _customer(work, params)
    data = params.get("subscription_data", {})
    defaults = data.get("default_tax_rates", [])
    known_tax_rates(work, defaults, "subscription_data[default_tax_rates]")
    choice = discounts.chosen(work, params.get("discounts") or [], "discounts")
    coupon = None if choice is None else stored(work, "coupon", choice["coupon"])
    lines = [_line(work, line, defaults, coupon) for line in params["line_items"]]
    taken_off = sum(line["taken_off"] for line in lines)
    _refuse_collection(params)
    subtotal = sum(line["subtotal"] for line in lines)
    tax = sum(line["tax"] for line in lines)
    key = new_id("cs_test", 58)
    body = {
        "id": key,
        "object": "checkout.session",
        "adaptive_pricing": None,
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": subtotal,
        "amount_total": subtotal - taken_off + tax,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": work.now,
        "currency": lines[0]["currency"],
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": None if customer is None else customer["id"],
        "customer_creation": "always" if customer is None else None,
        "customer_details": None,
        "customer_email": params.get("customer_email"),
        "discounts": [] if choice is None else [_shown(choice)],
        "expires_at": _expiry(work, params),
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": merged({}, params),
        "mode": "subscription",
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "always",
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": params.get("allowed_payment_method_types", ["card"]),
        "payment_status": "unpaid",
        "permissions": None,
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": params["success_url"],
        "total_details": {"amount_discount": taken_off, "amount_shipping": 0, "amount_tax": tax},
        "ui_mode": "hosted_page",
        "url": f"{public_url}/checkout/{key}",
        "wallet_options": None,
        "_customer_update": params.get("customer_update", {}),
        "_discount": choice,
        "_lines": lines,
        "_subscription_data": {
            "custom_fields": data.get("invoice_settings", {}).get("custom_fields") or None,
            "default_tax_rates": defaults,
            "description": data.get("description"),
            "metadata": merged({}, data),
        },
    }
    if "tax_id_collection" in params:
        body["tax_id_collection"] = {"enabled": params["tax_id_collection"]["enabled"], "required": "never"}
    return work.put("checkout.session", body)


def _refuse_collection(params: JSON) -> None:
    """Raise Refusal when a tax number is to be collected for a customer who may not be changed."""
    changed = params.get("customer_update", {})
    if "customer_update" in params and "customer" not in params:
        raise Refusal(says="`customer_update` can only be used with `customer`.", param="customer_update")
    if params.get("tax_id_collection", {}).get("enabled") and "customer" in params:
        for name in ("name", "address"):
            if changed.get(name) != "auto":
                message = f"Tax ID collection requires updating {name} on the customer: set `customer_update[{name}]` to `auto`."
                raise Refusal(says=message, param="customer_update")


def _shown(choice: JSON) -> JSON:
    """Return a discount as a session has it: by its code where it was given by one."""
    code = choice["promotion_code"]
    return {"coupon": None if code else choice["coupon"], "promotion_code": code}


def _customer(work: Work, params: JSON) -> JSON | None:
    if "customer" not in params:
        return None
    if "customer_email" in params:
        message = "You may only specify one of these parameters: customer, customer_email."
        raise Refusal(says=message, param="customer_email")
    customer = work.find("customer", params["customer"])
    if customer is None:
        raise missing(noun="customer", key=params["customer"], param="customer", status=400)
    return customer


def _expiry(work: Work, params: JSON) -> int:
    moment: int = params.get("expires_at", work.now + SESSION_LIFE)
    if "expires_at" in params and not work.now + SHORTEST_LIFE <= moment <= work.now + SESSION_LIFE:
        message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation."
        raise Refusal(says=message, param="expires_at")
    return moment


def _line(work: Work, sent: JSON, defaults: list[str], coupon: JSON | None) -> JSON:
    for param in ("price", "quantity"):
        if param not in sent:
            raise required(param=f"line_items[0][{param}]")
    price = prorations.sellable_price(work, sent["price"], "line_items[0][price]")
    quantity = prorations.whole(sent["quantity"], "line_items[0][quantity]")
    own = sent.get("tax_rates", [])
    known_tax_rates(work, own, "line_items[0][tax_rates]")
    effective = own or defaults
    subtotal = amounts.net(price, quantity)
    taken_off = amounts.taken_off(coupon, subtotal)
    found = amounts.taxes([stored(work, "tax_rate", key) for key in effective], subtotal - taken_off)
    return {
        "id": new_id("li"),
        "currency": price["currency"],
        "description": stored(work, "product", price["product"])["name"],
        "metadata": merged({}, sent),
        "own_tax_rates": own,
        "price": price["id"],
        "quantity": quantity,
        "subtotal": subtotal,
        "taken_off": taken_off,
        "tax": sum(tax.amount for tax in found),
        "tax_rates": effective,
        "taxes": [tax.amount for tax in found],
    }


def success_url(session: JSON) -> str:
    """Return where the buyer goes after paying, with the session's id put in."""
    return str(session["success_url"]).replace(PLACEHOLDER, session["id"])


def is_open(work: Work, session: JSON) -> bool:
    """Say whether the session can still be paid."""
    return bool(session["status"] == "open" and session["expires_at"] > work.now)


def complete(work: Work, session: JSON, means: customers.Card | debits.Account, holder: customers.Holder) -> JSON:
    """Pay an open session: customer, card, subscription, invoice and session change together in this transaction.

    By a bank debit it is complete and unpaid, until the bank has answered.
    """
    customer = _buyer(work, session, holder)
    is_debit = isinstance(means, debits.Account)
    payment_method = (
        debits.make_method(work, means, holder) if isinstance(means, debits.Account) else customers.make_card(work, means, holder)
    )
    payment_method["customer"] = customer["id"]
    work.put("payment_method", payment_method)
    line = session["_lines"][0]
    data = session["_subscription_data"]
    wish = subscriptions.Wish(
        price=stored(work, "price", line["price"]),
        quantity=line["quantity"],
        card=payment_method["id"],
        item_tax_rates=line["own_tax_rates"],
        default_tax_rates=data["default_tax_rates"],
        metadata=data["metadata"],
        item_metadata=line["metadata"],
        description=data["description"],
        custom_fields=data["custom_fields"],
        discount=session["_discount"],
        session=session["id"],
    )
    debit = payment_method if is_debit else None
    subscription = subscriptions.begin(work, customer, wish, is_paid=not is_debit, debit=debit)
    session["customer"] = customer["id"]
    session["customer_details"] = {
        "address": payment_method["billing_details"]["address"],
        "business_name": holder.business_name,
        "email": customer["email"] or holder.email,
        "individual_name": None,
        "name": holder.name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": customers.tax_id_values(work, customer["id"]),
    }
    session["subscription"] = subscription["id"]
    session["invoice"] = subscription["latest_invoice"]
    session["payment_status"] = "unpaid" if is_debit else "paid"
    session["status"] = "complete"
    session["url"] = None
    work.put("checkout.session", session)
    events.record(work, "checkout.session.completed", session)
    return session


def tell_debit(work: Work, invoice: JSON) -> None:
    """Say of the session from which a debit came whether it was paid."""
    if invoice["billing_reason"] != "subscription_create":
        return
    for session in work.all("checkout.session", subscription=invoice["parent"]["subscription_details"]["subscription"]):
        is_paid = invoice["status"] == "paid"
        session["payment_status"] = "paid" if is_paid else "unpaid"
        work.put("checkout.session", session)
        events.record(work, f"checkout.session.async_payment_{'succeeded' if is_paid else 'failed'}", session)


def _buyer(work: Work, session: JSON, holder: customers.Holder) -> JSON:
    """Return who buys, made or brought up to date by what they gave on the page, also their VAT number."""
    if session["customer"] is None:
        customer = customers.create(work, {"email": holder.email, "name": holder.business_name or holder.name})
    else:
        customer = stored(work, "customer", session["customer"])
    wanted = session["_customer_update"]
    given: JSON = {}
    if session["customer"] is None or wanted.get("name") == "auto":
        given["name"] = holder.business_name or customer["name"] or holder.name
    if session["billing_address_collection"] == "required" and (session["customer"] is None or wanted.get("address") == "auto"):
        given["address"] = holder.address
    if given:
        before = wire(work, customer)
        # Absent, not null, for whoever has none.
        customer |= ({"business_name": holder.business_name} if holder.business_name else {}) | given
        work.put("customer", customer)
        events.record_change(work, "customer.updated", before, customer)
    if holder.vat_number is not None:
        customers.add_tax_id(work, customer, holder.vat_number)
    return customer


def expire(work: Work, session: JSON) -> JSON:
    """Close an open session for good. Raises Refusal when it is not open."""
    if session["status"] != "open":
        message = f'Only Checkout Sessions with a status in ["open"] can be expired. This one is {session["status"]}.'
        raise Refusal(says=message)
    session["status"] = "expired"
    session["url"] = None
    work.put("checkout.session", session)
    events.record(work, "checkout.session.expired", session)
    return session
