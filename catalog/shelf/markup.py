"""Markdown made into HTML that is safe to show, once, when it is loaded.

References stay what they are, `course:slug`, `guide:slug` and `picture:name`: only pages know addresses.
"""

from __future__ import annotations

import html
import re

import nh3
from markdown_it import MarkdownIt

from catalog.shelf.sources import Line, Mistakes, Part, joined

MARKDOWN = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable(["table", "smartquotes"])
# A link says where it leads in the same place, so that the checks see it.
MARKDOWN.disable(["image", "reference"])
# Whatever a reference looks like, nh3 decides below which of them stay.
MARKDOWN.validateLink = bool  # type: ignore[assignment,method-assign]  # the documented way to replace it
# Raised when something else is made of the same text, so that what was loaded before is published anew.
FORMAT = 2
SCHEMES = {"course", "guide", "mailto", "tel"}
REFERENCE = re.compile(r"\]\((course|guide):([^)\s]*)\)")
LINK = re.compile(r"\](?:\((?!(?:course|guide|mailto|tel):)|\[)")
PICTURE = re.compile(r'!\[(.*)\]\(([^)\s]+)(?:\s+"(.*)")?\)\s*$')
CALLOUTS = {"note": "Note", "important": "Important", "law": "The law", "say": "You could say"}
WRITING_LINES = re.compile(r"(.+?)\s*\{(\d+)\}$")
TAG = re.compile(r"<[^>]+>")


def block(text: str) -> str:
    """Give paragraphs, lists and tables as HTML."""
    return nh3.clean(MARKDOWN.render(text), url_schemes=SCHEMES, link_rel=None).strip().replace("<li>[ ] ", '<li class="tick">')


def inline(text: str) -> str:
    """Give one line of text as HTML without a paragraph around it."""
    return nh3.clean(MARKDOWN.renderInline(text.strip()), url_schemes=SCHEMES, link_rel=None)


def plain(markup: str) -> str:
    """Give the words of some HTML."""
    return html.unescape(TAG.sub(" ", markup))


def count_words(markup: str) -> int:
    """Count the words of some HTML."""
    return sum(any(letter.isalnum() for letter in word) for word in plain(markup).split())


def references(lines: list[Line]) -> list[tuple[int, str, str]]:
    """Give the references in some lines: line, kind and slug."""
    return [(line.number, match[1], match[2]) for line in lines for match in REFERENCE.finditer(line.text)]


def strange_link(text: str) -> bool:
    """Whether a line has a link that is not written out, or leads elsewhere than to a course, a guide, a mail or a call."""
    return bool(LINK.search(text)) and not PICTURE.match(text)


def reading(part: Part, pictures: set[str], mistakes: Mistakes) -> str:
    """Give text, key points, a callout, or fields to fill in, as HTML; pictures are among those that stand beside the file."""
    if part.kind in {"key-points", "callout"}:
        for line in part.lines:
            if line.text.lstrip().startswith("!["):
                mistakes.add(line.number, f"put the picture above or below the :::{part.kind}")
    if part.kind == "key-points":
        return f'<aside class="key-points"><p class="key-points__title">Key points</p>{block(joined(part.lines))}</aside>'
    if part.kind == "callout":
        return _callout(part, mistakes)
    if part.kind == "fields":
        return _fields(part)
    if part.kind != "text":
        mistakes.add(part.line, f"there is no :::{part.kind} here")
        return ""
    made, text = [], list[Line]()
    for line in part.lines:
        if line.text.startswith("!["):
            made += [block(joined(text)), _picture(line, pictures, mistakes)]
            text = []
        else:
            text.append(line)
    return "".join([*made, block(joined(text))])


def _callout(part: Part, mistakes: Mistakes) -> str:
    kind, _, title = part.words.partition(" ")
    if kind not in CALLOUTS:
        mistakes.add(part.line, f"after :::callout name one of {', '.join(CALLOUTS)}")
    heading = inline(title) or CALLOUTS.get(kind, "")
    begin = f'<aside class="callout callout--{html.escape(kind)}"><p class="callout__title">{heading}</p>'
    return f"{begin}{block(joined(part.lines))}</aside>"


def _picture(line: Line, pictures: set[str], mistakes: Mistakes) -> str:
    match = PICTURE.match(line.text)
    if match is None:
        mistakes.add(line.number, 'write a picture alone on its line, such as ![what it shows](name.svg "what stands below")')
        return ""
    alt, name, caption = match[1].strip(), match[2], match[3]
    if not alt:
        mistakes.add(line.number, "say in the brackets what the picture shows, for people who cannot see it")
    if name not in pictures:
        mistakes.add(line.number, f"there is no picture {name} beside this file")
    below = f"<figcaption>{inline(caption)}</figcaption>" if caption else ""
    return f'<figure><img src="picture:{html.escape(name)}" alt="{html.escape(alt)}" loading="lazy">{below}</figure>'


def fields(part: Part) -> list[tuple[str, int]]:
    """Give the fields to fill in, each with how many lines there are to write on."""
    made = []
    for line in part.lines:
        label = line.text.removeprefix("- ").strip()
        match = WRITING_LINES.match(label)
        if label:
            made.append((match[1], int(match[2])) if match else (label, 1))
    return made


def _fields(part: Part) -> str:
    """Give lines to write on, as many as each field asks for."""
    made = []
    for label, count in fields(part):
        rules = '<span class="writing-line"></span>' * count
        made.append(f'<li class="form-field"><span>{inline(label)}</span>{rules}</li>')
    return f'<ul class="form-fields">{"".join(made)}</ul>'
