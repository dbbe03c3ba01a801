"""Says what is wrong with an object the sandbox returned, by the annotations of the SDK's resource classes."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SPEC = find_spec("stripe")
assert SPEC is not None
assert SPEC.submodule_search_locations
PACKAGE = Path(SPEC.submodule_search_locations[0])

# What Stripe leaves out unless it is set or asked for: null there would hide an AttributeError in production.
ABSENT = {
    "checkout.session": {"line_items", "tax_id_collection", "phone_number_collection", "return_url"},
    "customer": {"sources", "subscriptions", "tax", "tax_ids"},
    "event": {"account", "context"},
    "invoice": {"payments"},
    "price": {"tiers", "currency_options"},
}
FAMILIES_OF_PAYMENT = {"payment_method"}


@dataclass(frozen=True)
class Resource:
    """A class of the SDK with the module that declares it and the classes around it."""

    module: str
    node: ast.ClassDef
    around: tuple[ast.ClassDef, ...] = ()

    def fields(self) -> dict[str, ast.expr]:
        return {
            entry.target.id: entry.annotation
            for entry in self.node.body
            if isinstance(entry, ast.AnnAssign)
            and isinstance(entry.target, ast.Name)
            and not entry.target.id.startswith("_")
            and "ClassVar" not in ast.unparse(entry.annotation)
        }


@lru_cache(maxsize=256)
def tree(module: str) -> ast.Module:
    path = PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))


@lru_cache(maxsize=256)
def imports(module: str) -> dict[str, tuple[str, str]]:
    return {
        name.asname or name.name: (node.module, name.name)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for name in node.names
    }


def top_level(module: str, name: str) -> Resource:
    node = next(node for node in tree(module).body if isinstance(node, ast.ClassDef) and node.name == name)
    return Resource(module, node)


def class_name(field: str) -> str:
    return "".join(word.title() for word in field.split("_"))


@lru_cache(maxsize=1)
def by_object_name() -> dict[str, Resource]:
    """Every resource by its `object`, found by text first so that few files are parsed."""
    found: dict[str, Resource] = {}
    for path in sorted(PACKAGE.rglob("_*.py")):
        text = path.read_text(encoding="utf-8")
        if "OBJECT_NAME: ClassVar" not in text or "/v2/" in path.as_posix():
            continue
        module = ".".join(("stripe", *path.relative_to(PACKAGE).with_suffix("").parts))
        for node in ast.parse(text).body:
            if not isinstance(node, ast.ClassDef):
                continue
            for entry in node.body:
                if isinstance(entry, ast.AnnAssign) and ast.unparse(entry.target) == "OBJECT_NAME":
                    names = [part.value for part in ast.walk(entry.annotation) if isinstance(part, ast.Constant)]
                    found |= {str(name): Resource(module, node) for name in names[:1]}
    return found


def resolve(name: str, scope: Resource) -> Resource | None:
    """Find the class a name means inside another class: nested ones first, then the module's, then imported ones."""
    for place in (scope.node, *reversed(scope.around)):
        for node in place.body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return Resource(scope.module, node, (*scope.around, scope.node))
    for node in tree(scope.module).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return Resource(scope.module, node)
    if name in imports(scope.module):
        return top_level(*imports(scope.module)[name])
    return None


def problems(body: dict[str, Any]) -> list[str]:
    """Everything that is wrong with a whole object, each with the place where it is."""
    name = str(body.get("object"))
    if name == "list":
        return [problem for member in body["data"] for problem in problems(member)]
    resource = by_object_name().get(name)
    if resource is None:
        return [f"no resource is called {name}"]
    found = list(of_class(resource, body, name))
    if name == "event":
        found += [f"event.data.object: {problem}" for problem in problems(body["data"]["object"])]
    return found


def of_class(resource: Resource, value: Any, place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place}: {value!r} is no object"
        return
    if value.get("deleted"):
        # What was deleted is answered with its id alone.
        if value.keys() != {"id", "object", "deleted"}:
            yield f"{place}: more than its id is left"
        return
    fields = resource.fields()
    kind = value.get("object")
    for name, inner in value.items():
        if name not in fields:
            yield f"{place}.{name}: unknown field"
        elif inner is None and name in ABSENT.get(str(kind), set()):
            yield f"{place}.{name}: null, but Stripe leaves it out"
        elif inner is None and kind in FAMILIES_OF_PAYMENT and resolve(class_name(name), resource) is not None:
            yield f"{place}.{name}: null, but Stripe leaves out the kinds of payment it is not"
        else:
            yield from of_type(fields[name], inner, f"{place}.{name}", resource)
    for name, annotation in fields.items():
        if name not in value and not ast.unparse(annotation).startswith("Optional["):
            yield f"{place}.{name}: missing"


def of_type(  # noqa: C901, PLR0912 - one case a form of annotation
    annotation: ast.expr, value: Any, place: str, scope: Resource
) -> Iterator[str]:
    match annotation:
        case ast.Constant(value=str() as text):
            yield from of_type(ast.parse(text, mode="eval").body, value, place, scope)
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            if value is not None:
                yield from of_type(inner, value, place, scope)
        case ast.Subscript(value=ast.Name(id="Literal")):
            words = [node.value for node in ast.walk(annotation.slice) if isinstance(node, ast.Constant)]
            if value not in words:
                yield f"{place}: {value!r} is none of {words}"
        case ast.Subscript(value=ast.Name(id="Union"), slice=ast.Tuple(elts=members)):
            yield from of_union(members, value, place, scope)
        case ast.Subscript(value=ast.Name(id="ExpandableField"), slice=inner):
            if not isinstance(value, str):
                yield from of_type(inner, value, place, scope)
        case ast.Subscript(value=ast.Name(id="List"), slice=inner):
            if not isinstance(value, list):
                yield f"{place}: {value!r} is no list"
                return
            for number, member in enumerate(value):
                yield from of_type(inner, member, f"{place}[{number}]", scope)
        case ast.Subscript(value=ast.Name(id="ListObject"), slice=inner):
            yield from of_list(inner, value, place, scope)
        case ast.Subscript(value=ast.Name(id="UntypedStripeObject"), slice=inner):
            if not isinstance(value, dict):
                yield f"{place}: {value!r} is no object"
                return
            for name, member in value.items():
                yield from of_type(inner, member, f"{place}.{name}", scope)
        case ast.Name(id=name):
            yield from of_name(name, value, place, scope)
        case _:
            yield f"{place}: the check does not know {ast.unparse(annotation)}"


def of_union(members: list[ast.expr], value: Any, place: str, scope: Resource) -> Iterator[str]:
    """Check a union strictly: a bare `str` beside a list of words stands for words to come, and does not count."""
    if any(ast.unparse(member).startswith("Literal[") for member in members):
        members = [member for member in members if ast.unparse(member) != "str"]
    attempts = [list(of_type(member, value, place, scope)) for member in members]
    if all(attempts):
        yield from min(attempts, key=len)


def of_list(inner: ast.expr, value: Any, place: str, scope: Resource) -> Iterator[str]:
    if not isinstance(value, dict) or value.keys() != {"object", "data", "has_more", "url"} or value["object"] != "list":
        yield f"{place}: {value!r} is no list object"
        return
    for number, member in enumerate(value["data"]):
        yield from of_type(inner, member, f"{place}.data[{number}]", scope)


def of_name(name: str, value: Any, place: str, scope: Resource) -> Iterator[str]:
    plain = {"str": str, "int": int, "bool": bool}
    if name == "Any":
        return
    if name in plain:
        if type(value) is not plain[name]:
            yield f"{place}: {value!r} is no {name}"
    elif name == "float":
        if type(value) not in {int, float}:
            yield f"{place}: {value!r} is no number"
    elif name == "Decimal":
        try:
            is_decimal = isinstance(value, str) and Decimal(value).is_finite()
        except InvalidOperation:
            is_decimal = False
        if not is_decimal:
            yield f"{place}: {value!r} is no decimal in text"
    else:
        resource = resolve(name, scope)
        if resource is None:
            yield f"{place}: the check does not know {name}"
        else:
            yield from of_class(resource, value, place)
