"""Where the browser is: named, on the PATH, or installed with a word about it."""

from __future__ import annotations

import os
import shutil
import subprocess

from app.cli import browsers

ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WITHOUT = "No browser was found: set CHROMIUM to one, or install chromium. The tests that need it are skipped."


def arguments() -> list[str]:
    """Give the arguments of a browser that talks to nobody but us; as root it refuses to run in its own sandbox."""
    return [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def find() -> str | None:
    """Give the browser's path, installing Debian's when root; None when there is none to be had."""
    return browsers.find() or (_installed() if os.geteuid() == 0 and shutil.which("apt-get") else None)


def _installed() -> str | None:
    print("Installing chromium for the browser tests (once, about a minute) …", flush=True)
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        subprocess.run(
            ["apt-get", "-o", "DPkg::Lock::Timeout=300", *command],  # noqa: S607 - the system's own
            check=False,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        )
    return browsers.find()
