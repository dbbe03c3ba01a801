"""Public mail: the domains where anybody can have an address, so that an address there does not say whom somebody works for."""

from __future__ import annotations

from pathlib import Path

# The well-known ones, those of British providers among them; a domain that is not here is proved by a mail all the same.
DOMAINS = frozenset(Path(__file__).with_name("public_mail_domains.txt").read_text().split())
