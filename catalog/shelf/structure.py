"""The structure of a text, as plain data that documents are made from: blocks, and in them runs of words.

It comes from the same Markdown as the HTML of the page. A run is a text with the marks `strong`, `emphasis` and `code`, where
they apply; the end of a line stands in it as such. Of references to courses and guides the words stay: paper leads nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from catalog.shelf.markup import CALLOUTS, MARKDOWN, fields
from catalog.shelf.sources import joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from markdown_it.token import Token

    from catalog.shelf.sources import Part

Block = dict[str, Any]
Run = dict[str, Any]
HEADING, DEEPEST = 2, 4
TICK = "[ ] "
MARKS = {"strong": "strong", "em": "emphasis"}


def of(parts: Iterable[Part]) -> list[Block]:
    """Give the blocks of all parts of a text; its headings go down one rank at a time, as a document's must."""
    found = [block for part in parts for block in _of_part(part)]
    rank = HEADING - 1
    for block in found:
        if block["kind"] == "heading":
            rank = block["rank"] = max(HEADING, min(block["rank"], rank + 1, DEEPEST))
    return found


def plain(runs: Iterable[Run]) -> str:
    """Give the words of some runs."""
    return "".join(run["text"] for run in runs)


def _of_part(part: Part) -> list[Block]:
    if part.kind == "fields":
        return [{"kind": "fields", "fields": [{"label": _line(label), "lines": count} for label, count in fields(part)]}]
    inside = _blocks(MARKDOWN.parse(joined(part.lines)))
    if part.kind == "text":
        return inside
    if part.kind == "key-points":
        return [{"kind": "callout", "style": part.kind, "title": [{"text": "Key points"}], "blocks": inside}]
    style, _, title = part.words.partition(" ")
    heading = _line(title) or [{"text": CALLOUTS.get(style, "")}]
    return [{"kind": "callout", "style": style, "title": heading, "blocks": inside}]


def _line(text: str) -> list[Run]:
    return _runs(MARKDOWN.parseInline(text.strip())[0].children or [])


def _blocks(tokens: Sequence[Token]) -> list[Block]:
    """Read the tokens of some blocks, each up to the one that closes it."""
    made, at = list[Block](), 0
    while at < len(tokens):
        end = _end(tokens, at)
        made += _block(tokens[at], tokens[at + 1 : end])
        at = end + 1
    return made


def _end(tokens: Sequence[Token], begin: int) -> int:
    """Give the place of the token that closes one; that of the token itself when it opens nothing."""
    depth = 0
    for place in range(begin, len(tokens)):
        depth += tokens[place].nesting
        if depth == 0:
            return place
    return len(tokens)


def _block(opened: Token, inside: Sequence[Token]) -> list[Block]:
    made: Block = {}
    match opened.type:
        case "heading_open":
            made = {"kind": "heading", "rank": int(opened.tag[1]), "runs": _runs(inside[0].children or [])}
        case "paragraph_open":
            made = {"kind": "text", "runs": _runs(inside[0].children or [])}
        case "bullet_list_open":
            made = {"kind": "list", "first": None, "items": [_item(item) for item in _children(inside)]}
        case "ordered_list_open":
            # An attribute that is not there means 1, and a list may begin with 0.
            first = opened.attrGet("start")
            items = [_item(item) for item in _children(inside)]
            made = {"kind": "list", "first": 1 if first is None else int(first), "items": items}
        case "table_open":
            rows = [_children(row) for part in _children(inside) for row in _children(part)]
            cells = [[_runs(cell[0].children or []) for cell in row] for row in rows]
            made = {"kind": "table", "head": cells[0], "rows": cells[1:]}
        case "blockquote_open":
            made = {"kind": "quotation", "blocks": _blocks(inside)}
        case "fence" | "code_block":
            made = {"kind": "code", "text": opened.content.rstrip("\n")}
        case "hr":
            made = {"kind": "rule"}
    return [made] if made else []


def _children(tokens: Sequence[Token]) -> list[Sequence[Token]]:
    """Give what stands inside of each of some neighbours."""
    made: list[Sequence[Token]] = []
    at = 0
    while at < len(tokens):
        end = _end(tokens, at)
        made.append(tokens[at + 1 : end])
        at = end + 1
    return made


def _item(tokens: Sequence[Token]) -> Block:
    """Give an item of a list, which may be a box to tick."""
    blocks = _blocks(tokens)
    first = blocks[0].get("runs", []) if blocks else []
    is_tick = bool(first) and first[0]["text"].startswith(TICK)
    if is_tick:
        first[0]["text"] = first[0]["text"].removeprefix(TICK)
    return {"is_tick": is_tick, "blocks": blocks}


def _runs(tokens: Sequence[Token]) -> list[Run]:
    made, marks, link = list[Run](), dict[str, bool](), ""
    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close")
        if name in MARKS and token.nesting > 0:
            marks[MARKS[name]] = True
        elif name in MARKS:
            marks.pop(MARKS[name], None)
        elif token.type == "link_open":
            link = str(token.attrGet("href") or "")
        elif token.type == "link_close":
            _add_address(made, link)
        elif token.type in {"softbreak", "hardbreak"}:
            _add(made, {"text": " " if token.type == "softbreak" else "\n", **marks})
        elif token.content:
            code = {"code": True} if token.type == "code_inline" else {}
            _add(made, {"text": token.content, **marks, **code})
    return made


def _add(made: list[Run], run: Run) -> None:
    """Add a run, to the one before where it has the same marks."""
    if made and {**made[-1], "text": ""} == {**run, "text": ""}:
        made[-1]["text"] += run["text"]
    else:
        made.append(run)


def _add_address(made: list[Run], link: str) -> None:
    """Write out the address behind some words, if it is one that can be used from paper and does not stand there yet."""
    scheme, _, address = link.partition(":")
    if scheme in {"mailto", "tel"} and address not in plain(made).replace(" ", ""):
        _add(made, {"text": f" ({address})"})
