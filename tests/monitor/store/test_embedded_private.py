"""Who can reach the embedded server: its socket's folder, the rules of its accounts, and what it leaves alone."""

from __future__ import annotations

import os
import signal as signals
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from monitor.errors import OperatorError
from monitor.store import embedded_account, embedded_wheel
from monitor.store.embedded import EmbeddedServer
from tests.monitor.store.accounts import ordinary, run_as

LONG = "x" * 100
"""A name that makes the socket's path longer than the 107 bytes of unix(7)."""
TRUST = "local all all trust\nhost all all 127.0.0.1/32 trust\n"
SELECT = """
import asyncio, sys, asyncpg
async def main():
    connection = await asyncpg.connect(sys.argv[1])
    await connection.execute("create temp table stolen (line text)")
    await connection.execute("copy stolen from program 'id'")
    print(await connection.fetchval("select line from stolen"))
asyncio.run(main())
"""
START = """
import sys
from pathlib import Path
from monitor.errors import OperatorError
from monitor.store.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
try:
    print(server.start())
    import asyncio, asyncpg
    async def main():
        connection = await asyncpg.connect(sys.argv[2] if len(sys.argv) > 2 else server.start())
        print(await connection.fetchval("select 40 + 2"))
        await connection.close()
    asyncio.run(main())
    server.stop()
except OperatorError as error:
    print("OperatorError", error)
"""


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder that every user can pass through."""
    with TemporaryDirectory(prefix="stormwatch-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def socket_folder(dsn: str) -> Path:
    return Path(parse_qs(urlsplit(dsn).query)["host"][0])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("name", ["short", LONG])
def test_the_socket_lies_in_a_private_folder_of_the_servers_user_with_a_path_that_fits(
    open_place: Path, name: str
) -> None:
    server = EmbeddedServer(open_place / name)
    place = socket_folder(server.start())

    assert mode(place) == 0o700
    assert place.stat().st_uid == (open_place / name / "postgres").stat().st_uid
    assert len(os.fsencode(place / ".s.PGSQL.5432")) <= 107
    assert mode(place / ".s.PGSQL.5432") == 0o700
    server.stop()
    assert place == open_place / name / "postgres" or not place.exists()


async def test_a_connection_works_where_the_path_is_too_long_and_a_second_process_finds_it(open_place: Path) -> None:
    first, second = EmbeddedServer(open_place / LONG), EmbeddedServer(open_place / LONG)
    dsn = first.start()
    assert second.start() == dsn
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("show listen_addresses") == ""
    assert await connection.fetchval("show fsync") == "on"
    await connection.close()
    first.stop()
    second.stop()


@pytest.mark.parametrize(("length", "inside"), [(107, True), (108, False)])
def test_the_socket_lies_in_the_data_folder_as_long_as_its_path_has_at_most_107_bytes(
    open_place: Path, length: int, inside: bool
) -> None:
    rest = length - len(str(open_place / "x" / "postgres" / ".s.PGSQL.5432")) + 1
    server = EmbeddedServer(open_place / ("x" * rest))
    assert (socket_folder(server.start()) == open_place / ("x" * rest) / "postgres") is inside
    server.stop()


@pytest.mark.parametrize("name", ["two words", "a,b", 'a "quoted" name', "percent%20", "über'all", "#?&="])
async def test_a_folder_may_have_any_name(open_place: Path, name: str) -> None:
    server = EmbeddedServer(open_place / name)
    connection = await asyncpg.connect(server.start())
    assert await connection.fetchval("select 42") == 42
    await connection.close()
    server.stop()


def test_another_user_is_refused_by_the_folder_and_if_it_is_opened_by_the_server(open_place: Path) -> None:
    nobody = ordinary("nobody")
    server = EmbeddedServer(open_place / LONG)
    dsn = server.start()
    folder = socket_folder(dsn)

    assert "PermissionError" in run_as(nobody, SELECT, dsn).stderr
    folder.chmod(0o711)
    (folder / ".s.PGSQL.5432").chmod(0o777)
    refused = run_as(nobody, SELECT, dsn)
    assert "Peer authentication failed" in refused.stderr
    assert not refused.stdout
    server.stop()


async def test_a_folder_of_an_older_version_gets_the_new_rules_and_keeps_its_rows(place: Path) -> None:
    server = EmbeddedServer(place)
    connection = await asyncpg.connect(server.start())
    await connection.execute("create table kept as select 42 as answer")
    await connection.close()
    server.stop()
    rules = place / "postgres" / "pg_hba.conf"
    rules.write_text(TRUST)
    (place / "postgres").chmod(0o750)

    connection = await asyncpg.connect(server.start())
    assert await connection.fetchval("select answer from kept") == 42
    shown = await connection.fetch("select type, auth_method from pg_hba_file_rules")
    assert [tuple(row) for row in shown] == [("local", "peer")]
    assert mode(place / "postgres") == 0o700
    await connection.close()
    server.stop()
    assert "trust" not in rules.read_text()


def run_like_an_older_version(data: Path) -> subprocess.Popen[bytes]:
    """A server without a watchdog, which runs until it is stopped."""
    owner = data.stat()
    orphan = subprocess.Popen(
        [embedded_wheel.programs(data) / "postgres", "-D", data, "-h", "", "-k", data],
        stderr=subprocess.DEVNULL,
        cwd="/",
        user=owner.st_uid if os.geteuid() == 0 else None,
        group=owner.st_gid if os.geteuid() == 0 else None,
    )
    while not (data / "postmaster.pid").exists() or "ready" not in (data / "postmaster.pid").read_text():
        assert orphan.poll() is None
    return orphan


async def test_a_server_that_an_older_version_left_running_is_stopped_and_replaced(place: Path) -> None:
    server = EmbeddedServer(place)
    server.start()
    server.stop()
    data = place / "postgres"
    (data / "pg_hba.conf").write_text(TRUST)
    orphan = run_like_an_older_version(data)
    connection = await asyncpg.connect(server.start())

    assert orphan.wait(60) == 0
    assert await connection.fetchval("select count(*) from pg_hba_file_rules where auth_method = 'trust'") == 0
    await connection.close()
    server.stop()


def test_nothing_is_left_in_shared_folders_and_no_folder_above_is_changed(
    open_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = open_place / "tmp"
    shared.mkdir()
    (open_place / "above").mkdir(mode=0o711)
    monkeypatch.setenv("TMPDIR", str(shared))
    before = mode(open_place), mode(open_place / "above")
    server = EmbeddedServer(open_place / "above" / "store")
    server.start()

    assert (mode(open_place), mode(open_place / "above")) == before
    assert not list(shared.iterdir())
    server.stop()


def test_root_is_told_which_folder_the_servers_user_cannot_pass(open_place: Path) -> None:
    if os.geteuid():
        pytest.skip("only root needs another user")
    closed = open_place / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(OperatorError, match=rf"store\.folder.*pass through {closed} \(chmod o\+x\)"):
        EmbeddedServer(closed / "store").start()
    assert mode(closed) == 0o700


def test_root_opens_a_folder_for_passing_only_if_it_holds_nothing_else(open_place: Path) -> None:
    if os.geteuid():
        pytest.skip("only root needs another user")
    ours, home = open_place / "ours", open_place / "home"
    ours.mkdir(mode=0o700)
    home.mkdir(mode=0o700)
    (home / "letters").touch()
    server = EmbeddedServer(ours)
    server.start()
    server.stop()
    with pytest.raises(OperatorError, match=f"pass through {home}"):
        EmbeddedServer(home).start()

    assert mode(ours) == 0o701
    assert mode(home) == 0o700


def test_an_ordinary_user_and_a_second_one_each_have_their_server_and_may_not_use_the_others(open_place: Path) -> None:
    first, second = ordinary("nobody"), ordinary("daemon")
    for entry in (first, second):
        (open_place / entry.pw_name).mkdir()
        os.chown(open_place / entry.pw_name, entry.pw_uid, entry.pw_gid)
        done = run_as(entry, START, open_place / entry.pw_name)
        assert done.stdout.splitlines()[-1] == "42", done.stderr
        assert (open_place / entry.pw_name / "postgres").stat().st_uid == entry.pw_uid
    refused = run_as(second, START, open_place / first.pw_name)
    assert "OperatorError store.folder" in refused.stdout, refused.stderr
    assert "it belongs to nobody" in refused.stdout


def test_a_folder_that_a_user_may_not_write_is_an_error_that_names_its_owner(open_place: Path) -> None:
    refused = run_as(ordinary("nobody"), START, open_place / "store")
    assert "OperatorError store.folder" in refused.stdout, refused.stderr
    assert f"{open_place} belongs to root" in refused.stdout


def test_root_may_use_a_users_server_which_then_runs_as_that_user(open_place: Path) -> None:
    entry = ordinary("nobody")
    place = open_place / "store"
    place.mkdir()
    os.chown(place, entry.pw_uid, entry.pw_gid)
    assert run_as(entry, START, place).stdout.endswith("42\n")
    server = EmbeddedServer(place)
    dsn = server.start()

    assert int(Path("/proc", pid(place), "status").read_text().split("Uid:")[1].split()[0]) == entry.pw_uid
    joined = run_as(entry, START, place)
    assert joined.stdout == f"{dsn}\n42\n", joined.stderr
    server.stop()


def pid(place: Path) -> str:
    return (place / "postgres" / "postmaster.pid").read_text().splitlines()[0]


@pytest.mark.parametrize("swap", ["open", "link", "foreign", "gone"])
def test_a_recorded_socket_folder_is_used_again_only_if_it_is_still_private(open_place: Path, swap: str) -> None:
    server = EmbeddedServer(open_place / LONG)
    place = socket_folder(server.start())
    os.kill(int(pid(open_place / LONG)), signals.SIGKILL)  # its folder stays for its users
    while (place / ".s.PGSQL.5432").exists():
        (place / ".s.PGSQL.5432").unlink(missing_ok=True)
        (place / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
    owner = place.stat()
    place.rmdir()
    if swap == "link":
        place.symlink_to(open_place)
    elif swap != "gone":
        place.mkdir(mode=0o777 if swap == "open" else 0o700)
        place.chmod(0o777 if swap == "open" else 0o700)
        if swap == "open":
            os.chown(place, owner.st_uid, owner.st_gid)
        elif os.geteuid() == 0:
            os.chown(place, 1, 1)
    again = socket_folder(server.start())

    expected_same = swap == "gone" or (swap == "foreign" and os.geteuid() != 0)
    assert (again == place) is expected_same
    assert mode(again) == 0o700
    server.stop()
    if place.is_symlink():
        place.unlink()
    elif place.exists():
        place.rmdir()


def test_an_account_is_chosen_among_those_that_exist_and_is_never_root(tmp_path: Path) -> None:
    account = embedded_account.choose(tmp_path, tmp_path / "postgres")
    assert account.uid != 0
    assert account.other is (os.geteuid() == 0)
