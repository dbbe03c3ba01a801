"""Says what Stripe's OpenAPI document finds wrong with a request or an object; `extract_openapi.py` makes the extract."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTRACT = Path(__file__).with_name("openapi_extract.json")
PLAIN: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "boolean": (bool,), "number": (int, float)}


@lru_cache(maxsize=1)
def extract() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(EXTRACT.read_text(encoding="utf-8"))
    return found


def operation(method: str, address: str) -> dict[str, Any] | None:
    """Give what the document says about an operation; None when it has none there."""
    for name, found in extract()["operations"].items():
        known_method, _, known = name.partition(" ")
        if known_method == method and re.fullmatch(re.sub(r"\\{id\\}", "[^/]+", re.escape(known)), address):
            return dict(found)
    return None


def of_request(method: str, address: str, params: dict[str, Any]) -> Iterator[str]:
    """Say what is wrong with a request, whose parameters are nested and still text."""
    found = operation(method, address)
    if found is None:
        yield f"{method} {_plain(address)}: unknown operation"
        return
    allowed = found["query"] if method == "GET" else found["body"]
    for name, value in params.items():
        if name not in allowed:
            yield f"{method} {_plain(address)} {name}: unknown parameter"
        elif allowed[name]:
            yield from of_parameter(allowed[name], value, f"{method} {_plain(address)} {name}")


def of_parameter(  # noqa: C901, PLR0912 - one case a form of schema
    schema: dict[str, Any], value: Any, place: str
) -> Iterator[str]:
    """Say what is wrong with a parameter."""
    if "anyOf" in schema:
        attempts = [list(of_parameter(member, value, place)) for member in schema["anyOf"]]
        if all(attempts):
            yield from min(attempts, key=len)
    elif schema.get("type") == "array":
        if not isinstance(value, dict):
            yield f"{place}: {value!r} is no list"
            return
        for member in value.values():
            yield from of_parameter(schema["items"], member, place)
    elif schema.get("type") == "object":
        if not isinstance(value, dict):
            yield f"{place}: {value!r} is no object"
            return
        for name, inner in value.items():
            known = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            if known is None:
                yield f"{place}.{name}: unknown parameter"
            else:
                yield from of_parameter(known, inner, f"{place}.{name}")
        for name in schema.get("required", []):
            if name not in value:
                yield f"{place}.{name}: missing"
    elif isinstance(value, dict):
        yield f"{place}: an object, where a {schema.get('type')} is wanted"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is none of its words"
    elif schema.get("type") == "integer" and not re.fullmatch(r"-?\d+", value):
        yield f"{place}: {value!r} is no whole number"
    elif schema.get("type") == "boolean" and value not in {"true", "false"}:
        yield f"{place}: {value!r} is neither true nor false"


def of_object(body: dict[str, Any]) -> Iterator[str]:
    """Say what is wrong with an object of an answer."""
    if body.get("object") == "list":
        for member in body["data"]:
            yield from of_object(member)
        return
    name = str(body["object"])
    prefix = "deleted_" if body.get("deleted") else ""
    schema = extract()["schemas"].get(f"{prefix}{name}")
    if schema is None:
        yield f"{prefix}{name}: unknown object"
    else:
        yield from of_value(schema, body, name)


def of_value(schema: dict[str, Any], value: Any, place: str) -> Iterator[str]:  # noqa: C901, PLR0912 - one case a form of schema
    """Say what is wrong with a part of an object; other resources within it are looked at where they come themselves."""
    if value is None:
        if not schema.get("nullable"):
            yield f"{place}: null"
    elif "$ref" in schema:
        known = extract()["schemas"].get(schema["$ref"])
        if known is not None:
            yield from of_value(known, value, place)
    elif "anyOf" in schema:
        # What is asked for whole stands where an id could stand: it is held against what it is.
        members = [member for member in schema["anyOf"] if not isinstance(value, dict) or member.get("type") not in PLAIN]
        attempts = [list(of_value(member, value, place)) for member in members or schema["anyOf"]]
        if all(attempts):
            yield from min(attempts, key=len)
    elif schema.get("type") == "array":
        if not isinstance(value, list):
            yield f"{place}: {value!r} is no list"
            return
        for member in value:
            yield from of_value(schema["items"], member, f"{place}[]")
    elif schema.get("type") == "object":
        if not isinstance(value, dict):
            yield f"{place}: {value!r} is no object"
            return
        yield from _of_members(schema, value, place)
    elif not isinstance(value, PLAIN[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean"):
        yield f"{place}: {value!r} is no {schema['type']}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is none of its words"


def _of_members(schema: dict[str, Any], value: dict[str, Any], place: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties")
    for name, inner in value.items():
        if name in properties:
            yield from of_value(properties[name], inner, f"{place}.{name}")
        elif others is not None:
            yield from of_value(others, inner, f"{place}.{name}")
        elif properties:
            yield f"{place}.{name}: unknown field"
    for name in schema.get("required", []):
        if name not in value:
            yield f"{place}.{name}: missing"


def _plain(address: str) -> str:
    """Give an address without the ids in it."""
    return re.sub(r"/[a-z_]+_(?=[a-z]*[0-9A-Z])[A-Za-z0-9]{6,}", "/{id}", address)
