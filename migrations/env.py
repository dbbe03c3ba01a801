"""How Alembic reaches the database of the application.

On SQLite foreign keys are off while a table is rebuilt: dropping the old table would otherwise delete the rows that refer to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import context
from flask import current_app

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

HUEY_TABLES = ("huey_",)


def is_ours(_object: object, name: str | None, kind: str, _reflected: object, _compare_to: object) -> bool:
    """Leave the job queue's own tables out of every comparison."""
    return not (kind == "table" and (name or "").startswith(HUEY_TABLES))


def migrate(connection: Connection) -> None:
    """Run the migrations on one connection, whole or not at all."""
    on_sqlite = connection.dialect.name == "sqlite"
    if on_sqlite:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    database = current_app.extensions["migrate"].db
    context.configure(
        connection=connection,
        target_metadata=database.metadata,
        include_object=is_ours,
        render_as_batch=True,
        compare_type=True,
    )
    context.run_migrations()
    if on_sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
        message = f"rows would refer to nothing after this migration: {broken[:5]}"
        raise RuntimeError(message)
    connection.commit()
    if on_sqlite:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")


engine = current_app.extensions["migrate"].db.engine
with engine.connect() as opened:
    opened.begin()
    migrate(opened)
