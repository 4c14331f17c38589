"""A real PostgreSQL for the store's tests: one embedded server a session, a database of its own for each test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from monitor.store.embedded import EmbeddedServer
from monitor.store.postgres import PostgresStore
from monitor.store.settings import StoreSettings

_numbers = count(1)
SOCKET = ".s.PGSQL.5432"


class SocketDoor:
    """Copies bytes both ways between a socket in `place` and the server's socket; when shut, it closes every connection.

    It may also be late with every answer, lose the answer to one statement, or cut one connection after so many bytes.
    """

    def __init__(self, place: Path, dsn: str) -> None:
        parts = urlsplit(dsn)
        self._target = Path(parse_qs(parts.query)["host"][0]) / SOCKET
        self._place = place / SOCKET
        self.dsn = (
            parts._replace(query=f"host={place}").geturl().replace("postgresql:/postgres", "postgresql:///postgres")
        )
        self.answers_late_s = 0.0
        self.loses_answer_to = b""
        """The next connection that sends this is closed when the server answers it."""
        self.cuts_after: int | None = None
        """The next connection that has sent so many bytes is closed."""
        self.asked = asyncio.Event()
        """Set whenever a statement passes."""
        self.cuts = 0
        self._server: asyncio.Server | None = None
        self._lost: set[asyncio.StreamWriter] = set()
        self._work: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_unix_server(self._greet, self._place)

    async def shut(self) -> None:
        if self._server is None:
            return
        self._server.close()
        while self._work:
            for task in self._work:
                task.cancel()
            await asyncio.gather(*self._work)
        await self._server.wait_closed()
        self._place.unlink(missing_ok=True)
        self._server = None

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._work.add(task)
        writers = [writer]
        with suppress(asyncio.CancelledError, OSError):
            far_reader, far_writer = await asyncio.open_unix_connection(self._target)
            writers.append(far_writer)
            await asyncio.gather(self._ask(reader, far_writer), self._answer(far_reader, writer, far_writer))
        for one in writers:
            one.transport.abort()
        self._work.discard(task)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = 0
        while block := await reader.read(65536):
            self.asked.set()
            sent += len(block)
            if self.cuts_after is not None and sent >= self.cuts_after:
                self.cuts_after = None
                self._cut()
            if self.loses_answer_to and self.loses_answer_to in block:
                self.loses_answer_to = b""
                self._lost.add(writer)
            writer.write(block)
            await writer.drain()
        writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: asyncio.StreamWriter
    ) -> None:
        while block := await reader.read(65536):
            if asked in self._lost:
                self._lost.discard(asked)
                self._cut()
            if self.answers_late_s:
                await asyncio.sleep(self.answers_late_s)
            writer.write(block)
            await writer.drain()
        writer.close()

    def _cut(self) -> None:
        self.cuts += 1
        raise ConnectionAbortedError


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The DSN of a server that lives as long as the session."""
    with TemporaryDirectory(prefix="stormwatch-") as folder:
        embedded = EmbeddedServer(Path(folder))
        yield embedded.start()
        embedded.stop()


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for an embedded server: as root, the server's user cannot open pytest's own folders."""
    with TemporaryDirectory(prefix="stormwatch-") as folder:
        yield Path(folder)


@pytest.fixture
async def dsn(server: str) -> str:
    """The DSN of an empty database."""
    name = f"test_{next(_numbers)}"
    connection = await asyncpg.connect(server)
    await connection.execute("alter system set fsync = off")  # its last checkpoint would sync every database
    await connection.execute("select pg_reload_conf()")
    await connection.execute(f"create database {name}")
    await connection.close()
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> StoreSettings:
    """Settings of a store on that database, with a folder of its own."""
    return StoreSettings(dsn=dsn, folder=str(tmp_path / "store"), connect_timeout_s=5.0)


@pytest.fixture
async def store(settings: StoreSettings) -> AsyncIterator[PostgresStore]:
    """An open store."""
    opened = PostgresStore(settings, {})
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def door(dsn: str, place: Path) -> AsyncIterator[SocketDoor]:
    """An open door before that database."""
    made = SocketDoor(place, dsn)
    await made.open()
    yield made
    await made.shut()
