"""The command line: every subcommand explains itself, does what it says, and ends with 1 when it could not."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app import cli
from app.cli import serving, upkeep

PROJECT = Path(__file__).parents[2]
COMMANDS = ("run", "worker", "migrate", "load", "reconcile", "test")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("LANYARD_DATA", "LANYARD_URL", "DATABASE_URL", "LANYARD_BILLING"):
        monkeypatch.delenv(name, raising=False)


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
    monkeypatch.setattr(upkeep, "CONTENT", content)
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
