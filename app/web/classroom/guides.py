"""The library of those who learn: every guide, whole, to read, to print and to fill in."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

from flask import current_app, render_template, send_file

from app import access
from app.kernel.errors import Missing
from app.permissions import LEARN
from app.web import navigation, typefaces, wiring
from app.web.classroom.routes import area
from catalog.shelf import guide_documents, word_documents
from catalog.shelf import guides as shelf
from catalog.shelf.guide_documents import Press

if TYPE_CHECKING:
    from flask import Response
    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor
    from catalog.shelf.guides import GuideVersion

PRESS = "guide_press"
TEMPLATE = "documents/guide.typ"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@area.page("/<uuid:organisation>/guides", allow=LEARN)
def guides(actor: Actor) -> ResponseReturnValue:
    """Show the guides that a seat opens, or why none is open."""
    return render_template(
        "classroom/guides.html",
        actor=actor,
        nav=navigation.workspace(actor),
        decision=access.to_courses(actor, wiring.grace()),
        guides=shelf.published(),
    )


@area.page("/<uuid:organisation>/guides/<slug>", allow=LEARN)
def guide(actor: Actor, slug: str) -> ResponseReturnValue:
    """Show a guide to read and to print."""
    access.demand_courses(actor, wiring.grace())
    return render_template("classroom/guide.html", actor=actor, nav=navigation.workspace(actor), guide=shelf.current(slug))


@area.page("/<uuid:organisation>/guides/<slug>.pdf", allow=LEARN)
def guide_pdf(actor: Actor, slug: str) -> ResponseReturnValue:
    """Download a guide as a PDF to print and pin up."""
    access.demand_courses(actor, wiring.grace())
    found = shelf.current(slug)
    return _download(found, _press().print(found, actor.organisation.name), "pdf", "application/pdf")


@area.page("/<uuid:organisation>/guides/<slug>.docx", allow=LEARN)
def guide_word_document(actor: Actor, slug: str) -> ResponseReturnValue:
    """Download a form as a Word document to fill in on a screen."""
    access.demand_courses(actor, wiring.grace())
    found = shelf.current(slug)
    if not found.is_form:
        raise Missing
    return _download(found, word_documents.of(found, actor.organisation.name), "docx", WORD)


def _press() -> Press:
    """Give the press of this process, which the first guide to be printed opens."""
    if PRESS not in current_app.extensions:
        template = Path(current_app.root_path, str(current_app.template_folder), TEMPLATE)
        current_app.extensions[PRESS] = Press(template, typefaces.for_documents(wiring.settings().data))
    return cast("Press", current_app.extensions[PRESS])


def _download(guide: GuideVersion, content: bytes, ending: str, media_type: str) -> Response:
    name = guide_documents.file_name(guide, ending)
    response = send_file(BytesIO(content), mimetype=media_type, as_attachment=True, download_name=name)
    # What send_file writes there would let a browser keep it.
    response.headers["Cache-Control"] = "no-store"
    return response
