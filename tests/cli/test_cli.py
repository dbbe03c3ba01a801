"""The command line: every subcommand explains itself, does what it says, and ends with 1 when it could not."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from app import cli
from app.cli import serving, upkeep
from app.kernel import schema
from app.kernel.db import db

PROJECT = Path(__file__).parents[2]
EVERYWHERE = "0.0.0.0"  # noqa: S104 - for a moment, without a request
COMMANDS = ("run", "worker", "migrate", "load", "reconcile", "scenarios", "test")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("LANYARD_DATA", "LANYARD_URL", "DATABASE_URL", "LANYARD_BILLING"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _process():
    """Take back what a command decides for its process."""
    before = os.umask(0o022)
    yield
    os.umask(before)
    # The log of a command goes to the standard error of its own test, which ends with it.
    structlog.reset_defaults()


@pytest.fixture
def folder(published, tmp_path):
    """Give a data folder whose fonts are made already."""
    for kept in published.iterdir():
        if kept.is_dir():
            (tmp_path / kept.name).symlink_to(kept)
    return tmp_path


def test_help_explains_every_subcommand(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.run(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for command in COMMANDS:
        assert re.search(rf"^    {command}\b", shown, re.MULTILINE), command


@pytest.mark.parametrize("command", COMMANDS)
def test_each_subcommand_has_help_of_its_own(command, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.run([command, "--help"])
    assert ended.value.code == 0
    assert len(capsys.readouterr().out) > 100


def test_migrate_then_load_then_reconcile_do_what_they_say(folder, capsys):
    data = ["--data", str(folder)]
    assert cli.run(["migrate", *data]) == 0
    assert cli.run(["load", *data]) == 0
    assert "published  fire-safety-awareness" in capsys.readouterr().out
    assert cli.run(["load", *data]) == 0
    assert "0 published" in capsys.readouterr().out
    assert cli.run(["reconcile", *data]) == 0
    assert "0 differ" in capsys.readouterr().out


def test_loading_before_migrating_says_what_to_run(folder, capsys):
    assert cli.run(["load", "--data", str(folder)]) == 1
    assert "python3 -m app migrate" in capsys.readouterr().err


def test_a_broken_course_file_loads_nothing_and_ends_with_1(folder, capsys, monkeypatch, tmp_path_factory):
    content = tmp_path_factory.mktemp("content")
    broken = content / "courses/broken"
    broken.mkdir(parents=True)
    (broken / "course.md").write_text("nothing")
    monkeypatch.setattr(upkeep, "FOLDER", content)
    assert cli.run(["migrate", "--data", str(folder)]) == 0
    assert cli.run(["load", "--data", str(folder)]) == 1
    assert "course.md:1: begin with front matter" in capsys.readouterr().err


def test_a_setting_that_makes_no_sense_is_named_and_ends_with_1(folder, capsys, monkeypatch):
    monkeypatch.setenv("LANYARD_VAT_PERCENT", "twenty")
    assert cli.run(["migrate", "--data", str(folder)]) == 1
    assert capsys.readouterr().err.startswith("LANYARD_VAT_PERCENT: give a whole number")


def test_a_port_that_is_taken_is_a_clear_message(folder, capsys, monkeypatch):
    monkeypatch.setattr(serving, "TRIES", 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert cli.run(["run", "--port", str(port), "--data", str(folder)]) == 1
    assert f"Port {port} is taken" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-name.invalid"])
def test_an_address_of_another_machine_is_not_called_a_port_that_is_taken(folder, capsys, host):
    assert cli.run(["run", "--host", host, "--data", str(folder)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"--host {host}: ")
    assert "taken" not in said


@pytest.mark.parametrize("port", ["0", "70000", "x", "-1", "٢", "1" * 5000])
def test_a_port_that_there_is_not_is_said_in_words(capsys, port):
    with pytest.raises(SystemExit) as ended:
        cli.run(["run", f"--port={port}"])
    assert ended.value.code == 2
    assert "ports go from 1 to 65535" in capsys.readouterr().err


@pytest.fixture
def served(monkeypatch):
    """Give the list of applications that would have been served."""
    would = []

    class Server:
        def __init__(self, app, listener, *, with_demo):
            listener.close()
            would.append((app, with_demo))

        def run(self):
            pass

    monkeypatch.setattr(serving, "_Server", Server)
    return would


def run_on_free_port(folder, *words):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    return cli.run(["run", "--port", str(port), "--data", str(folder), *words])


def test_everything_is_ready_before_a_worker_starts_and_nothing_of_it_stays_open(folder, served):
    assert run_on_free_port(folder) == 0
    [(app, with_demo)] = served
    assert with_demo
    with app.app_context():
        assert db.engine.pool.checkedin() == 0
        schema.check()
        db.engine.dispose()


def test_a_broken_course_file_stops_the_start_with_a_message(folder, served, capsys, monkeypatch, tmp_path_factory):
    content = tmp_path_factory.mktemp("content")
    (content / "courses/broken").mkdir(parents=True)
    (content / "courses/broken/course.md").write_text("nothing")
    monkeypatch.setattr(upkeep, "FOLDER", content)
    assert run_on_free_port(folder) == 1
    assert "course.md:1: begin with front matter" in capsys.readouterr().err
    assert served == []


@pytest.mark.parametrize(
    ("breakage", "words"),
    [
        ("not a database at all, but long enough to be looked at" * 30, "The database does not answer"),
        (None, "belongs to another version"),
    ],
)
def test_a_database_that_cannot_be_used_stops_the_start_with_a_message(folder, served, capsys, breakage, words):
    path = folder / "lanyard.sqlite3"
    if breakage:
        path.write_text(breakage)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
            connection.execute("INSERT INTO alembic_version VALUES ('9999')")
        connection.close()
    assert run_on_free_port(folder) == 1
    assert words in capsys.readouterr().err
    assert served == []


def test_whoever_listens_everywhere_hears_that_others_need_an_address(folder, served, capsys, monkeypatch):
    assert run_on_free_port(folder, "--host", EVERYWHERE) == 0
    assert "LANYARD_URL" in capsys.readouterr().out
    monkeypatch.setenv("LANYARD_URL", "http://192.168.1.20:8000")
    assert run_on_free_port(folder, "--host", EVERYWHERE) == 0
    assert "LANYARD_URL" not in capsys.readouterr().out
    assert len(served) == 2


def test_what_the_shop_writes_is_for_its_own_user_alone(folder, served):
    new = folder / "new"
    assert run_on_free_port(new, "--no-demo") == 0
    assert len(served) == 1
    open_to_others = [path for path in (new, *new.rglob("*")) if path.stat().st_mode & 0o077]
    assert open_to_others == []


@pytest.mark.parametrize("words", [["run", "--port", "99999"], ["migrate", "--colour"], ["dance"]])
def test_a_word_that_is_not_known_ends_with_2(words, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.run(words)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_importing_the_entry_point_needs_only_the_standard_library():
    code = "import sys; before = set(sys.modules); import app.__main__; print(*sorted(set(sys.modules) - before))"
    ran = subprocess.run([sys.executable, "-S", "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    ours = {name for name in ran.stdout.split() if name.split(".")[0] == "app"}
    assert ours == {"app", "app.__main__"}
