"""The bus on a real NATS server: ids, cursors, acknowledgement, and what an operator is told who configured it wrongly."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from monitor.errors import OperatorError
from monitor.log.bus import connection
from monitor.log.bus.connection import Bus, BusAway, Cursor, Message
from monitor.log.bus.settings import BusSettings
from monitor.log.bus.subjects import Kind
from tests.nats_servers import NatsServer, free_port, nats_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with nats_server(tmp_path_factory.mktemp("nats")) as one:
        yield one


@pytest.fixture
def name() -> str:
    """Streams of each test's own on the file's one server."""
    return f"t{uuid4().hex[:12]}"


@asynccontextmanager
async def opened(settings: BusSettings, *, prepared: bool = True) -> AsyncIterator[Bus]:
    bus = Bus(settings, {}, "test")
    await bus.open()
    try:
        if prepared:
            await bus.prepare()
        yield bus
    finally:
        await bus.close()


async def read(cursor: Cursor, count: int) -> list[Message]:
    found: list[Message] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            found += await cursor.next()
    return found


async def test_a_message_with_an_id_that_the_stream_has_is_stored_once(server: NatsServer, name: str) -> None:
    async with opened(server.settings(name=name)) as bus:
        first = await bus.publish(f"{name}.signals.eu._._", "log:1:0", b"one")
        again = await bus.publish(f"{name}.signals.eu._._", "log:1:0", b"one")
        second = await bus.publish(f"{name}.signals.eu._._", "log:2:0", b"two")

        cursor = await bus.cursor(Kind.SIGNALS, "judge", [f"{name}.signals.>"], None)
        bodies = [one.body for one in await read(cursor, 2)]

    assert (first, again, second) == (1, 1, 2)
    assert bodies == [b"one", b"two"]


async def test_a_reader_that_died_is_given_what_it_had_not_taken_before_what_is_new(
    server: NatsServer, name: str
) -> None:
    subject = f"{name}.signals.eu.BTC.okx"
    async with opened(server.settings(name=name)) as bus:
        for number in range(6):
            await bus.publish(subject, str(number), b"%d" % number)
        cursor = await bus.cursor(Kind.SIGNALS, "judge", [f"{name}.signals.>"], None)
        seen = await read(cursor, 6)
        await cursor.acknowledge(seen[1])
    async with opened(server.settings(name=name), prepared=False) as bus:
        await bus.forget(Kind.SIGNALS, "another")  # a cursor that is not there is no fault
        again = await bus.cursor(Kind.SIGNALS, "judge", [f"{name}.signals.>"], seen[3].sequence)
        await bus.publish(subject, "6", b"6")
        rest = await read(again, 3)

    assert [one.body for one in seen] == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert [one.sequence for one in seen] == [1, 2, 3, 4, 5, 6]
    assert [one.body for one in rest] == [b"4", b"5", b"6"]


async def test_what_the_servers_gave_and_nobody_got_is_read_again_in_order(server: NatsServer, name: str) -> None:
    """As when a connection is lost with messages under way: another reader of the same name gets some of them."""
    settings = server.settings(name=name)
    async with opened(settings) as bus, opened(settings, prepared=False) as other:
        cursor = await bus.cursor(Kind.SIGNALS, "judge", [f"{name}.signals.>"], None)
        for number in range(9):
            await bus.publish(f"{name}.signals.eu.BTC.okx", str(number), b"%d" % number)
        seen = [await cursor.next(3)]
        lost = await other.stream.pull_subscribe_bind("judge", f"{name}-signals")
        await lost.fetch(3)
        while sum(map(len, seen)) < 9:
            seen.append(await cursor.next(3))

    assert [one.body for some in seen for one in some] == [b"%d" % number for number in range(9)]


async def test_a_new_cursor_begins_behind_a_sequence(server: NatsServer, name: str) -> None:
    async with opened(server.settings(name=name)) as bus:
        for number in range(4):
            await bus.publish(f"{name}.signals.eu.BTC.okx", str(number), b"%d" % number)
        cursor = await bus.cursor(Kind.SIGNALS, "judge", [f"{name}.signals.>"], 2)
        seen = await read(cursor, 2)

    assert [one.body for one in seen] == [b"2", b"3"]


async def test_a_cursor_reads_the_subjects_that_it_names(server: NatsServer, name: str) -> None:
    async with opened(server.settings(name=name)) as bus:
        for number, asset in enumerate(("BTC", "ETH", "_")):
            await bus.publish(f"{name}.signals.eu.{asset}.okx", str(number), asset.encode())
        subjects = [f"{name}.signals.*.BTC.*", f"{name}.signals.*._.*"]
        cursor = await bus.cursor(Kind.SIGNALS, "judge", subjects, None)
        seen = await read(cursor, 2)

    assert [one.body for one in seen] == [b"BTC", b"_"]


async def test_only_the_last_image_of_a_partition_is_kept(server: NatsServer, name: str) -> None:
    async with opened(server.settings(name=name)) as bus:
        assert await bus.last(Kind.IMAGES, f"{name}.images.0") is None
        await bus.publish(f"{name}.images.0", "a", b"old", {"Stormwatch-Sequence": "7"})
        await bus.publish(f"{name}.images.0", "b", b"new", {"Stormwatch-Sequence": "9"})
        last = await bus.last(Kind.IMAGES, f"{name}.images.0")

    assert last is not None
    assert (last.body, last.headers["Stormwatch-Sequence"]) == (b"new", "9")


async def test_streams_follow_the_settings_of_the_next_start(server: NatsServer, name: str) -> None:
    async with opened(server.settings(name=name, keep_s=3600.0)):
        pass
    async with opened(server.settings(name=name, keep_s=7200.0)) as bus:
        info = await bus.stream.stream_info(f"{name}-signals")

    assert info.config.max_age == 7200.0


async def test_more_replicas_than_servers_is_the_operators_mistake(server: NatsServer, name: str) -> None:
    with pytest.raises(OperatorError, match="settings that the servers can follow"):
        async with opened(server.settings(name=name, replicas=3)):
            pass


async def test_more_room_than_the_servers_have_is_the_operators_mistake(server: NatsServer, name: str) -> None:
    with pytest.raises(OperatorError, match="storage"):
        async with opened(server.settings(name=name, max_mb=1_000_000)):
            pass


async def test_publishing_where_there_is_no_stream_is_a_bus_that_is_away(server: NatsServer, name: str) -> None:
    async with opened(server.settings(name=name), prepared=False) as bus:
        with pytest.raises(BusAway):
            await bus.publish(f"{name}.signals.eu._._", "1", b"")


async def test_no_server_is_a_bus_that_is_away() -> None:
    bus = Bus(BusSettings(servers=(f"nats://127.0.0.1:{free_port()}",)), {}, "test")

    with pytest.raises(BusAway):
        await bus.open()
    assert not bus.connected


async def test_the_second_server_is_asked_when_the_first_is_away(server: NatsServer) -> None:
    bus = Bus(BusSettings(servers=(f"nats://127.0.0.1:{free_port()}", server.url)), {}, "test")
    await bus.open()

    assert bus.connected
    await bus.close()


ACCOUNTS = """
authorization {
  users = [
    { user: judge, password: judging }
    { user: eu, password: watching, permissions: {
        publish: ["stormwatch.signals.eu.>"], subscribe: ["_INBOX.eu.>"] } }
  ]
}
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with nats_server(tmp_path_factory.mktemp("guarded"), ACCOUNTS) as one:
        yield one


def as_user(server: NatsServer, user: str, password: str) -> Bus:
    settings = server.settings(user_env="BUS_USER", password_env="BUS_PASSWORD")
    return Bus(settings, {"BUS_USER": user, "BUS_PASSWORD": password}, user)


async def test_wrong_credentials_are_the_operators_mistake_and_are_not_shown(guarded: NatsServer) -> None:
    with pytest.raises(OperatorError) as wrong:
        await as_user(guarded, "eu", "guessed-secret").open()

    assert "credentials" in str(wrong.value)
    assert "guessed-secret" not in str(wrong.value)


async def test_an_agent_can_publish_only_as_itself(guarded: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONFIRM_S", 0.5)
    judge, agent = as_user(guarded, "judge", "judging"), as_user(guarded, "eu", "watching")
    await judge.open()
    await judge.prepare()
    await agent.open()
    own = await agent.publish("stormwatch.signals.eu._._", "1", b"mine")
    with pytest.raises(BusAway):
        await asyncio.wait_for(agent.publish("stormwatch.signals.us._._", "2", b"not mine"), 20)
    info = await judge.stream.stream_info("stormwatch-signals")
    await agent.close()
    await judge.close()

    assert own == 1
    assert info.state.messages == 1
    assert "permissions violation" in agent.why.lower()


def test_a_variable_that_is_not_set_is_the_operators_mistake() -> None:
    settings = BusSettings(servers=("nats://127.0.0.1:4222",), user_env="BUS_USER", password_env="BUS_PASSWORD")

    with pytest.raises(OperatorError, match="BUS_PASSWORD"):
        Bus(settings, {"BUS_USER": "eu"}, "test")


@pytest.mark.parametrize("key", ["ca_file", "credentials_file", "seed_file"])
def test_a_file_that_is_not_there_is_the_operators_mistake(key: str, tmp_path: Path) -> None:
    settings = BusSettings(servers=("tls://127.0.0.1:4222",), **{key: str(tmp_path / "none")})  # type: ignore[arg-type]

    with pytest.raises(OperatorError, match=f"bus.{key}.*No such file"):
        Bus(settings, {}, "test")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    for common_name in ("server", "stranger"):
        subprocess.run(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-keyout", str(folder / f"{common_name}.key"), "-out", str(folder / f"{common_name}.crt"),
                "-subj", f"/CN={common_name}", "-addext", "subjectAltName=IP:127.0.0.1",
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def encrypted(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    tls = f'tls {{ cert_file: "{certificates}/server.crt", key_file: "{certificates}/server.key" }}\n'
    with nats_server(tmp_path_factory.mktemp("encrypted"), tls, scheme="tls") as one:
        yield one


async def test_a_server_of_the_named_authority_is_trusted(encrypted: NatsServer, certificates: Path) -> None:
    async with opened(encrypted.settings(ca_file=str(certificates / "server.crt"))) as bus:
        assert await bus.publish("stormwatch.signals.eu._._", "1", b"") == 1


async def test_a_server_of_another_authority_is_refused(encrypted: NatsServer, certificates: Path) -> None:
    bus = Bus(encrypted.settings(ca_file=str(certificates / "stranger.crt")), {}, "test")

    with pytest.raises(OperatorError, match=r"bus\.ca_file"):
        await bus.open()


def test_a_file_that_holds_no_certificate_is_the_operators_mistake(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing of the kind")
    settings = BusSettings(servers=("tls://127.0.0.1:4222",), ca_file=str(tmp_path / "ca.pem"))

    with pytest.raises(OperatorError, match=r"bus\.ca_file"):
        Bus(settings, {}, "test")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"servers": ("http://127.0.0.1",)}, "servers as nats"),
        ({"servers": ("nats://user:secret@127.0.0.1",)}, "without user or password"),
        ({"servers": ("nats://127.0.0.1:port",)}, "servers as nats"),
        ({"name": "two words"}, "name of"),
        ({"replicas": 2}, "replicas"),
        ({"keep_s": 0.0}, "keep_s above 0"),
        ({"duplicate_s": 200.0, "keep_s": 100.0}, "duplicate_s"),
        ({"partitions": 0}, "partitions"),
        ({"vantages": ("eu", "eu")}, "each once"),
        ({"vantages": (" ",)}, "vantages by name"),
        ({"vantages": tuple(map(str, range(17)))}, "at most 16"),
        ({"partitions": 2, "partition": 2}, "partition from 0"),
        ({"user_env": "A"}, "user_env and password_env"),
        ({"certificate_file": "a"}, "certificate_file and key_file"),
        ({"token_env": "A", "seed_file": "b"}, "one of"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_words(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        BusSettings(**given)  # type: ignore[arg-type]
