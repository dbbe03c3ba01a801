"""Whether the shop is alive and ready, for whoever watches it."""

from __future__ import annotations

import shutil

from app import factory, settings
from app.kernel.db import db


def test_a_shop_that_runs_is_alive_and_ready(app):
    client = app.test_client()
    assert client.get("/healthz").json == {"status": "alive"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ready"})


def test_a_shop_that_lacks_a_migration_is_alive_and_not_ready(app):
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
    client = app.test_client()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {"status": "not ready", "why": "The database is not up to date. Run: python3 -m app migrate"}
    assert client.get("/healthz").status_code == 200


def test_a_shop_without_its_database_is_alive_and_not_ready(data):
    folder = data / "soon_gone"
    folder.mkdir()
    environment = {"LANYARD_DATA": str(data), "DATABASE_URL": f"sqlite:///{folder / 'lanyard.sqlite3'}"}
    client = factory.create_app(settings.from_environment(environment)).test_client()
    shutil.rmtree(folder)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["why"]) == (503, "The database does not answer.")
    assert client.get("/healthz").status_code == 200


def test_whoever_watches_gets_no_cookie_and_no_stale_answer(app):
    client = app.test_client()
    for path in ("/healthz", "/readyz"):
        answer = client.get(path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
