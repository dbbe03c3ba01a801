"""Typesetting: documents printed with typst from a template, from fonts of our own and never those of the machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

log = structlog.get_logger(__name__)

STANDARD: Literal["ua-1"] = "ua-1"


class Press:
    """Prints documents with one template; whatever they say reaches it as data and is never read as part of it."""

    def __init__(self, template: Path, fonts: Path) -> None:
        """Load the typesetter and the fonts; that takes a moment, so it is done once for many documents."""
        import typst  # noqa: PLC0415 - 80 MB that a start does not wait for

        self._template = template
        self._fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(fonts)])

    def typeset(self, facts: Mapping[str, object], dated: datetime, **about: object) -> bytes:
        """Give the PDF that says these facts, dated so that it never differs.

        It is PDF/UA-1, tagged for screen readers, or a plain one where that cannot be, as when our fonts lack a sign; the
        template is told, and the log about which document.
        """
        from typst import TypstError  # noqa: PLC0415 - as above

        try:
            return self._compile({**facts, "lacks_signs": False}, dated)
        except TypstError:
            log.warning("a document cannot be PDF/UA, perhaps for a sign without a font", **about)
            return self._compile({**facts, "lacks_signs": True}, dated)

    def ask(self, label: str, facts: Mapping[str, object]) -> Any:
        """Give the value that the template marks with a label."""
        import typst  # noqa: PLC0415 - as above

        found = typst.query(
            str(self._template),
            label,
            field="value",
            one=True,
            root=str(self._template.parent),
            font_paths=self._fonts,
            sys_inputs={"facts": json.dumps(facts)},
        )
        return json.loads(found)

    def _compile(self, facts: Mapping[str, object], dated: datetime) -> bytes:
        import typst  # noqa: PLC0415 - as above

        return typst.compile(
            str(self._template),
            root=str(self._template.parent),
            font_paths=self._fonts,
            sys_inputs={"facts": json.dumps(facts)},
            pdf_standards=[] if facts["lacks_signs"] else [STANDARD],
            timestamp=int(dated.timestamp()),
        )
