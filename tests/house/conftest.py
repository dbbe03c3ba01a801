"""The town that the house rules are tried in, built once for each run."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from app import factory, settings
from app.kernel.db import db
from tests.house import town as towns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def town(published: Path, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[towns.Town]:
    """Give the town, as it was built; a test that changes it does so inside `watched`, which puts it back."""
    folder = tmp_path_factory.mktemp("town")
    for kept in published.iterdir():
        if kept.is_dir():
            (folder / kept.name).symlink_to(kept)
    database = folder / "lanyard.sqlite3"
    shutil.copy(sqlite_template, database)
    app = factory.create_app(settings.from_environment({"LANYARD_DATA": str(folder)}))
    yield towns.build(app, database)
    app.extensions["sandbox"].close()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    app.extensions["jobs"].close()
