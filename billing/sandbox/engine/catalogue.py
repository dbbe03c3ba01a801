"""Products, prices with bands, and tax rates: what can be sold and how it is taxed."""

from decimal import Decimal, InvalidOperation

from billing.sandbox.engine import events
from billing.sandbox.engine.metadata import merged
from billing.sandbox.refusals import Refusal, missing, required, uncovered
from billing.sandbox.rendering import wire
from billing.sandbox.store import JSON, Work, new_id


def create_product(work: Work, params: JSON) -> JSON:
    """Create a product. Raises Refusal when its chosen id is taken."""
    key = params.get("id") or new_id("prod", 14)
    if work.find("product", key) is not None:
        raise Refusal(says=f"Product already exists: {key}.", code="resource_already_exists", param="id")
    body = {
        "id": key,
        "object": "product",
        "active": params.get("active", True),
        "created": work.now,
        "default_price": None,
        "description": params.get("description"),
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": merged({}, params),
        "name": params["name"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": params.get("unit_label"),
        "updated": work.now,
        "url": None,
    }
    work.put("product", body)
    events.record(work, "product.created", body)
    return body


def update_product(work: Work, body: JSON, params: JSON) -> JSON:
    """Change what a product says."""
    before = wire(work, body)
    body["metadata"] = merged(body["metadata"], params)
    for name in ("active", "name"):
        body[name] = params.get(name, body[name])
    for name in ("description", "unit_label"):
        if name in params:
            body[name] = params[name] or None
    body["updated"] = work.now
    work.put("product", body)
    events.record_change(work, "product.updated", before, body)
    return body


def create_price(work: Work, params: JSON) -> JSON:
    """Create a recurring price, in bands or flat. Raises Refusal when its figures make no price."""
    if "product" in params and "product_data" in params:
        message = "You may only specify one of these parameters: product, product_data."
        raise Refusal(says=message, param="product_data")
    if "product" in params:
        product = params["product"]
        if work.find("product", product) is None:
            raise missing(noun="product", key=product, param="product", status=400)
    elif "product_data" in params:
        product = create_product(work, params["product_data"])["id"]
    else:
        raise required(param="product")
    if "recurring" not in params:
        raise uncovered(param="recurring (left out: a price charged once)")
    scheme = params.get("billing_scheme", "per_unit")
    bands = _tiers(params) if scheme == "tiered" else None
    unit_amount = None if bands else _unit_amount(params)
    body = {
        "id": new_id("price"),
        "object": "price",
        "active": params.get("active", True),
        "billing_scheme": scheme,
        "created": work.now,
        "currency": params["currency"],
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": merged({}, params),
        "nickname": params.get("nickname"),
        "product": product,
        "recurring": {
            "interval": params["recurring"]["interval"],
            "interval_count": params["recurring"].get("interval_count", 1),
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": params.get("tax_behavior", "unspecified"),
        "tiers_mode": params["tiers_mode"] if bands else None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": unit_amount,
        "unit_amount_decimal": None if unit_amount is None else str(unit_amount),
        "_tiers": bands,
    }
    _take_lookup_key(work, body, params)
    work.put("price", body)
    events.record(work, "price.created", body)
    return body


def update_price(work: Work, body: JSON, params: JSON) -> JSON:
    """Change what a price is called and whether it is sold; its figures never change."""
    before = wire(work, body)
    body["metadata"] = merged(body["metadata"], params)
    body["active"] = params.get("active", body["active"])
    if "nickname" in params:
        body["nickname"] = params["nickname"] or None
    _take_lookup_key(work, body, params)
    work.put("price", body)
    events.record_change(work, "price.updated", before, body)
    return body


def _take_lookup_key(work: Work, body: JSON, params: JSON) -> None:
    if "lookup_key" not in params:
        return
    key = params["lookup_key"] or None
    holders = [] if key is None else [price for price in work.all("price", lookup_key=key) if price["id"] != body["id"]]
    if holders and not params.get("transfer_lookup_key", False):
        message = f"A price (`{holders[0]['id']}`) already uses that lookup key."
        raise Refusal(says=message, code="resource_already_exists", param="lookup_key")
    for holder in holders:
        before = wire(work, holder)
        holder["lookup_key"] = None
        work.put("price", holder)
        events.record_change(work, "price.updated", before, holder)
    body["lookup_key"] = key


def _unit_amount(params: JSON) -> int:
    for param in ("tiers", "tiers_mode"):
        if param in params:
            raise Refusal(says=f"You may only specify `{param}` when `billing_scheme` is `tiered`.", param=param)
    if "unit_amount" not in params:
        raise required(param="unit_amount")
    return _amount(params["unit_amount"], "unit_amount")


def _amount(value: int, param: str) -> int:
    if value < 0:
        raise Refusal(says="This value must be greater than or equal to 0.", code="parameter_invalid_integer", param=param)
    return value


def _tiers(params: JSON) -> list[JSON]:
    if "unit_amount" in params:
        raise Refusal(says="You may not specify `unit_amount` when `billing_scheme` is `tiered`.", param="unit_amount")
    for param in ("tiers", "tiers_mode"):
        if param not in params:
            raise required(param=param)
    bands: list[JSON] = []
    below = 0
    for number, tier in enumerate(params["tiers"]):
        param = f"tiers[{number}]"
        if "unit_amount" not in tier:
            raise required(param=f"{param}[unit_amount]")
        is_last = number == len(params["tiers"]) - 1
        up_to = None if tier["up_to"] == "inf" else tier["up_to"]
        if is_last != (up_to is None):
            raise Refusal(says="The last tier, and only it, must have `up_to` set to `inf`.", param=f"{param}[up_to]")
        if up_to is not None and up_to <= below:
            raise Refusal(says="`up_to` must grow from tier to tier.", param=f"{param}[up_to]")
        below = up_to or below
        bands.append({"up_to": up_to, "unit_amount": _amount(tier["unit_amount"], f"{param}[unit_amount]")})
    return bands


def create_tax_rate(work: Work, params: JSON) -> JSON:
    """Create a tax rate that is added to net prices. Raises Refusal for a percentage outside 0 to 100."""
    try:
        percentage = Decimal(params["percentage"])
    except InvalidOperation as error:
        raise Refusal(says="Invalid decimal: percentage", code="parameter_invalid_decimal", param="percentage") from error
    if not 0 <= percentage <= 100:  # noqa: PLR2004 - a percentage
        raise Refusal(says="Percentage must be between 0 and 100.", param="percentage")
    body = {
        "id": new_id("txr"),
        "object": "tax_rate",
        "active": params.get("active", True),
        "country": params.get("country"),
        "created": work.now,
        "description": params.get("description"),
        "display_name": params["display_name"],
        "flat_amount": None,
        "inclusive": False,
        "jurisdiction": params.get("jurisdiction"),
        "jurisdiction_level": None,
        "livemode": False,
        "metadata": merged({}, params),
        "percentage": str(percentage),
        "rate_type": "percentage",
        "state": None,
        "tax_type": params.get("tax_type"),
    }
    return work.put("tax_rate", body)


def known_tax_rates(work: Work, keys: list[str], param: str) -> list[JSON]:
    """Return the tax rates a parameter names. Raises Refusal when one does not exist."""
    rates: list[JSON] = []
    for number, key in enumerate(keys):
        rate = work.find("tax_rate", key)
        if rate is None:
            raise missing(noun="tax rate", key=key, param=f"{param}[{number}]", status=400)
        rates.append(rate)
    return rates
