"""The press for invoices, credit notes and statements: opened once in a process, because loading the typefaces takes a moment."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from flask import current_app

from app.web import typefaces, wiring
from billing.printing import Press, Seller

TEMPLATE = Path("documents/money.typ")
KEPT = "billing_press"


def of_process() -> Press:
    """Give the press of this process."""
    if KEPT not in current_app.extensions:
        settings = wiring.settings()
        seller = Seller(
            name=settings.company_name,
            address=settings.company_address,
            vat_number=settings.company_vat_number,
            contact=settings.contact_address,
            bank_details=settings.bank_details,
        )
        template = Path(current_app.root_path, str(current_app.template_folder), TEMPLATE)
        current_app.extensions[KEPT] = Press(template, typefaces.for_documents(settings.data), seller)
    return cast("Press", current_app.extensions[KEPT])
