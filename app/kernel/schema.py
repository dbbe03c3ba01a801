"""The shape of the database: bringing it up to date and asking whether it is."""

from __future__ import annotations

import fcntl
from pathlib import Path

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask_migrate import Migrate, revision, upgrade

from app.kernel.db import db
from app.kernel.errors import Unavailable

FOLDER = Path(__file__).parents[2] / "migrations"
migrate = Migrate(directory=str(FOLDER), render_as_batch=True, compare_type=True)


def bring_up_to_date() -> None:
    """Run the migrations that are missing; only one process at a time does.

    Raises Unavailable when the database does not answer or is one that this version does not know.
    """
    lock: Path = current_app.config["WRITE_LOCK"].with_name("migrate.lock")
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            upgrade(directory=str(FOLDER))
        except sa.exc.DBAPIError as error:
            message = f"The database does not answer, or does not let itself be brought up to date: {error.orig}"
            raise Unavailable(message) from error
        except SystemExit as ended:
            # Flask-Migrate ends the program instead of saying why.
            message = f"The database belongs to another version of this program: {ended.__context__}. Start that version."
            raise Unavailable(message) from ended


def draft(why: str) -> None:
    """Write the next migration from the difference between the models and this up-to-date database, for a developer to read."""
    number = len(list((FOLDER / "versions").glob("*.py"))) + 1
    revision(directory=str(FOLDER), message=why, autogenerate=True, rev_id=f"{number:04d}")


def check() -> None:
    """Raise Unavailable when the database does not answer or lacks a migration."""
    try:
        with db.engine.connect() as connection:
            found = set(MigrationContext.configure(connection).get_current_heads())
    except sa.exc.SQLAlchemyError as error:
        message = "The database does not answer."
        raise Unavailable(message) from error
    wanted = set(ScriptDirectory(str(FOLDER)).get_heads())
    if found != wanted:
        message = "The database is not up to date. Run: python3 -m app migrate"
        raise Unavailable(message)
