"""The servers' own settings of `ops/bus`, on three real servers: who may publish and read what, and nothing unencrypted."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import nats
import pytest

from monitor.errors import OperatorError
from monitor.log.bus import connection
from monitor.log.bus.connection import Bus, BusAway
from monitor.log.bus.settings import BusSettings
from monitor.log.bus.subjects import Kind
from tests.nats_servers import PROGRAM, free_port

OPS = Path(__file__).parents[2] / "ops" / "bus"
USERS = ("eu", "us", "asia", "correlator")
STARTS_WITHIN_S = 30.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the file of settings, beside certificates that the script of the rehearsal has made."""
    folder = tmp_path_factory.mktemp("servers")
    shutil.copy(OPS / "servers" / "nats.conf", folder)
    shutil.copy(OPS / "certificates.sh", folder)
    subprocess.run([folder / "certificates.sh"], check=True, capture_output=True, timeout=30)
    return folder


@pytest.fixture(scope="module")
def servers(folder: Path) -> Iterator[tuple[str, ...]]:
    """Three servers of the file, started as compose and Kubernetes start them; their URLs."""
    ports, routes = [free_port() for _ in range(3)], [free_port() for _ in range(3)]
    env = {**os.environ, **{f"{user.upper()}_PASSWORD": f"{user}-secret" for user in USERS}}
    running = []
    for number in range(3):
        words = [
            str(PROGRAM), "-c=nats.conf", f"-n=nats-{number}", "-a=127.0.0.1", f"-p={ports[number]}", f"-sd={folder}/{number}",
            f"-cluster=nats://127.0.0.1:{routes[number]}",
            "-routes=" + ",".join(f"nats://127.0.0.1:{one}" for one in routes),
        ]  # fmt: skip
        with (folder / f"{number}.log").open("ab") as output:
            running.append(subprocess.Popen(words, cwd=folder, env=env, stdout=output, stderr=output))
    yield tuple(f"tls://127.0.0.1:{one}" for one in ports)
    for one in running:
        one.kill()
        one.wait()


@asynccontextmanager
async def opened(servers: tuple[str, ...], folder: Path, user: str) -> AsyncIterator[Bus]:
    settings = BusSettings(
        servers=servers, replicas=3, max_mb=8, user_env="BUS_USER", password_env="BUS_PASSWORD",
        ca_file=str(folder / "tls" / "ca.crt"),
    )  # fmt: skip
    bus = Bus(settings, {"BUS_USER": user, "BUS_PASSWORD": f"{user}-secret"}, user)
    until_s = time.monotonic() + STARTS_WITHIN_S
    while True:  # the servers start, and choose who leads
        try:
            await bus.open()
            if user == "correlator":
                await bus.prepare()
            break
        except BusAway:
            assert time.monotonic() < until_s, (folder / "0.log").read_text()[-3000:]
            await asyncio.sleep(0.1)
    try:
        yield bus
    finally:
        await bus.close()


async def test_an_agent_publishes_as_itself_and_the_correlator_reads_it(servers: tuple[str, ...], folder: Path) -> None:
    async with opened(servers, folder, "correlator") as judge:
        for user in ("eu", "us", "asia"):
            async with opened(servers, folder, user) as agent:
                await agent.publish(f"stormwatch.signals.{user}._._", user, user.encode())
        cursor = await judge.cursor(Kind.SIGNALS, "judge", ["stormwatch.signals.>"], None)
        found: dict[str, bytes] = {}
        async with asyncio.timeout(10):
            while len(found) < 3:
                found |= {one.subject: one.body for one in await cursor.next()}

        await judge.publish("stormwatch.images.0.0", "image", b"an image")
        image = await judge.last(Kind.IMAGES, "stormwatch.images.0.0")
        await judge.forget(Kind.SIGNALS, "judge")

    assert found == {f"stormwatch.signals.{user}._._": user.encode() for user in ("eu", "us", "asia")}
    assert image is not None
    assert image.body == b"an image"


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("eu", "stormwatch.signals.us._._"),
        ("eu", "stormwatch.changes.0"),
        ("asia", "$JS.API.STREAM.DELETE.stormwatch-signals"),
        ("correlator", "stormwatch.signals.eu._._"),
        ("correlator", "$JS.API.STREAM.DELETE.stormwatch-signals"),
        ("correlator", "$JS.API.STREAM.PURGE.stormwatch-signals"),
    ],
)
async def test_nobody_publishes_what_is_not_theirs(
    servers: tuple[str, ...], folder: Path, user: str, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONFIRM_S", 0.3)
    async with opened(servers, folder, user) as bus:
        with pytest.raises(BusAway, match=r"(?i)permissions violation"):
            await bus.publish(subject, "forged", b"{}")


@pytest.mark.parametrize("subject", ["stormwatch.signals.>", "_INBOX.correlator.>", "_INBOX.us.>", ">"])
async def test_an_agent_reads_nothing_of_others(servers: tuple[str, ...], folder: Path, subject: str) -> None:
    refused: asyncio.Queue[str] = asyncio.Queue()

    async def noted(error: Exception) -> None:
        refused.put_nowait(str(error).lower())

    async with opened(servers, folder, "eu") as bus:
        client = await nats.connect(
            list(servers),
            user="eu",
            password="eu-secret",
            tls=bus._options["tls"],
            error_cb=noted,
            inbox_prefix="_INBOX.eu",
        )
        await client.subscribe(subject)
        said = await asyncio.wait_for(refused.get(), 10)
        await client.close()

    assert "permissions violation" in said


async def test_a_guessed_password_is_refused(servers: tuple[str, ...], folder: Path) -> None:
    async with opened(servers, folder, "eu"):
        pass  # the servers are up
    settings = BusSettings(servers=servers, user_env="U", password_env="P", ca_file=str(folder / "tls" / "ca.crt"))

    with pytest.raises(OperatorError, match="credentials"):
        await Bus(settings, {"U": "eu", "P": "us-secret"}, "eu").open()


async def test_a_connection_that_is_not_encrypted_is_refused(servers: tuple[str, ...], folder: Path) -> None:
    async with opened(servers, folder, "eu"):
        pass
    reader, writer = await asyncio.open_connection("127.0.0.1", int(servers[0].rsplit(":", 1)[1]))
    offered = await reader.readline()
    writer.write(b'CONNECT {"user": "eu", "pass": "eu-secret", "verbose": false}\r\nPING\r\n')
    said = b""
    with suppress(ConnectionError):
        said = await asyncio.wait_for(reader.read(), 10)
    writer.close()

    assert b'"tls_required":true' in offered
    assert b"PONG" not in said
