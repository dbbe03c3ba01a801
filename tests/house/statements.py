"""A recorder of the SQL that an engine is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

WRITING = ("INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "DROP", "ALTER")


class Recorder:
    """Keeps every statement that is sent while it listens; `committed` holds the writes that were not rolled back."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._listeners = (
            ("before_cursor_execute", self._keep),
            ("commit", self._commit),
            ("rollback", self._rollback),
        )
        self._open: list[str] = []
        self.statements: list[str] = []
        self.committed: list[str] = []

    def __enter__(self) -> Self:
        for name, listener in self._listeners:
            sa.event.listen(self._engine, name, listener)
        return self

    def __exit__(self, *_: object) -> None:
        for name, listener in self._listeners:
            sa.event.remove(self._engine, name, listener)

    @property
    def writes(self) -> list[str]:
        """The statements that change rows or tables."""
        return [statement for statement in self.statements if _is_write(statement)]

    @property
    def reads(self) -> list[str]:
        """The statements that only read."""
        return [statement for statement in self.statements if statement.lstrip().upper().startswith("SELECT")]

    def _keep(self, _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        self.statements.append(statement)
        if _is_write(statement):
            self._open.append(statement)

    def _commit(self, _connection: object) -> None:
        self.committed += self._open
        self._open = []

    def _rollback(self, _connection: object) -> None:
        self._open = []


def _is_write(statement: str) -> bool:
    return statement.lstrip().upper().startswith(WRITING)
