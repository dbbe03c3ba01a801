"""The check that Stripe would accept a request, derived from the installed SDK: its services and their parameter types."""

import ast
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from billing.sandbox.refusals import Refusal, required
from billing.sandbox.store import JSON

TEMPLATE = re.compile(r'"(/v1/[^"]+)"')
PLACE = re.compile(r"\{[^}]+\}")
LARGEST_INDEX = 1000


@lru_cache(maxsize=1)
def package() -> Path:
    """Return the folder of the installed SDK, found without importing it."""
    spec = find_spec("stripe")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("stripe")
    return Path(spec.submodule_search_locations[0])


@lru_cache(maxsize=1)
def templates() -> dict[str, tuple[Path, ...]]:
    """Return every URL template of the API with the service files that mention it; a text search, so nothing is parsed."""
    found: dict[str, list[Path]] = {}
    for path in sorted(package().rglob("*_service.py")):
        for template in sorted(set(TEMPLATE.findall(path.read_text(encoding="utf-8")))):
            found.setdefault(template, []).append(path)
    return {template: tuple(paths) for template, paths in found.items()}


@lru_cache(maxsize=512)
def template_of(address: str) -> str | None:
    """Return the URL template an address belongs to, preferring literal words to placeholders."""
    fitting = [
        template
        for template in templates()
        if re.fullmatch("[^/]+".join(re.escape(part) for part in PLACE.split(template)), address)
    ]
    return min(fitting, key=lambda template: (template.count("{"), template), default=None)


@lru_cache(maxsize=256)
def operations(path: Path) -> dict[tuple[str, str], str]:
    """Return a service file's operations: method and URL template to the dotted name of the parameters' type."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    homes = {
        name.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for name in node.names
    }
    found: dict[tuple[str, str], str] = {}
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        types = [
            node.value
            for argument in function.args.args
            if argument.arg == "params" and argument.annotation is not None
            for node in ast.walk(argument.annotation)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        strings = [node.value for node in ast.walk(function) if isinstance(node, ast.Constant)]
        method = next((value for value in strings if value in {"get", "post", "delete"}), None)
        template = next(
            (value for value in strings if isinstance(value, str) and value.startswith("/v1/") and " " not in value),
            None,
        )
        if types and method is not None and template is not None:
            found[str(method).upper(), template] = f"{homes[types[0]]}.{types[0]}"
    return found


@lru_cache(maxsize=256)
def declarations(module: str) -> dict[str, dict[str, ast.expr]]:
    """Return the fields of every TypedDict in a module of the SDK; fields of request options are left out."""
    path = package().joinpath(*module.split(".")[1:]).with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name: {
            field.target.id: field.annotation
            for field in node.body
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


@dataclass(frozen=True)
class Mismatch(Exception):
    """A value that is not of the declared type."""

    refusal: Refusal
    depth: int


@dataclass(frozen=True)
class Checker:
    """Reads text values as the types one module of the SDK declares."""

    module: str

    def hash(self, name: str, value: Any, param: str) -> JSON:
        """Return the typed fields of a TypedDict. Raises Mismatch for unknown, missing or wrong ones."""
        fields = declarations(self.module)[name]
        if not isinstance(value, dict):
            raise _mismatch(problem="Invalid object", param=param)
        typed: JSON = {}
        for key, sent in value.items():
            inner = f"{param}[{key}]" if param else key
            if key not in fields:
                refusal = Refusal(says=f"Received unknown parameter: {inner}", code="parameter_unknown", param=inner)
                raise Mismatch(refusal, inner.count("[") + 1)
            typed[key] = self.value(fields[key], sent, inner)
        for key, annotation in fields.items():
            if key not in value and not _is_optional(annotation):
                inner = f"{param}[{key}]" if param else key
                raise Mismatch(required(param=inner), inner.count("[") + 1)
        return typed

    def value(self, annotation: ast.expr, value: Any, param: str) -> Any:  # noqa: C901, PLR0911 - one return a form
        """Return the value as its annotation says. Raises Mismatch when it is nothing of the kind."""
        match annotation:
            case ast.Constant(value=str() as text):
                return self.value(ast.parse(text.strip(), mode="eval").body, value, param)
            case ast.Subscript(value=ast.Name(id="NotRequired"), slice=inner):
                return self.value(inner, value, param)
            case ast.Subscript(value=ast.Name(id="List"), slice=inner):
                return [self.value(inner, sent, f"{param}[{key}]") for key, sent in _numbered(value, param)]
            case (
                ast.Subscript(value=ast.Name(id="Dict"), slice=ast.Tuple(elts=[_, inner]))
                | ast.Subscript(value=ast.Name(id="UntypedStripeObject"), slice=inner)
            ):
                if not isinstance(value, dict):
                    raise _mismatch(problem="Invalid object", param=param)
                return {key: self.value(inner, sent, f"{param}[{key}]") for key, sent in value.items()}
            case ast.Subscript(value=ast.Name(id="Literal")):
                if value not in _literals(annotation):
                    raise _mismatch(problem=f"must be one of {', '.join(_literals(annotation))}", param=param)
                return value
            case ast.Subscript(value=ast.Name(id="Union" | "Optional")) | ast.BinOp():
                return self.union(_members(annotation), value, param)
            case ast.Name(id=name) if name in declarations(self.module):
                return self.hash(name, value, param)
            case ast.Name(id=name):
                return _scalar(name, value, param)
        # A form the SDK's v1 parameters do not use today is let through rather than refused by mistake.
        return value

    def union(self, members: list[ast.expr], value: Any, param: str) -> Any:
        """Return the value as the first member that fits. Raises the Mismatch that got furthest when none does."""
        failures: list[Mismatch] = []
        for member in members:
            try:
                return self.value(member, value, param)
            except Mismatch as mismatch:
                failures.append(mismatch)
        choices = [literal for member in members for literal in _literals(member) if literal]
        deepest = max(failures, key=lambda failure: failure.depth)
        if choices and not isinstance(value, dict):
            raise _mismatch(problem=f"must be one of {', '.join(choices)}", param=param)
        raise deepest


def _is_optional(annotation: ast.expr) -> bool:
    return isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "NotRequired"


def _members(annotation: ast.expr) -> list[ast.expr]:
    """Flatten a union; a bare `str` beside a list of words is only there for words to come, and is dropped."""
    match annotation:
        case ast.BinOp(left=left, right=right):
            flat = [*_members(left), *_members(right)]
        case ast.Subscript(value=ast.Name(id="Union"), slice=ast.Tuple(elts=elements)):
            flat = [member for element in elements for member in _members(element)]
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            flat = _members(inner)
        case ast.Constant(value=str() as text):
            flat = _members(ast.parse(text.strip(), mode="eval").body)
        case _:
            flat = [annotation]
    if any(literal for member in flat for literal in _literals(member)):
        flat = [member for member in flat if not (isinstance(member, ast.Name) and member.id == "str")]
    return flat


def _literals(annotation: ast.expr) -> list[str]:
    if not (isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Literal"):
        return []
    return [str(node.value) for node in ast.walk(annotation.slice) if isinstance(node, ast.Constant)]


def _numbered(value: Any, param: str) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise _mismatch(problem="Invalid array", param=param)
    if not all(key.isdigit() and int(key) < LARGEST_INDEX for key in value):
        raise _mismatch(problem="Invalid array", param=param)
    return sorted(value.items(), key=lambda pair: int(pair[0]))


def _scalar(name: str, value: Any, param: str) -> Any:
    if not isinstance(value, str):
        raise _mismatch(problem="Invalid string", param=param)
    match name:
        case "int":
            if re.fullmatch(r"-?[0-9]{1,18}", value) is None:
                raise _mismatch(problem="Invalid integer", param=param)
            return int(value)
        case "bool":
            if value not in {"true", "false"}:
                raise _mismatch(problem="Invalid boolean", param=param)
            return value == "true"
        case "float" | "Decimal":
            try:
                # Kept as text: a float must come nowhere near an amount.
                return str(Decimal(value))
            except InvalidOperation as error:
                raise _mismatch(problem="Invalid decimal", param=param) from error
    return value


def _mismatch(*, problem: str, param: str) -> Mismatch:
    message = f"Invalid {param}: {problem}" if problem.startswith("must") else f"{problem}: {param}"
    return Mismatch(Refusal(says=message, code="parameter_invalid", param=param), param.count("[") + 1)


def checked(method: str, address: str, params: JSON) -> JSON:
    """Return the typed parameters of a request. Raises Refusal for any that Stripe's SDK does not declare so."""
    template = template_of(address)
    declared = None
    if template is not None:
        for path in templates()[template]:
            declared = declared or operations(path).get((method, template))
    if declared is None:
        raise Refusal(says=f"Unrecognized request URL ({method}: {address}).", status=404)
    module, name = declared.rsplit(".", 1)
    try:
        return Checker(module).hash(name, params, "")
    except Mismatch as mismatch:
        raise mismatch.refusal from mismatch
