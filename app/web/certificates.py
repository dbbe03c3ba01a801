"""A learner's own certificates, each as a page and as a PDF; open without a seat, after a lapse and after leaving."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from flask import render_template, send_file

from app.permissions import KEEP_CERTIFICATES
from app.web import navigation
from app.web.area import Area
from catalog.learning import certificate_documents, certificates

if TYPE_CHECKING:
    from flask import Response
    from flask.typing import ResponseReturnValue

    from app.accounts.memberships import Actor
    from catalog.learning.certificates import Certificate

area = Area("certificates", "/learn")


@area.page("/<uuid:organisation>/certificates", allow=KEEP_CERTIFICATES)
def my_certificates(actor: Actor) -> ResponseReturnValue:
    """Show all certificates that somebody has earned here, newest first."""
    return render_template(
        "certificates/my_certificates.html",
        actor=actor,
        nav=navigation.workspace(actor),
        certificates=certificates.of_membership(actor.organisation.id, actor.membership.id),
    )


@area.page("/<uuid:organisation>/certificates/<number>", allow=KEEP_CERTIFICATES)
def certificate(actor: Actor, number: str) -> ResponseReturnValue:
    """Show one of somebody's own certificates, with its PDF and the address where anybody can check it."""
    held = certificates.of_membership_number(actor.organisation.id, actor.membership.id, number)
    return render_template("certificates/certificate.html", actor=actor, nav=navigation.workspace(actor), held=held)


@area.page("/<uuid:organisation>/certificates/<number>.pdf", allow=KEEP_CERTIFICATES)
def document(actor: Actor, number: str) -> ResponseReturnValue:
    """Open the PDF of one of somebody's own certificates."""
    return pdf(certificates.of_membership_number(actor.organisation.id, actor.membership.id, number).certificate)


def pdf(certificate: Certificate) -> Response:
    """Answer with the PDF of a certificate; raises Missing while it is being made."""
    response = send_file(
        BytesIO(certificate_documents.of(certificate)),
        mimetype="application/pdf",
        download_name=f"Lanyard certificate {certificate.number}.pdf",
    )
    response.headers["Cache-Control"] = "no-store"
    return response
