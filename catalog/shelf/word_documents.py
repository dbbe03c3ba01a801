"""The documents of guides for Word: the same text with real headings, lists, tables and boxes, to be typed into and over."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import docx
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_ROW_HEIGHT_RULE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Length, Pt, RGBColor

from catalog.shelf import guide_documents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docx.styles.style import ParagraphStyle
    from docx.table import Table, _Cell, _Row
    from docx.text.paragraph import Paragraph

    from catalog.shelf.guides import GuideVersion
    from catalog.shelf.structure import Block, Run

AUTHOR, LANGUAGE, TYPEFACE = "Lanyard", "en-GB", "Arial"
INK = RGBColor(0x16, 0x20, 0x2E)
SIDE = Cm(1.9)
WIDTH = Cm(21 - 2 * 1.9)
LABELS = Cm(6.2)
WRITING_LINE = Cm(0.8)
INDENT = Cm(0.8)
# Points of type, and of the space before and after.
STYLES = {
    "Normal": (10.5, 0, 6),
    "Title": (24, 0, 4),
    "Subtitle": (11.5, 0, 10),
    "Heading 1": (15, 14, 4),
    "Heading 2": (12.5, 12, 4),
    "Heading 3": (11, 10, 3),
    "List Bullet": (10.5, 0, 3),
    "List Number": (10.5, 0, 3),
    "Footer": (8.5, 0, 0),
}
DEEPEST_LIST = 3
# A field of this many lines has the whole breadth to write on.
BROAD = 3
LONGEST_PROPERTY = 255
NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
TICK = f"""<w:sdt {nsdecls("w")} xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml"><w:sdtPr><w14:checkbox>
<w14:checked w14:val="0"/><w14:checkedState w14:val="2612" w14:font="MS Gothic"/>
<w14:uncheckedState w14:val="2610" w14:font="MS Gothic"/></w14:checkbox></w:sdtPr><w:sdtContent><w:r><w:rPr>
<w:rFonts w:ascii="MS Gothic" w:eastAsia="MS Gothic" w:hAnsi="MS Gothic" w:hint="eastAsia"/></w:rPr><w:t>\u2610</w:t></w:r>
</w:sdtContent></w:sdt>"""
SHADE = f'<w:shd {nsdecls("w")} w:val="clear" w:color="auto" w:fill="F0F0F0"/>'
REPEATED = f"<w:tblHeader {nsdecls('w')}/>"
KEPT_TOGETHER = f"<w:cantSplit {nsdecls('w')}/>"
# The version of Word whose rules apply to the document: with an older one it says "compatibility mode".
COMPATIBILITY, NEWEST = "compatibilityMode", "15"


def of(guide: GuideVersion, organisation: str) -> bytes:
    """Give the document of a guide for an organisation; the same bytes each time."""
    document = docx.Document()
    _set_up(document)
    _name(document, guide)
    _foot(document, guide, organisation)
    document.add_paragraph(_words(guide.title), "Title")
    document.add_paragraph(_words(guide.summary), "Subtitle")
    sources = {"kind": "list", "first": None, "items": [_plain_item(source) for source in guide.sources]}
    heading = {"kind": "heading", "rank": 2, "runs": [{"text": "Sources"}]}
    _Writer(document).write([*guide.blocks, heading, sources], document)
    return _packed(document, guide)


class _Writer:
    """Writes blocks into a document, or into a cell of one of its tables."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def write(self, blocks: Sequence[Block], into: Document | _Cell, level: int = 0) -> None:
        for block in blocks:
            match block["kind"]:
                case "heading":
                    _write_runs(into.add_paragraph(style=f"Heading {block['rank'] - 1}"), block["runs"])
                case "text":
                    _write_runs(_indented(into.add_paragraph(), level), block["runs"])
                case "list":
                    self._list(block, into, level)
                case "table" | "callout" | "fields":
                    self._framed(block, into)
                case "quotation":
                    self.write(block["blocks"], into, level + 1)
                case "code":
                    _indented(into.add_paragraph(_words(block["text"])), level + 1)
                case "rule":
                    into.add_paragraph("* * *").alignment = WD_ALIGN_PARAGRAPH.CENTER

    def _list(self, block: Block, into: Document | _Cell, level: int) -> None:
        numbering = None if block["first"] is None else self._numbering(block["first"], level)
        for item in block["items"]:
            blocks = item["blocks"]
            is_text = bool(blocks) and blocks[0]["kind"] == "text"
            if item["is_tick"]:
                paragraph = into.add_paragraph(style="Tick")
                paragraph.paragraph_format.left_indent = Length(INDENT * (level + 1))
                _xml(paragraph).append(parse_xml(TICK))
                paragraph.add_run("\t")
            else:
                paragraph = into.add_paragraph(style=_of_level("List Bullet" if numbering is None else "List Number", level))
                if numbering is not None:
                    number = _xml(paragraph).get_or_add_pPr().get_or_add_numPr()
                    number.get_or_add_ilvl().val, number.get_or_add_numId().val = 0, numbering
            _write_runs(paragraph, blocks[0]["runs"] if is_text else [])
            self.write(blocks[1:] if is_text else blocks, into, level + 1)

    def _numbering(self, first: int, level: int) -> int:
        """Begin a numbered list of its own, because a style would count on through the whole document."""
        numbering = self._document.part.numbering_part.element
        of_style = _xml(self._document.styles[_of_level("List Number", level)]).pPr.numPr.numId.val
        made = numbering.add_num(numbering.num_having_numId(of_style).abstractNumId.val)
        made.add_lvlOverride(ilvl=0).add_startOverride(first)
        return int(made.numId)

    def _framed(self, block: Block, into: Document | _Cell) -> None:
        {"table": self._table, "callout": self._callout, "fields": self._fields}[block["kind"]](block, into)
        # Without a little room below it Word joins a table with the next; in a cell there is some already.
        if isinstance(into, Document):
            space = into.add_paragraph().paragraph_format
            space.space_after, space.line_spacing = Pt(0), Pt(6)

    def _table(self, block: Block, into: Document | _Cell) -> None:
        columns = len(block["head"])
        table = self._grid(into, [Length(WIDTH // columns)] * columns)
        head = _row(table, block["head"])
        _xml(head).get_or_add_trPr().append(parse_xml(REPEATED))
        for cell in head.cells:
            _shade(cell)
            for run in cell.paragraphs[0].runs:
                run.bold = True
        for cells in block["rows"]:
            row = _row(table, cells)
            if not all(cells):
                _raise(row, 1)

    def _callout(self, block: Block, into: Document | _Cell) -> None:
        cell = _row(self._grid(into, [WIDTH]), [block["title"]]).cells[0]
        for run in cell.paragraphs[0].runs:
            run.bold = True
        self.write(block["blocks"], cell)

    def _fields(self, block: Block, into: Document | _Cell) -> None:
        table = self._grid(into, [LABELS, Length(WIDTH - LABELS)])
        for field in block["fields"]:
            row = _row(table, [field["label"]])
            _shade(row.cells[0])
            if field["lines"] >= BROAD:
                row.cells[0].merge(row.cells[1])
                row = _row(table, [])
                row.cells[0].merge(row.cells[1])
            _raise(row, field["lines"])

    def _grid(self, into: Document | _Cell, widths: list[Length]) -> Table:
        """Begin a table with a frame around each cell."""
        inside = not isinstance(into, Document)
        table = into.add_table(0, len(widths))
        table.style = self._document.styles["Table Grid"]
        table.autofit = False
        for column, width in zip(table.columns, widths, strict=True):
            column.width = Length(width - INDENT) if inside else width
        return table


def _set_up(document: Document) -> None:
    """Make the styles ours: A4, one typeface, dark on white, in British English."""
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = SIDE
    section.top_margin = section.bottom_margin = Cm(1.8)
    styles: Any = document.styles
    for fonts in styles.element.iter(qn("w:rFonts")):
        fonts.attrib.clear()
        for script in ("ascii", "hAnsi", "cs", "eastAsia"):
            fonts.set(qn(f"w:{script}"), TYPEFACE)
    for language in styles.element.iter(qn("w:lang")):
        language.set(qn("w:val"), LANGUAGE)
    for name, (size, before, after) in STYLES.items():
        _style(styles[name], size, before, after)
    for name in ("Title", "Subtitle"):
        for tag in ("w:pBdr", "w:numPr"):
            for found in list(styles[name].element.pPr.iter(qn(tag))):
                found.getparent().remove(found)
    styles["Title"].font.bold, styles["Subtitle"].font.italic = True, False
    tick = styles.add_style("Tick", WD_STYLE_TYPE.PARAGRAPH)
    tick.base_style = styles["Normal"]
    tick.paragraph_format.left_indent, tick.paragraph_format.first_line_indent = INDENT, -INDENT
    tick.paragraph_format.space_after = Pt(3)
    settings: Any = document.settings.element
    settings.find(qn("w:themeFontLang")).set(qn("w:val"), LANGUAGE)
    for setting in settings.iter(qn("w:compatSetting")):
        if setting.get(qn("w:name")) == COMPATIBILITY:
            setting.set(qn("w:val"), NEWEST)


def _style(style: ParagraphStyle, size: float, before: float, after: float) -> None:
    style.font.size, style.font.color.rgb = Pt(size), INK
    space = style.paragraph_format
    space.space_before, space.space_after, space.line_spacing = Pt(before), Pt(after), 1.1


def _name(document: Document, guide: GuideVersion) -> None:
    """Say in the properties what it is, and nothing of the template that python-docx begins with."""
    facts = document.core_properties
    facts.title, facts.subject = _words(guide.title)[:LONGEST_PROPERTY], _words(guide.summary)[:LONGEST_PROPERTY]
    facts.author = facts.last_modified_by = AUTHOR
    facts.language, facts.comments, facts.version = LANGUAGE, "", str(guide.number)
    facts.created = facts.modified = guide_documents.dated(guide)
    relationships = document.part.package.rels if document.part.package else {}
    for key in [key for key, found in relationships.items() if found.reltype == RELATIONSHIP_TYPE.THUMBNAIL]:
        del relationships[key]


def _foot(document: Document, guide: GuideVersion, organisation: str) -> None:
    paragraph = document.sections[0].footer.paragraphs[0]
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    day = guide.reviewed_on
    paragraph.add_run(f"{AUTHOR} for {_words(organisation)} · version {guide.number} · reviewed on {day.day} {day:%B %Y} · page ")
    _xml(paragraph).append(_counted("PAGE"))
    paragraph.add_run(" of ")
    _xml(paragraph).append(_counted("NUMPAGES"))


def _packed(document: Document, guide: GuideVersion) -> bytes:
    """Give the file, in which nothing says when it was made."""
    written, answer = io.BytesIO(), io.BytesIO()
    document.save(written)
    day = guide.reviewed_on
    with ZipFile(written) as parts, ZipFile(answer, "w", ZIP_DEFLATED) as packed:
        for part in parts.infolist():
            dated = ZipInfo(part.filename, (day.year, day.month, day.day, 0, 0, 0))
            dated.compress_type = ZIP_DEFLATED
            packed.writestr(dated, parts.read(part))
    return answer.getvalue()


def _write_runs(paragraph: Paragraph, runs: Sequence[Run]) -> None:
    for run in runs:
        written = paragraph.add_run(_words(run["text"]))
        written.bold, written.italic = run.get("strong"), run.get("emphasis")


def _row(table: Any, cells: Sequence[Sequence[Run]]) -> _Row:
    """Add a row that stays on one page, with words in its first cells."""
    row: _Row = table.add_row()
    _xml(row).get_or_add_trPr().append(parse_xml(KEPT_TOGETHER))
    for cell in row.cells:
        cell.paragraphs[0].paragraph_format.space_after = Pt(2)
        cell.paragraphs[0].paragraph_format.space_before = Pt(2)
    for cell, runs in zip(row.cells, cells, strict=False):
        _write_runs(cell.paragraphs[0], runs)
    return row


def _raise(row: _Row, lines: int) -> None:
    """Give a row the height of some lines to write on."""
    row.height_rule, row.height = WD_ROW_HEIGHT_RULE.AT_LEAST, Length(WRITING_LINE * lines)


def _shade(cell: _Cell) -> None:
    _xml(cell).get_or_add_tcPr().append(parse_xml(SHADE))


def _indented(paragraph: Paragraph, level: int) -> Paragraph:
    if level:
        paragraph.paragraph_format.left_indent = Length(INDENT * level)
    return paragraph


def _of_level(style: str, level: int) -> str:
    rank = min(level + 1, DEEPEST_LIST)
    return style if rank == 1 else f"{style} {rank}"


def _plain_item(text: str) -> Block:
    return {"is_tick": False, "blocks": [{"kind": "text", "runs": [{"text": text}]}]}


def _counted(what: str) -> Any:
    return parse_xml(f'<w:fldSimple {nsdecls("w")} w:instr="{what}"><w:r><w:t>1</w:t></w:r></w:fldSimple>')


def _words(text: str) -> str:
    """Give a text without the signs that no XML may hold."""
    return NOT_IN_XML.sub("", text)


def _xml(thing: Any) -> Any:
    """Give the element behind something, for what python-docx has no name for."""
    return thing._element  # noqa: SLF001 - as its documentation does
