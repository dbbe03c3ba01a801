"""Templates: each is used, nothing in them is trusted that was not made by us, and each layout belongs to a page."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import jinja2
import pytest
from jinja2 import meta, nodes

PROJECT = Path(__file__).parents[2]
SHOP = PROJECT / "templates"
SANDBOX = PROJECT / "billing" / "sandbox" / "templates"
# HTML that was made from our own Markdown, cleaned when the course was loaded.
KINDS = (".html", ".txt", ".xml")


def names(folder: Path) -> set[str]:
    """Give the names of the templates in a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def tree(folder: Path, name: str) -> nodes.Template:
    """Give a template as Jinja reads it."""
    return jinja2.Environment(autoescape=True).parse((folder / name).read_text())


def literals(*folders: Path) -> set[str]:
    """Give every text that stands alone in the code, and what its f-strings may become."""
    found = set()
    for folder in folders:
        for path in folder.rglob("*.py"):
            found |= {
                node.value
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
    return found


def is_named(name: str, texts: set[str]) -> bool:
    """Whether the code names a template: in full, or by its last part where the rest is written once for a folder."""
    folder, _, last = name.rpartition("/")
    return name in texts or (f"{folder}/" in texts and any(last == f"{text}{kind}" for text in texts for kind in KINDS))


def reached(folder: Path, texts: set[str]) -> set[str]:
    """Give the templates that the code names, and those that these extend, include or import."""
    known: set[str] = set()
    waiting = {name for name in names(folder) if is_named(name, texts)}
    while waiting:
        name = waiting.pop()
        known.add(name)
        waiting |= {found for found in meta.find_referenced_templates(tree(folder, name)) if found} - known
    return known


@pytest.mark.parametrize(("folder", "code"), [(SHOP, "app"), (SANDBOX, "billing")])
def test_no_template_is_dead(folder, code):
    assert names(folder) - reached(folder, literals(PROJECT / code)) == set()


def test_a_template_that_nobody_names_would_be_found(tmp_path):
    (tmp_path / "page.html").write_text('{% extends "layout.html" %}')
    (tmp_path / "layout.html").write_text("")
    (tmp_path / "forgotten.html").write_text("")
    assert reached(tmp_path, {"page.html"}) == {"page.html", "layout.html"}


def test_every_macro_that_is_imported_is_used():
    unused = {}
    everywhere = {found.name for name in names(SHOP) for found in tree(SHOP, name).find_all(nodes.Name)}
    for name in names(SHOP):
        parsed = tree(SHOP, name)
        imported = {
            alias[1] if isinstance(alias, tuple) else alias
            for found in parsed.find_all(nodes.FromImport)
            for alias in found.names
        }
        # What a layout imports is there for the pages that extend it.
        used = everywhere if name.startswith("layouts/") else {found.name for found in parsed.find_all(nodes.Name)}
        if imported - used:
            unused[name] = imported - used
    assert unused == {}


def test_no_template_trusts_a_text():
    for folder in (SHOP, SANDBOX):
        for name in names(folder):
            text = (folder / name).read_text()
            assert not re.search(r"\|\s*safe\b", text), name
            assert "autoescape" not in text, name
            assert "Markup(" not in text, name


def test_nothing_of_the_code_is_markup_but_the_prose_that_was_cleaned_when_it_was_loaded():
    marked = [
        path.relative_to(PROJECT).as_posix()
        for room in ("app", "billing", "catalog")
        for path in (PROJECT / room).rglob("*.py")
        if re.search(r"\bMarkup\b|render_template_string", path.read_text())
    ]
    assert marked == ["app/web/prose.py"]
