"""A join link of the demo, somebody who asks by it and a mail domain that waits, made in the data folder of the running shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app import factory, settings, ways_in
from app.accounts import join_links, mail_domains, memberships, people, registrations
from app.kernel.db import db
from app.kernel.transaction import transaction
from tests.browser.records import OWNER

if TYPE_CHECKING:
    from pathlib import Path


def make(data: Path) -> dict[str, str]:
    """Have an owner make a link that asks for approval, and somebody ask by it; gives what leads to the pages."""
    app = factory.create_app(settings.from_environment({"LANYARD_DATA": str(data)}))
    try:
        with app.app_context():
            with transaction():
                owner = people.with_address(OWNER)
                assert owner is not None
                actor = memberships.actor(owner, memberships.places_of(owner.id)[0].organisation.id)
                link = join_links.make(actor, team_id=None, most=12, days=30, needs_approval=True)
                asker = registrations.open_account("Hugh Lowe", "hugh.lowe@demo.example", "-")
                ways_in.join(ways_in.by_link(link), asker)
                mail_domain = mail_domains.add(actor, "stmarys.example", "office", team_id=None, needs_approval=False)
                known = {
                    "way_in": f"/join/by/{join_links.token(link.id)}",
                    "own_way_in": str(link.id),
                    "mail_domain": mail_domains.token(mail_domain.id),
                }
            db.session.remove()
            db.engine.dispose()
    finally:
        app.extensions["jobs"].close()
    return known
