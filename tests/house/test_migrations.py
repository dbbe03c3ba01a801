"""Migrations: they build what the models say, on both databases, and rebuilding a table on SQLite loses nothing."""

from __future__ import annotations

import shutil
from datetime import date

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from flask_migrate import downgrade, upgrade

from app.kernel import clock, schema
from app.kernel.db import db, uuid7
from app.kernel.errors import Unavailable
from catalog.shelf import courses
from catalog.shelf.courses import CourseVersion, Lesson

FIRST = '''"""A parent with children that go with it."""
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "tried_1", {head!r}, None, None

def upgrade():
    op.create_table("parent", sa.Column("id", sa.Integer, primary_key=True))
    op.create_table(
        "child",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("parent_id", sa.Integer, sa.ForeignKey("parent.id", ondelete="CASCADE")),
    )
    op.execute("INSERT INTO parent (id) VALUES (1), (2)")
    op.execute("INSERT INTO child (id, parent_id) VALUES (1, 1), (2, 1), (3, 2)")
'''
SECOND = '''"""A new column for the parent, for which SQLite makes a new table and drops the old one."""
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "tried_2", "tried_1", None, None

def upgrade():
    with op.batch_alter_table("parent", recreate="always") as table:
        table.add_column(sa.Column("name", sa.String))
'''
ORPHAN = '''"""A child of nobody."""
from alembic import op
revision, down_revision, branch_labels, depends_on = "tried_3", "tried_2", None, None

def upgrade():
    op.execute("INSERT INTO child (id, parent_id) VALUES (4, 99)")
'''
# PostgreSQL alters tables as they stand; only SQLite rebuilds them.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OFF = 'exec_driver_sql("PRAGMA foreign_keys=OFF")'


def compare(shop):
    """Compare the models with the database, as `flask db check` does; raises CommandError when they differ."""
    config = shop.extensions["migrate"].migrate.get_config(str(schema.FOLDER))
    command.check(config)


def count(table):
    with db.engine.connect() as connection:
        return connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()  # noqa: S608 - a name of this test


@pytest.fixture
def tried(shop, tmp_path):
    """Give a way to run the migrations with some more, through env.py as it is or changed."""
    folder = tmp_path / "migrations"
    shutil.copytree(schema.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    [head] = ScriptDirectory(str(schema.FOLDER)).get_heads()

    def run(*texts, change=("", "")):
        environment = folder / "env.py"
        assert change[0] in environment.read_text()
        environment.write_text(environment.read_text().replace(*change))
        for number, text in enumerate(texts, start=1):
            (folder / "versions" / f"tried_{number}.py").write_text(text.replace("{head!r}", repr(head)))
        upgrade(directory=str(folder))

    return run


def test_there_is_one_newest_migration():
    assert len(ScriptDirectory(str(schema.FOLDER)).get_heads()) == 1


def test_migrations_from_nothing_build_what_the_models_say(shop):
    compare(shop)


def test_a_model_without_its_migration_is_found(shop):
    table = sa.Table("nobody_migrated", db.metadata, sa.Column("id", sa.Integer, primary_key=True))
    try:
        with pytest.raises(CommandError, match="nobody_migrated"):
            compare(shop)
    finally:
        db.metadata.remove(table)


def test_running_them_again_changes_nothing(shop):
    schema.bring_up_to_date()
    schema.check()


def test_a_database_that_lacks_a_migration_is_not_ready(shop):
    with db.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
    with pytest.raises(Unavailable, match="python3 -m app migrate"):
        schema.check()


@on_sqlite
def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(tried):
    tried(FIRST, SECOND)
    assert (count("parent"), count("child")) == (2, 3)


@on_sqlite
def test_with_foreign_keys_on_it_would_have_lost_them(tried):
    tried(FIRST, SECOND, change=(OFF, OFF.replace("OFF", "ON")))
    assert (count("parent"), count("child")) == (2, 0)


@on_sqlite
def test_a_migration_that_leaves_an_orphan_is_undone_as_a_whole(tried, shop, caplog):
    with pytest.raises(SystemExit):
        tried(FIRST, SECOND, ORPHAN)
    assert "rows would refer to nothing" in caplog.text
    assert "child" not in sa.inspect(db.engine).get_table_names()


@on_sqlite
def test_afterwards_keys_are_checked_again(tried, shop):
    tried(FIRST, SECOND)
    with pytest.raises(sa.exc.IntegrityError), db.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO child (id, parent_id) VALUES (4, 99)")


def test_a_lesson_of_one_page_becomes_a_lesson_of_one_block_and_nothing_else_is_lost(shop):
    downgrade(directory=str(schema.FOLDER), revision="0001")
    version = uuid7()
    texts = dict.fromkeys(("slug", "digest", "title", "summary", "category", "audience", "nations"), "text")
    numbers = dict.fromkeys(("number", "minutes", "refresh_months", "minimum_age", "sample"), 1)
    lists = {"outcomes": ["this"], "sources": ["that"]}
    others = {"content_note": "", "theory_only": "", "reviewed_on": date(2026, 11, 1), "published_at": clock.real_now()}
    rows = {
        "course_version": {"id": version, "is_current": True, **texts, **numbers, **lists, **others},
        "lesson": {"version_id": version, "number": 1, "title": "One", "minutes": 3, "html": "<p>“Listen.”</p>"},
    }
    with db.engine.begin() as connection:
        for name, row in rows.items():
            types = {**CourseVersion.__table__.c, **Lesson.__table__.c, "html": sa.column("html", sa.String())}
            table = sa.table(name, *(sa.column(column, types[column].type) for column in row))
            connection.execute(sa.insert(table).values(row))
    schema.bring_up_to_date()
    compare(shop)
    found = courses.of_version(version)
    assert (found.version.outcomes, found.version.support, found.version.renews, found.version.lead) == (["this"], [], [], False)
    assert courses.lesson(version, 1).blocks == [{"kind": "reading", "title": "", "html": "<p>“Listen.”</p>"}]


def test_people_known_before_are_sorted_and_found_by_their_names(shop, owner):
    db.session.rollback()
    downgrade(directory=str(schema.FOLDER), revision="0002")
    schema.bring_up_to_date()
    compare(shop)
    with db.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT name, name_key FROM membership").all() == [("Ruth Amadi", "ruth amadi")]
