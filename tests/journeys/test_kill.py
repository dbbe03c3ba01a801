"""The shop is killed at every commit and every call of the journey, starts again, and everything has happened exactly once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.conftest import DATABASES
from tests.journeys.steps import CHANGING, LEARNING, WAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
JOURNEYS = WAYS | {"learned": LEARNING, "changed": CHANGING}
# Preparing and looking, and what is the same as the step before it.
NOT_KILLED = {"open_shop", "come_to_rest", "check", "answer_the_rest", "come_to_rest_again", "check_learning"}
NOT_KILLED |= {"come_to_rest_changed", "check_changes"}
KILLED = [
    *[(way, name) for way in ("asked", "learned", "changed") for name in JOURNEYS[way] if name not in NOT_KILLED],
    ("told", "deliver"),
    ("reconciled", "reconcile"),
]
# The quick gate looks at every point of most steps, and at every so many of the long ones and of those that repeat another: at
# odd distances, so that it stops before things and after them.
DISTANCES = {
    "add_seats": 4,
    "plan_fewer": 4,
    "add_to_plan": 5,
    "order": 3,
    "deliver": 17,
    "reconcile": 3,
    "invite_ben": 5,
    "invite_cat": 5,
    "send_invitations": 3,
}
# By then every lease that a killed process held has run out.
MINUTES_LATER = 5
_numbers = count()


class Kept:
    """A database and a data folder, with copies of both as they were before each step."""

    def __init__(self, folder: Path, published: Path) -> None:
        self.data = folder / "data"
        self._folder = folder
        self.data.mkdir(parents=True)
        for kept in published.iterdir():
            if kept.is_dir():
                (self.data / kept.name).symlink_to(kept)
        self._launcher: subprocess.Popen[str] | None = None

    def launch(self, database_url: str) -> None:
        """Start the launcher."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("LANYARD", "STRIPE"))}
        with (self._folder / "launcher.log").open("w") as log:
            self._launcher = subprocess.Popen(
                [sys.executable, "-m", "tests.journeys.launcher"],
                cwd=ROOT,
                env=environment | {"LANYARD_DATA": str(self.data), "DATABASE_URL": database_url},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.keep("rehearsal")
        _demand(self._answer())
        self.go_back("rehearsal")

    def play(self, *names: str, last: int | None = None, minutes: int = 0) -> dict[str, Any]:
        """Have steps played by a new process and give how it ended."""
        assert self._launcher is not None
        assert self._launcher.stdin is not None
        self._launcher.stdin.write(json.dumps({"names": names, "last": last, "minutes": minutes}) + "\n")
        self._launcher.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._launcher is not None
        assert self._launcher.stdout is not None
        line = self._launcher.stdout.readline()
        assert line, (self._folder / "launcher.log").read_text()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def keep(self, name: str) -> None:
        """Copy everything as it is now."""
        shutil.copytree(self.data, self._folder / name, symlinks=True)

    def go_back(self, name: str) -> None:
        """Have everything as it was."""
        shutil.rmtree(self.data)
        shutil.copytree(self._folder / name, self.data, symlinks=True)

    def close(self) -> None:
        """Let the launcher end."""
        if self._launcher is not None:
            assert self._launcher.stdin is not None
            assert self._launcher.stdout is not None
            self._launcher.stdin.close()
            self._launcher.stdout.close()
            self._launcher.kill()
            self._launcher.wait()


class KeptOnPostgres(Kept):
    """The same with the database on a server."""

    def __init__(self, folder: Path, published: Path, server: Any, template: str) -> None:
        super().__init__(folder, published)
        self._server = server
        self._name = f"killed_{os.getpid()}_{next(_numbers)}"
        self._made = [self._name]
        self.url = server.create(self._name, template)

    def keep(self, name: str) -> None:
        super().keep(name)
        self._copy(self._name, f"{self._name}_{name}")
        self._made.append(f"{self._name}_{name}")

    def go_back(self, name: str) -> None:
        super().go_back(name)
        self._server.drop(self._name)
        self._copy(f"{self._name}_{name}", self._name)

    def _copy(self, name: str, to: str) -> None:
        """Copy a database, which can be done once the server has noticed that a killed process is gone."""
        for _ in range(50):
            try:
                self._server.create(to, name)
            except psycopg.errors.ObjectInUse:
                time.sleep(0.02)
            else:
                return
        message = f"{name} stays in use"
        raise AssertionError(message)

    def close(self) -> None:
        super().close()
        for name in self._made:
            self._server.drop(name)


@pytest.fixture(scope="module", params=DATABASES)
def kept(request: pytest.FixtureRequest, published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Give the journey as it went when nobody was killed, with everything kept as it was before each step."""
    folder = tmp_path_factory.mktemp(f"killed-{request.param}")
    if request.param == "sqlite":
        made = Kept(folder, published)
        shutil.copy(request.getfixturevalue("sqlite_template"), made.data / "lanyard.sqlite3")
        url = f"sqlite:///{made.data / 'lanyard.sqlite3'}"
    else:
        server = request.getfixturevalue("postgres_server")
        made = KeptOnPostgres(folder, published, server, request.getfixturevalue("postgres_template"))
        url = made.url
    try:
        made.launch(url)
        for name in (*WAYS["asked"], *LEARNING):
            made.keep(name)
            _demand(made.play(name))
        # Before the messages are delivered is after being served.
        made.go_back("deliver")
        for name in CHANGING:
            made.keep(name)
            _demand(made.play(name))
        yield made
    finally:
        made.close()


@pytest.mark.parametrize(("way", "step"), KILLED, ids=[f"{way}-{step}" for way, step in KILLED])
def test_killed_at_any_point_of_a_step_the_shop_goes_on_and_everything_happens_once(kept, way, step, pytestconfig, request):
    names = JOURNEYS[way]
    rest = names[names.index(step) :]
    before = "be_served" if way in {"told", "reconciled"} else step
    kept.go_back(before)
    passed = _demand(kept.play(step))["points"]
    assert passed
    is_sqlite = "sqlite" in request.node.name
    for last in _chosen(len(passed), way, step, is_full=pytestconfig.getoption("--full"), is_sqlite=is_sqlite):
        kept.go_back(before)
        assert kept.play(step, last=last)["killed"], (last, passed)
        problem = kept.play(*rest, minutes=MINUTES_LATER)["problem"]
        assert problem is None, f"killed {passed[last]} (point {last} of {len(passed)})\n{problem}"


@pytest.mark.parametrize("way", WAYS)
def test_however_the_shop_learns_of_the_payment_the_end_is_the_same(kept, way):
    kept.go_back("be_served")
    names = WAYS[way]
    _demand(kept.play(*names[names.index("pay") + 1 :]))


def _demand(answer: dict[str, Any]) -> dict[str, Any]:
    assert not answer.get("killed")
    assert answer["problem"] is None, answer["problem"]
    return answer


def _chosen(number: int, way: str, step: str, *, is_full: bool, is_sqlite: bool) -> range:
    """Choose the points: with the full gate all of them on SQLite, else a spread, and a thinner one on PostgreSQL.

    Learning is quick to play again, so that all of its points are looked at each time.
    """
    if way == "learned" or (is_full and is_sqlite):
        return range(number)
    distance = DISTANCES.get(step, 1)
    if is_full:
        return range(0, number, distance)
    return range(0, number, distance * 2) if is_sqlite else range(number // 3, number, distance * 3)
