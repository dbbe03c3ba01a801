"""Lists as people write them: every common form is read, and what cannot be says how to mend it."""

from __future__ import annotations

import io
import time
import zipfile

import openpyxl
import pytest

from app.accounts import people_lists
from app.accounts.people_lists import Line
from app.kernel import sheet_reading, sheets
from app.kernel.errors import Invalid

RUTH = ("Ruth Amadi", "ruth@example.org")
PLAIN = ("xl/more.xml", b"<more/>")


def pasted(text):
    return [(line.name, line.address) for line in people_lists.of_text(text)]


def sheet(content, name="people.csv"):
    return people_lists.checked(people_lists.of_rows(sheet_reading.rows(content, name)))


def who(lines):
    return [(line.name, line.address) for line in lines if not line.problem]


def book(rows):
    content = io.BytesIO()
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    made.save(content)
    return content.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "Ruth Amadi <ruth@example.org>",
        '"Amadi, Ruth" <ruth@example.org>',
        "Amadi, Ruth <ruth@example.org>",
        "Ruth Amadi, ruth@example.org",
        "Ruth Amadi; ruth@example.org;",
        "Ruth Amadi\truth@example.org",
        "ruth@example.org, Ruth Amadi",
        "ruth@example.org Ruth Amadi",
        "Ruth Amadi (ruth@example.org)",
        "Ruth  Amadi - ruth@example.org",
        "  'Ruth Amadi' <mailto:ruth@example.org>  ",
        "Name, E-mail\nRuth Amadi, ruth@example.org",
        "\ufeffRuth Amadi <ruth@example.org>\r\n\r\n",
    ],
)
def test_a_name_and_an_address_are_read_in_every_common_form(text):
    assert pasted(text) == [RUTH]


def test_an_address_alone_is_named_after_itself():
    assert pasted("ruth.amadi@example.org") == [("Ruth Amadi", "ruth.amadi@example.org")]


def test_several_on_one_line_as_a_mail_program_copies_them():
    assert pasted("Ruth Amadi <ruth@example.org>, Tom <tom@example.org>; una@example.org") == [
        RUTH,
        ("Tom", "tom@example.org"),
        ("Una", "una@example.org"),
    ]


@pytest.mark.parametrize("name", ["Зоя Орлова", "李小龍", "محمد علي", "שרה לוי", "Ζωή", "🦊 Fox", "O’Neil-Smith", "Đặng"])  # noqa: RUF001 - as they come
def test_a_name_in_any_script_is_kept(name):
    assert pasted(f"{name} <x@example.org>") == [(name, "x@example.org")]
    assert who(sheet(f"Name;E-mail\r\n{name};x@example.org\r\n".encode())) == [(name, "x@example.org")]
    assert who(sheet(book([["Name", "E-mail"], [name, "x@example.org"]]), "x.xlsx")) == [(name, "x@example.org")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_a_csv_is_read_in_every_usual_encoding_and_with_every_usual_sign(encoding, sign):
    text = f'Team{sign}Surname{sign}E-mail address{sign}First name\r\n"Kitchen"{sign}Müller{sign}zoe@example.org{sign}Zoë\r\n'
    [line] = sheet(text.encode(encoding))
    assert (line.number, line.name, line.address, line.team) == (2, "Zoë Müller", "zoe@example.org", "Kitchen")


def test_columns_stand_in_any_order_among_three_hundred():
    titles = [f"Column {n}" for n in range(298)]
    head, row = [*titles, "EMAIL", "Full name"], [*("x" for _ in titles), "ruth@example.org", "Ruth Amadi"]
    assert who(sheet(book([head, row]), "wide.xlsx")) == [RUTH]
    assert who(sheet((",".join(head) + "\n" + ",".join(row)).encode())) == [RUTH]


def test_a_title_may_come_after_some_lines_or_not_at_all():
    assert who(sheet(b"Staff of St Mary\n\nName,E-mail\nRuth Amadi,ruth@example.org\n")) == [RUTH]
    assert who(sheet(b"Ruth Amadi,ruth@example.org\n")) == [RUTH]
    assert who(sheet(b"7,ruth@example.org,Ruth Amadi\n"))[0][1] == "ruth@example.org"


def test_quotation_marks_commas_and_line_ends_in_a_cell_are_part_of_it():
    [line] = sheet(b'Name,E-mail\n"Ruth ""Ru""\nAmadi",ruth@example.org\n')
    assert line.name == 'Ruth "Ru" Amadi'


def test_one_address_is_one_person_however_it_is_written():
    lines = sheet(b"Name,E-mail\nRuth,ruth@example.org\nRuth, RUTH@Example.org \nTom,tom@example.org\nRuth,ruth@EXAMPLE.ORG\n")
    assert [bool(line.problem) for line in lines] == [False, True, False, True]
    assert "stands in line 2 already" in lines[1].problem


def test_a_formula_is_text_and_what_we_guarded_is_read_as_it_was():
    exported = sheets.as_csv(("Name", "E-mail"), [("=Ruth", "ruth@example.org"), ("+Tom", "tom@example.org")])
    assert who(sheet(exported)) == [("=Ruth", "ruth@example.org"), ("+Tom", "tom@example.org")]
    lines = sheet(book([["Name", "E-mail"], ["Ruth", '=HYPERLINK("x")']]), "x.xlsx")
    assert lines[0].problem == people_lists.NO_ADDRESS


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (b"Ruth,", "There is no e-mail address"),
        (b"Ruth,ruth", "Give an e-mail address in full"),
        (b"Ruth,ruth@nowhere", "Give an e-mail address in full"),
        (b"Ruth,ruth@example.org tom@example.org", "There are two addresses"),
        (b"R" * 200 + b",ruth@example.org", "at most 120 characters"),
    ],
)
def test_a_line_with_a_problem_says_how_to_mend_it(row, words):
    [line] = sheet(b"Name,E-mail\n" + row + b"\n")
    assert words in line.problem


LONG = {
    "no address": "a" * 200_000,
    "an address without end": "ruth@" + "a" * 200_000,
    "signs that combine": "e" + "\u0301\u0323" * 50_000,
    "a name without end": "Ruth " * 40_000 + "<ruth@example.org>",
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_line_or_cell_without_end_is_a_problem_at_once(text):
    began = time.process_time()
    found = [
        *people_lists.of_text(text),
        *people_lists.of_rows([["Name", "E-mail", "Team"], ["Ruth", text, ""], [text, "", text]]),
    ]
    found += people_lists.of_rows([["Ruth", "ruth@example.org", text[:400]], [text, "tom@example.org"]])
    assert time.process_time() - began < 1
    assert [line.problem for line in found] == [people_lists.TOO_LONG] * 3 + ["", people_lists.TOO_LONG]
    assert max(len(line.name + line.address + line.team) for line in found) < 1_000


def test_many_on_one_line_are_read_however_long_it_is():
    text = ", ".join(f"Person {n} <p{n}@example.org>" for n in range(500))
    assert pasted(text)[-1] == ("Person 499", "p499@example.org")


def test_a_long_cell_of_a_column_that_is_not_asked_for_does_no_harm():
    assert who(sheet(b"Name,E-mail,Notes\nRuth Amadi,ruth@example.org," + b"x" * 5_000)) == [RUTH]


def parts_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {part.filename: archive.read(part) for part in archive.infolist()}


def with_part(name, part):
    """Give a book of one person to which a part was added, or in which one was replaced."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, text in (parts_of(book([["Name", "E-mail"], RUTH])) | {name: part}).items():
            archive.writestr(one, text)
    return content.getvalue()


def entities(name="xl/more.xml", before="", encoding="utf-8"):
    return with_part(name, f'{before}<!DOCTYPE x [<!ENTITY a "aaaa">]><workbook/>'.encode(encoding))


def far_down(row):
    """Give a book whose row after its head says that it stands far down."""
    name = "xl/worksheets/sheet1.xml"
    return with_part(name, parts_of(with_part(*PLAIN))[name].replace(b'<row r="2"', b'<row r="%d"' % row))


HARM = {
    "unpacks to 35 MB": lambda: with_part("xl/more.xml", b"0" * 35_000_000),
    "entities": entities,
    "entities after a megabyte": lambda: entities(before=" " * (1 << 20)),
    "entities in a part of another name": lambda: entities(name="xl/more.bin"),
    "entities in UTF-16": lambda: entities(encoding="utf-16"),
    "entities in UTF-16 the other way": lambda: entities(encoding="utf-16-be"),
    "a row far down": lambda: far_down(10**12),
}


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "x.csv", "This file is empty"),
        (b" \r\n \r\n", "x.csv", "This file is empty"),
        (b"Name,E-mail\n", "x.csv", "nobody in this list"),
        (b"Name,Telephone\nRuth,01632 960123\n", "x.csv", "no column of e-mail addresses"),
        (b"\x00\x01\x02", "x.csv", "no CSV and no XLSX"),
        ("Name,E-mail\nRuth\0,ruth@example.org\n".encode("utf-8-sig"), "x.csv", "no CSV and no XLSX"),
        ("Name,E-mail\nRuth\0,ruth@example.org\n".encode("utf-16"), "x.csv", "no CSV and no XLSX"),
        (b"Name,E-mail\n\x81\x8d,x\n", "x.csv", "cannot read the letters"),
        (b"PK\x03\x04 broken", "x.xlsx", "no CSV and no XLSX"),
        (b"Name,E-mail\n", "x.xlsx", "no CSV and no XLSX"),
        (b"\xd0\xcf\x11\xe0 old", "x.xls", "old Excel file"),
        (b'Name,E-mail\n"' + b"x" * 200_000, "x.csv", "cannot be read: look for a quotation mark"),
        (b"Name,E-mail\n" + b"".join(b"%d@example.org\n" % n for n in range(20_001)), "x.csv", "more than 20,000 people"),
        (b"E-mail" + b",x" * 600 + b"\n", "x.csv", "more than 500 columns"),
        (b"E-mail\nx@example.org\n" + b"\n" * 200_000, "x.csv", "more than 200,000 rows"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(content, name, words):
    with pytest.raises(Invalid, match=words):
        sheet(content, name)


@pytest.mark.parametrize("make", HARM.values(), ids=HARM)
def test_an_xlsx_that_means_harm_is_refused(make):
    with pytest.raises(Invalid):
        sheet(make(), "x.xlsx")


def test_an_xlsx_that_does_not_unpack_is_refused_with_words():
    content = bytearray(with_part(*PLAIN))
    content[50:60] = b"\xff" * 10
    with pytest.raises(Invalid, match="or it is damaged"):
        sheet(bytes(content), "x.xlsx")


def test_an_xlsx_of_as_many_people_as_a_list_may_hold_is_read():
    head = ("Name", "E-mail", "Team", "Notes", "Started", "Role", "Telephone", "Town")
    rest = ("", "A few words about them", "2026-01-05", "Volunteer", "01632 960123", "Upper Slaughter")
    rows = [(f"Person Number {n}", f"person{n}@example.org", *rest) for n in range(people_lists.MOST)]
    assert sum(1 for _ in sheet_reading.rows(sheets.as_xlsx(head, rows, "People"), "x.xlsx")) == people_lists.MOST + 1
    assert who(sheet(far_down(150_000), "x.xlsx")) == [RUTH]


def test_a_line_knows_its_number_as_a_spreadsheet_shows_it():
    lines = sheet(book([["Name", "E-mail"], [], ["Ruth Amadi", "ruth@example.org"]]), "x.xlsx")
    assert lines == [Line(3, "Ruth Amadi", "ruth@example.org", "ruth@example.org", "")]
