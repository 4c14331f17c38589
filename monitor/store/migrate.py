"""Brings a database to this version's schema: applies each file of migrations/ once, in order, under a lock, with checksums."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import Any, Protocol

from monitor.errors import OperatorError
from monitor.store.queries import queries


class Connection(Protocol):
    """The part of a connection that migrations use."""

    async def execute(self, query: str, *args: Any) -> str:
        """Run a query, or several without arguments."""
        ...

    async def fetch(self, query: str, *args: Any) -> Sequence[Any]:
        """Rows of a query."""
        ...

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first value of a query."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """All or nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step: `version` is its file's name without `.sql`."""

    version: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, hex."""
        return sha256(self.sql.encode()).hexdigest()


def all_migrations() -> list[Migration]:
    """The migrations of this version, in order."""
    folder = files("monitor.store") / "migrations"
    return sorted(
        (
            Migration(version=file.name.removesuffix(".sql"), sql=file.read_text(encoding="utf-8"))
            for file in folder.iterdir()
            if file.name.endswith(".sql")
        ),
        key=lambda one: one.version,
    )


async def migrate(connection: Connection, steps: Sequence[Migration] | None = None) -> list[str]:
    """Apply the missing migrations and return their versions. Raises OperatorError if another build made the database."""
    steps = all_migrations() if steps is None else steps
    await connection.execute(queries()["migration_lock"])
    try:
        async with connection.transaction():
            await connection.execute(queries()["versions_table"])
        missing = await pending(connection, steps)
        for step in missing:
            async with connection.transaction():
                await connection.execute(step.sql)
                await connection.execute(queries()["version_applied"], step.version, step.checksum)
        return [step.version for step in missing]
    finally:
        await connection.execute(queries()["migration_unlock"])


async def pending(connection: Connection, steps: Sequence[Migration] | None = None) -> list[Migration]:
    """The migrations not applied yet. Raises OperatorError if another build made the database."""
    steps = all_migrations() if steps is None else steps
    if not await connection.fetchval(queries()["versions_known"]):
        return list(steps)
    applied = {row["version"]: row["checksum"] for row in await connection.fetch(queries()["versions"])}
    ours = {step.version: step.checksum for step in steps}
    for version, checksum in applied.items():
        if version not in ours:
            raise OperatorError(
                "store.dsn",
                f"a database with schema {version}",
                f"schemas up to {max(ours, default='none')}",
                "it was written by a newer Stormwatch: upgrade this one, or give it another database",
            )
        if ours[version] != checksum:
            raise OperatorError(
                "store.dsn",
                f"a database whose {version} differs from ours",
                "a database migrated by this build's files",
                "it was written by another build: use that one, or give this one another database",
            )
    return [step for step in steps if step.version not in applied]
