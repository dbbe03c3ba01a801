"""The page-reading client: each of its checks passes a good page and fails a page with that one fault."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from werkzeug.datastructures import Headers

from tests.page_reader import CHECKS, SECURITY_HEADERS, PageFault, PageReader, Sheet, faults

GOOD = """<!doctype html>
<html lang="en-GB"><head><title>People at Lanyard</title></head>
<body>
<a href="#content">Skip to the content</a>
<nav aria-label="Main"><a href="/courses">Courses</a></nav>
<main id="content">
<h1>People</h1>
<h2>Invite</h2>
<form method="post" action="/sign-in">
<input type="hidden" name="csrf_token" value="abc">
<label for="name">Name</label> <input id="name" name="name" aria-describedby="hint"><p id="hint">As on a certificate.</p>
<button>Send</button>
</form>
<form method="post" action="/sign-out"><input type="hidden" name="csrf_token" value="abc"><button>Sign out</button></form>
<table><caption>People</caption><tr><th scope="col">Name</th></tr></table>
<img src="/favicon.ico" alt=""> <a href="https://www.gov.uk/">Guidance</a> <a href="mailto:hello@lanyard.example">Write to us</a>
<p>None of them has left.</p>
</main>
</body></html>"""
FAULTS = [
    ("title", "<title>People at Lanyard</title>", ""),
    ("title", "<title>People at Lanyard</title>", "<title>People</title><title>Lanyard</title>"),
    ("title", "<title>People at Lanyard</title>", "<title> </title>"),
    ("headings", "<h1>People</h1>", ""),
    ("headings", "<h2>Invite</h2>", "<h1>Invite</h1>"),
    ("headings", "<h2>Invite</h2>", "<h3>Invite</h3>"),
    ("labels", '<label for="name">Name</label>', ""),
    ("labels", '<label for="name">Name</label>', '<label for="name"></label>'),
    ("names_to_press", ">Courses</a>", "></a>"),
    ("names_to_press", "<button>Send</button>", "<button></button>"),
    ("ids", 'id="hint"', 'id="name"'),
    ("references", 'id="hint"', 'id="clue"'),
    ("references", 'for="name"', 'for="nobody"'),
    ("references", 'href="#content"', 'href="#nothing"'),
    ("references", 'aria-describedby="hint"', 'aria-describedby=""'),
    ("references", "<h2>", '<h2 aria-labelledby="nobody">'),
    ("paragraphs", "<p>None of them has left.</p>", "<p>None of them <ul><li>has left.</li></ul></p>"),
    ("forms", ' action="/sign-in"', ""),
    ("forms", '<input type="hidden" name="csrf_token" value="abc">\n', ""),
    ("inline", "<h1>", '<h1 style="color: red">'),
    ("inline", "<h1>", '<h1 onclick="go()">'),
    ("inline", "</main>", "<script>go()</script></main>"),
    ("inline", "</head>", "<style>h1 {}</style></head>"),
    ("inline", 'href="/courses"', 'href="javascript:go()"'),
    ("images", ' alt=""', ""),
    ("landmarks", "<!doctype html>", ""),
    ("landmarks", ' lang="en-GB"', ""),
    ("landmarks", '<main id="content">', '<div id="content">'),
    ("landmarks", '<nav aria-label="Main">', "<nav>"),
    ("tables", "<caption>People</caption>", ""),
    ("tables", ' scope="col"', ""),
    ("addresses", 'href="/courses"', 'href="/nowhere"'),
    ("addresses", 'href="/courses"', 'href="courses"'),
    ("addresses", 'href="/courses"', 'href="/sign-out"'),
    ("addresses", 'href="/courses"', 'href="/workspace"'),
    ("addresses", 'href="/courses"', 'href="http://127.0.0.1:8000/nowhere"'),
    ("addresses", 'action="/sign-in"', 'action="/courses"'),
    ("addresses", 'src="/favicon.ico"', 'src="/nothing.png"'),
    ("addresses", "https://www.gov.uk/", "http://www.gov.uk/"),
    ("leaks", "<h2>Invite</h2>", "<h2>None</h2>"),
    ("leaks", "<h2>Invite</h2>", "<h2>{{ name }}</h2>"),
    ("leaks", "<h2>Invite</h2>", "<h2>Undefined</h2>"),
    ("leaks", 'value="abc"', 'value="None"'),
]


def read(app, markup, **headers):
    return Sheet(BeautifulSoup(markup, "html5lib"), Headers({**SECURITY_HEADERS, "Cache-Control": "no-store", **headers}), app)


@pytest.fixture
def database_url(data, sqlite_template):
    """Give a database that nobody writes to, because reading pages needs none of its own."""
    return f"sqlite:///{sqlite_template}"


def test_a_good_page_has_no_fault(app):
    assert faults(read(app, GOOD)) == []


@pytest.mark.parametrize(("check", "good", "bad"), FAULTS)
def test_each_fault_is_found_by_its_check(app, check, good, bad):
    assert good in GOOD
    found = next(known for known in CHECKS if known.__name__ == check)
    assert list(found(read(app, GOOD.replace(good, bad, 1))))


@pytest.mark.parametrize("name", SECURITY_HEADERS)
def test_a_missing_header_is_found(app, name):
    sheet = read(app, GOOD)
    del sheet.headers[name]
    assert faults(sheet) == [f"the header {name} is None"]


def test_a_page_of_a_signed_in_person_must_not_be_kept(app):
    assert faults(read(app, GOOD, **{"Cache-Control": "public"})) == [
        "a page of a signed-in person may be kept: Cache-Control is 'public'"
    ]


def test_every_check_is_shown_to_fail():
    shown = {check for check, _, _ in FAULTS} | {"security", "privacy"}
    assert {check.__name__ for check in CHECKS} == shown


def test_the_client_fails_on_a_page_with_a_fault(app):
    @app.get("/broken")
    def broken():
        return "<h1>Broken</h1>"

    with pytest.raises(PageFault, match="0 titles"):
        PageReader(app).get("/broken")


def test_the_client_fails_on_another_status_than_expected(app):
    with pytest.raises(AssertionError, match="404 instead of 200"):
        PageReader(app).get("/nowhere")
    PageReader(app).get("/nowhere", 404)


def test_the_client_fails_on_a_field_that_the_form_does_not_have(app):
    reader = PageReader(app)
    reader.get("/sign-in")
    with pytest.raises(AssertionError, match="has no field"):
        reader.submit("Sign in", {"adress": "ruth@example.org"})
    with pytest.raises(AssertionError, match="its buttons are"):
        reader.submit("Come in")
