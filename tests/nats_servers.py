"""Real NATS servers on loopback, one process each, with JetStream on a folder of the test's own."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from monitor.log.bus.settings import BusSettings

PROGRAM = Path(sys.executable).with_name("nats-server")
STARTS_WITHIN_S = 20.0


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass
class NatsServer:
    """One server. It can be killed and started again on the same port and folder."""

    folder: Path
    config: str = ""
    name: str = "one"
    scheme: str = "nats"
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def settings(self, **given: object) -> BusSettings:
        return BusSettings(servers=(self.url,), **{"max_mb": 64, **given})  # type: ignore[arg-type]

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "nats.conf"
        path.write_text(
            f'listen: "127.0.0.1:{self.port}"\nserver_name: "{self.name}"\n'
            f'jetstream {{ store_dir: "{self.folder / "store"}", max_file_store: 4GB }}\n{self.config}'
        )
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen([str(PROGRAM), "-c", str(path)], stdout=log, stderr=log)
        log.close()
        self.wait()

    def wait(self) -> None:
        """Until it listens."""
        until = time.monotonic() + STARTS_WITHIN_S
        while True:
            assert self.process is not None
            assert self.process.poll() is None, (self.folder / "log").read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            except OSError:
                assert time.monotonic() < until, (self.folder / "log").read_text()
                time.sleep(0.01)
            else:
                return

    def kill(self) -> None:
        """As a power failure would end it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self) -> None:
        """It answers nothing any more, and its connections stay open."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def nats_server(folder: Path, config: str = "", scheme: str = "nats") -> Iterator[NatsServer]:
    server = NatsServer(folder, config, scheme=scheme)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _urls(ports: Sequence[int]) -> str:
    return ", ".join(f'"nats://127.0.0.1:{one}"' for one in ports)


@contextmanager
def nats_cluster(folder: Path, size: int = 3, config: str = "") -> Iterator[Sequence[NatsServer]]:
    """Servers that hold streams together: a stream with three replicas outlives one of them."""
    routes = [free_port() for _ in range(size)]
    servers = [
        NatsServer(
            folder / f"n{number}",
            f'cluster {{ name: "test", listen: "127.0.0.1:{routes[number]}", routes: [{_urls(routes)}] }}\n{config}',
            name=f"n{number}",
        )
        for number in range(size)
    ]
    with ExitStack() as running:
        for server in servers:
            running.callback(server.kill)
            server.start()
        yield servers
