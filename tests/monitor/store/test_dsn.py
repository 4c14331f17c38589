"""The error message when the store cannot be opened: the key, the DSN without its password, the remedy."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from monitor.errors import OperatorError
from monitor.settings.reader import read
from monitor.store import dsn as dsns
from monitor.store.postgres import PostgresStore
from monitor.store.settings import StoreSettings

SECRET = "hunter2"


async def _error_of(settings: StoreSettings, env: dict[str, str] | None = None) -> str:
    with pytest.raises(OperatorError) as caught:
        await PostgresStore(settings, env or {}).open()
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)
    assert SECRET not in repr(caught.value.__cause__)
    return str(caught.value)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


async def test_an_unreachable_server_is_reported_with_the_remedy() -> None:
    port = _free_port()
    error = await _error_of(StoreSettings(dsn=f"postgresql://desk:{SECRET}@127.0.0.1:{port}/storm"))
    assert error.startswith(f"store.dsn: 'postgresql://desk@127.0.0.1:{port}/storm' is not usable")
    assert "start it" in error
    assert "embedded server" in error


async def test_a_server_that_never_answers_is_reported_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings = StoreSettings(dsn=f"postgresql://desk:{SECRET}@127.0.0.1:{port}/storm", connect_timeout_s=0.2)
        assert "no answer in 0.2 s" in await _error_of(settings)


async def test_a_password_in_the_environment_is_never_shown() -> None:
    env = {"DESK_DSN": f"postgresql://desk:{SECRET}@127.0.0.1:{_free_port()}/storm?password={SECRET}"}
    assert "desk@127.0.0.1" in await _error_of(StoreSettings(dsn_env="DESK_DSN"), env)


@pytest.fixture
async def guarded(server: str) -> AsyncIterator[str]:
    """The DSN of a role that needs a password, which is not in it."""
    admin = await asyncpg.connect(server)
    file = await admin.fetchval("show hba_file")
    before = _guard(file, "local all guarded scram-sha-256\n")
    await admin.execute("drop role if exists guarded")
    await admin.execute("create role guarded login password 'right'")
    await admin.execute("select pg_reload_conf()")
    yield server.replace("postgres:@", f"guarded:{SECRET}@")
    _guard(file, "", before)
    await admin.execute("select pg_reload_conf()")
    await admin.close()


def _guard(file: str, line: str, rest: str | None = None) -> str:
    path = Path(file)
    before = path.read_text()
    path.write_text(line + (before if rest is None else rest))
    return before


async def test_a_refused_password_is_reported(guarded: str) -> None:
    assert "user or password" in await _error_of(StoreSettings(dsn=guarded))


async def test_a_missing_database_is_reported(server: str) -> None:
    assert "create it" in await _error_of(StoreSettings(dsn=server.replace("/postgres?", "/nowhere?")))


@pytest.mark.parametrize("given", [f"mysql://desk:{SECRET}@host/x", f"host=db password={SECRET}", "postgresql://h:x/y"])
async def test_an_invalid_dsn_is_reported(given: str) -> None:
    assert "postgresql://user@host:5432/stormwatch" in await _error_of(StoreSettings(dsn=given))


async def test_an_unset_variable_is_reported() -> None:
    assert (await _error_of(StoreSettings(dsn_env="DESK_DSN"))).startswith("store.dsn_env: 'DESK_DSN'")


def test_the_embedded_server_needs_no_dsn() -> None:
    assert dsns.find(StoreSettings(), {}) is None


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("postgresql://u:p@h:1/d?password=p&sslmode=require", "postgresql://u@h:1/d"),
        ("postgres://h/d", "postgres://h/d"),
        ("postgresql://u:p@/d?host=/run/postgresql", "postgresql://u@/run/postgresql/d"),
        ("postgresql://u:p@[::1]:5432/d", "postgresql://u@[::1]:5432/d"),
        ("postgresql://u:p@a@h:1/d", "postgresql://u@h:1/d"),
        ("nonsense", "(not a DSN)"),
    ],
)
def test_a_dsn_is_shown_without_its_password(given: str, shown: str) -> None:
    assert dsns.redacted_dsn(given) == shown


@pytest.mark.parametrize(
    "tree", [{"dsn": "x", "dsn_env": "Y"}, {"batch_rows": 0}, {"retention_days": -1}, {"connect_timeout_s": 0}]
)
def test_invalid_settings_are_errors(tree: dict[str, object]) -> None:
    with pytest.raises(OperatorError, match=r"store"):
        read(StoreSettings, tree, "store")
