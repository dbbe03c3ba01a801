"""`python3 -m app`: make a virtual environment from the committed lock if need be, and go on inside it.

This file uses the standard library only, because it runs before anything is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

PROJECT = Path(__file__).parents[1]
ENVIRONMENT = PROJECT / ".venv"
STAMPS = ENVIRONMENT / "locks"
LOCK = PROJECT / "requirements.lock"
TEST_LOCK = PROJECT / "requirements-test.lock"
OLDEST = (3, 11)
TRIES = 3
STOPPED_BY_CTRL_C = 130  # as shells have it


def main() -> None:
    """Build the environment when it is missing or its lock has changed, then run the command inside it."""
    if sys.version_info < OLDEST:
        sys.exit("Lanyard needs Python 3.11 or newer; this is " + sys.version.split()[0] + ".")
    lock = TEST_LOCK if sys.argv[1:2] in (["test"], ["scenarios"]) else LOCK
    if not _is_built(lock):
        _build(lock)
    python = ENVIRONMENT / "bin" / "python"
    if Path(sys.prefix).resolve() != ENVIRONMENT.resolve():
        os.environ.pop("PYTHONHOME", None)
        os.execv(python, [str(python), "-m", "app", *sys.argv[1:]])  # noqa: S606 - the same command, in its environment
    from app.cli import run  # noqa: PLC0415 - exists only inside the environment

    sys.exit(run(sys.argv[1:]))


def _stamp(lock: Path) -> Path:
    """Give the file that says a lock was installed, named for its content and the interpreter."""
    content = lock.read_bytes() + sys.version.encode()
    return STAMPS / hashlib.sha256(content).hexdigest()[:20]


def _is_built(lock: Path) -> bool:
    """Whether the environment holds what a lock names; the test lock holds everything of the other one."""
    return _stamp(lock).exists() or _stamp(TEST_LOCK).exists()


def _build(lock: Path) -> None:
    """Install a lock into the environment, one process at a time; ends the program with a message when that fails."""
    try:
        guard = (PROJECT / ".venv.lock").open("w")
    except OSError as error:
        sys.exit(f"Cannot write to {PROJECT}: {error.strerror}. Give this user the right to, or copy the project elsewhere.")
    with guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if _is_built(lock):
            return
        print("Setting up: installing what is needed into .venv (once, about half a minute) …", flush=True)
        if not (ENVIRONMENT / "bin" / "python").exists():
            _make_environment()
        for left in reversed(range(TRIES)):
            if subprocess.run(_install(lock), check=False).returncode == 0:  # noqa: S603 - our own command
                break
            if not left:
                sys.exit("Installing failed. Check the connection to the package index and try again.")
            print(f"That did not work; trying again ({left} left) …", flush=True)
        STAMPS.mkdir(exist_ok=True)
        for old in STAMPS.iterdir():
            old.unlink()
        _stamp(lock).touch()


def _make_environment() -> None:
    """Make the environment, without pip where this Python does not bring it."""
    try:
        venv.create(ENVIRONMENT, with_pip=True, clear=True, symlinks=True)
    except (subprocess.CalledProcessError, OSError):
        venv.create(ENVIRONMENT, with_pip=False, clear=True, symlinks=True)


def _install(lock: Path) -> list[str]:
    """Give the command that installs a lock, with the environment's pip or else with the one of this Python."""
    python = str(ENVIRONMENT / "bin" / "python")
    options = ["install", "--require-hashes", "--quiet", "--disable-pip-version-check", "--no-input", "--requirement", str(lock)]
    has_pip = subprocess.run([python, "-m", "pip", "--version"], check=False, capture_output=True).returncode == 0  # noqa: S603 - our own command
    if has_pip:
        return [python, "-m", "pip", *options]
    return [sys.executable, "-m", "pip", "--python", python, *options]


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.")
        sys.exit(STOPPED_BY_CTRL_C)
