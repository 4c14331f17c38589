"""Migrations: applied once, in order, by one process at a time, and equal to the written schema."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import asyncpg
import pytest

from monitor.errors import OperatorError
from monitor.store.migrate import Migration, all_migrations, migrate, pending
from monitor.store.postgres import PostgresStore
from monitor.store.queries import parse, queries
from monitor.store.settings import StoreSettings

_CATALOG = {
    "columns": """
        select c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid)
        from pg_attribute a
        join pg_class c on c.oid = a.attrelid
        left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where c.relnamespace = 'public'::regnamespace and a.attnum > 0 and c.relkind in ('r', 'p', 'v', 'm')
        order by 1, 2""",
    "relations": """
        select relname, relkind, pg_get_partkeydef(oid) from pg_class
        where relnamespace = 'public'::regnamespace order by 1""",
    "constraints": """
        select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
        where connamespace = 'public'::regnamespace order by 1, 2""",
    "indexes": "select tablename, indexname, indexdef from pg_indexes where schemaname = 'public' order by 1, 2",
    "routines": "select proname, prosrc from pg_proc where pronamespace = 'public'::regnamespace order by 1",
    "triggers": "select tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal order by 1",
}


async def _catalog(dsn: str) -> dict[str, list[tuple[object, ...]]]:
    connection = await asyncpg.connect(dsn)
    found = {name: [tuple(row) for row in await connection.fetch(query)] for name, query in _CATALOG.items()}
    await connection.close()
    return found


async def test_the_migrations_and_the_schema_give_the_same_database(server: str) -> None:
    connection = await asyncpg.connect(server)
    for name in ("by_steps", "at_once"):
        await connection.execute(f"drop database if exists {name}")
        await connection.execute(f"create database {name}")
    await connection.close()
    steps_dsn, once_dsn = (server.replace("/postgres?", f"/{name}?") for name in ("by_steps", "at_once"))
    steps = await asyncpg.connect(steps_dsn)
    await migrate(steps)
    await steps.close()
    once = await asyncpg.connect(once_dsn)
    await once.execute((files("monitor.store") / "schema.sql").read_text(encoding="utf-8"))
    await once.close()
    by_steps, at_once = await _catalog(steps_dsn), await _catalog(once_dsn)
    assert by_steps == at_once
    assert {row[0] for row in by_steps["columns"]} >= {
        "signals",
        "incident_changes",
        "checkpoints",
        "log_cursors",
        "writer_leases",
        "deliveries",
    }


async def test_migrations_are_applied_once(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    assert await pending(connection) == all_migrations()
    assert await migrate(connection) == [step.version for step in all_migrations()]
    assert await migrate(connection) == []
    assert await pending(connection) == []
    await connection.close()


async def test_two_programs_that_start_together_migrate_once(dsn: str) -> None:
    connections = [await asyncpg.connect(dsn) for _ in range(3)]
    applied = await asyncio.gather(*(migrate(connection) for connection in connections))
    assert sorted(map(len, applied)) == [0, 0, len(all_migrations())]
    for connection in connections:
        await connection.close()


async def test_a_failed_step_leaves_no_changes_and_can_be_repeated(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    broken = Migration(version="9999_broken", sql="create table half (x int); select * from nowhere;")
    with pytest.raises(asyncpg.UndefinedTableError):
        await migrate(connection, [*all_migrations(), broken])
    assert await connection.fetchval("select to_regclass('half') is null")
    mended = replace(broken, sql="create table whole (x int);")
    assert await migrate(connection, [*all_migrations(), mended]) == ["9999_broken"]
    await connection.close()


async def test_a_database_of_a_newer_build_is_reported(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await migrate(connection, [*all_migrations(), Migration(version="9999_newer", sql="select 1;")])
    with pytest.raises(OperatorError, match="newer Stormwatch: upgrade"):
        await migrate(connection)
    await connection.close()


async def test_a_database_of_another_build_is_reported(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await migrate(connection)
    await connection.execute("update schema_versions set checksum = 'x'")
    with pytest.raises(OperatorError, match="another build"):
        await pending(connection)
    await connection.close()


async def test_a_store_that_may_not_migrate_names_the_missing_step(settings: StoreSettings) -> None:
    store = PostgresStore(settings, {})
    with pytest.raises(OperatorError, match="stormwatch db migrate"):
        await store.open(migrate=False)
    await store.close()


async def test_an_empty_database_can_be_migrated_by_command(dsn: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from monitor.cli import main; main()", "db", "migrate"]
    env = {**os.environ, "STORMWATCH_STORE__DSN": dsn, "PYTHONPATH": str(Path(__file__).parents[3])}
    said = []
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, env=env, stdout=asyncio.subprocess.PIPE)
        output, _errors = await process.communicate()
        assert process.returncode == 0
        said.append(output.decode().splitlines())
    assert said == [["applied 0001_first", "applied 0002_log_cursors"], ["nothing to apply"]]


async def test_a_database_of_the_first_schema_keeps_its_rows(dsn: str, settings: StoreSettings) -> None:
    connection = await asyncpg.connect(dsn)
    first, *_others = all_migrations()
    await migrate(connection, [first])
    await connection.execute("insert into checkpoints (network, body, saved_at) values ('ethereum', 'x', now())")
    await connection.execute("insert into batches (run_id, number, cut_at) values ('run', 1, now())")
    await connection.close()
    store = PostgresStore(settings, {})
    assert await store.load_checkpoint("ethereum") == b"x"
    await store.close()


def test_named_queries_are_read_with_their_comments() -> None:
    assert parse("-- ours\n-- name: a\nselect 1\n\n-- name: b\n-- why\nselect 2\n") == {
        "a": "select 1",
        "b": "-- why\nselect 2",
    }
    assert "signals" in queries()


@pytest.mark.parametrize("text", ["-- name: a\nselect 1\n-- name: a\nselect 2\n", "-- name: a\n"])
def test_a_duplicate_or_empty_query_is_an_error_in_our_code(text: str) -> None:
    with pytest.raises(ValueError, match="'a'"):
        parse(text)
