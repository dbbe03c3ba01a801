"""The documents of certificates: each is printed once, on A4, tagged for screen readers, and is the same for ever after."""

from __future__ import annotations

import io
import traceback
from typing import TYPE_CHECKING, Any

import segno
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import clock, typesetting
from app.kernel.db import db
from app.kernel.errors import Missing
from app.kernel.transaction import transaction
from catalog.learning.certificates import Certificate, CertificateDocument
from catalog.shelf import covers

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path
    from uuid import UUID

log = structlog.get_logger(__name__)

# The motif of these hangs from the top of the panel; every other one fills it.
HANGING = frozenset({"organisation"})
ERASED = "Its holder had their account deleted, so this certificate is shown no longer. The record of the pass stays."
NOT_MADE = "The PDF is being made. Look again in a minute."


class Press(typesetting.Press):
    """Prints certificates for one site."""

    def __init__(self, template: Path, fonts: Path, site_url: str) -> None:
        """Remember the site, whose address every certificate names."""
        super().__init__(template, fonts)
        self._site_url = site_url

    def print(self, certificate: Certificate) -> bytes:
        """Give the PDF of a certificate."""
        return self.typeset(_facts(certificate, self._site_url), certificate.issued_at, certificate=str(certificate.id))


def make_missing(open_press: Callable[[], Press]) -> int:
    """Print every certificate that has no document yet, oldest first, and give how many were made. A sweep.

    Each is printed outside of any transaction and kept in one of its own; one that fails is logged and stops no other.
    """
    waiting = _without_document()
    if not waiting:
        return 0
    press = open_press()
    return sum(_make(press, certificate_id) for certificate_id in waiting)


def of(certificate: Certificate) -> bytes:
    """Give the PDF of a certificate; raises Missing while it is being made."""
    pdf = db.session.scalar(sa.select(CertificateDocument.pdf).where(CertificateDocument.certificate_id == certificate.id))
    if pdf is None:
        raise Missing(ERASED if certificate.erased_at else NOT_MADE)
    return pdf


def _without_document() -> list[UUID]:
    made = sa.exists().where(CertificateDocument.certificate_id == Certificate.id)
    return list(
        db.session.scalars(
            sa.select(Certificate.id)
            .where(~made, Certificate.erased_at.is_(None))
            .order_by(Certificate.issued_at, Certificate.id)
        )
    )


def _make(press: Press, certificate_id: UUID) -> bool:
    """Print and keep one certificate; whatever goes wrong is logged without its words, which name people."""
    try:
        pdf = press.print(db.session.get_one(Certificate, certificate_id))
        with transaction():
            return _keep(certificate_id, pdf)
    except Exception as error:  # noqa: BLE001 - one certificate stops no other
        stack = "".join(traceback.format_tb(error.__traceback__))
        log.error("certificate failed", certificate=str(certificate_id), error=type(error).__name__, stack=stack)  # noqa: TRY400 - the same reason
        return False


def _keep(certificate_id: UUID, pdf: bytes) -> bool:
    """Keep a document unless another worker has just kept one, or its holder is gone; False then."""
    query = sa.select(Certificate.erased_at).where(Certificate.id == certificate_id)
    if db.session.scalar(query.with_for_update(read=True)) is not None:
        return False
    insert: Any = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = insert(CertificateDocument).values(certificate_id=certificate_id, made_at=clock.now(), pdf=pdf)
    first = row.on_conflict_do_nothing(index_elements=[CertificateDocument.certificate_id])
    return db.session.execute(first.returning(CertificateDocument.certificate_id)).first() is not None


def _facts(certificate: Certificate, site_url: str) -> dict[str, object]:
    """Give what the template is told, as plain data: nothing of it is ever read as part of the template."""
    address = f"{site_url}/verify/{certificate.number}"
    return {
        "number": certificate.number,
        "name": certificate.name,
        "issued_by": certificate.issued_by,
        "title": certificate.title,
        "version": certificate.version,
        "score_percent": certificate.score_percent,
        "minutes": certificate.minutes,
        "outcomes": certificate.outcomes,
        "nations": certificate.nations,
        "theory_only": certificate.theory_only,
        "issued_on": _day(certificate.issued_on),
        "refresh_by": _day(certificate.refresh_by),
        "verify_address": address.partition("://")[2],
        "cover": covers.svg(certificate.category, certificate.slug),
        "ground": covers.RIBBONS[certificate.category].paper,
        "hangs": certificate.category in HANGING,
        "qr": _qr(address),
    }


def _day(day: date) -> list[int]:
    return [day.year, day.month, day.day]


def _qr(address: str) -> str:
    """Draw the QR code of an address as SVG; without a border, because the template leaves one."""
    drawn = io.BytesIO()
    segno.make_qr(address, error="m").save(drawn, kind="svg", border=0, dark="#16202e", nl=False)
    return drawn.getvalue().decode()
