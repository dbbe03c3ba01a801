"""The endpoints of coupons, promotion codes and the tax numbers of customers."""

from billing.sandbox.coverage import parameters
from billing.sandbox.engine import customers, discounts
from billing.sandbox.operations import PAGING, Operation, Request, body_of, changer, lister, maker, page, reader
from billing.sandbox.rendering import listed, wire
from billing.sandbox.store import JSON, Filters


def create_tax_id(request: Request) -> JSON:
    """Keep a tax number of the customer that the address names."""
    return wire(request.work, customers.create_tax_id(request.work, body_of(request, "customer", "customer"), request.params))


def list_tax_ids(request: Request) -> JSON:
    """List the tax numbers of the customer that the address names."""
    body_of(request, "customer", "customer")
    url = f"/v1/customers/{request.key}/tax_ids"
    return page(request, "tax_id", url, Filters(any_of={"customer": [request.key]}))


def list_promotion_codes(request: Request) -> JSON:
    """List promotion codes, also the one that is spelt so."""
    url = "/v1/promotion_codes"
    if "code" not in request.params:
        return lister("promotion_code", url, "active")(request)
    active = request.params.get("active")
    spelt = [body for body in request.work.all("promotion_code") if body["code"].upper() == request.params["code"].upper()]
    return listed(url, [wire(request.work, body) for body in spelt if active in {None, body["active"]}])


OPERATIONS = (
    Operation("POST", "/v1/customers/{id}/tax_ids", create_tax_id, parameters("value", type=["gb_vat"])),
    Operation("GET", "/v1/customers/{id}/tax_ids", list_tax_ids, parameters(*PAGING)),
    Operation("GET", "/v1/tax_ids/{id}", reader("tax_id", "tax ID")),
    Operation(
        "POST",
        "/v1/coupons",
        maker(discounts.create_coupon),
        parameters(
            *("amount_off", "currency", "duration_in_months", "id", "metadata", "name", "percent_off"),
            duration=["forever", "repeating"],
        ),
    ),
    Operation("GET", "/v1/coupons", lister("coupon", "/v1/coupons"), parameters(*PAGING, "created")),
    Operation("GET", "/v1/coupons/{id}", reader("coupon", "coupon")),
    Operation(
        "POST",
        "/v1/promotion_codes",
        maker(discounts.create_promotion_code),
        parameters("active", "code", "metadata", "promotion.coupon", promotion__type=["coupon"]),
    ),
    Operation(
        "GET",
        "/v1/promotion_codes",
        list_promotion_codes,
        parameters(*PAGING, "active", "code", "created"),
    ),
    Operation("GET", "/v1/promotion_codes/{id}", reader("promotion_code", "promotion code")),
    Operation(
        "POST",
        "/v1/promotion_codes/{id}",
        changer("promotion_code", "promotion code", discounts.update_promotion_code),
        parameters("active", "metadata"),
    ),
)
