"""Defines the operator's settings of the bus: its servers, who we are to them, and how long they keep what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

SCHEMES = ("nats", "tls", "ws", "wss")
MAX_REPLICAS = 5
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
MAX_PARTITIONS = 64
MAX_VANTAGES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class BusSettings:
    """NATS JetStream. Lengths in seconds, sizes in MB (10⁶ bytes). Without `servers` there is no bus."""

    servers: tuple[str, ...] = ()
    """URLs without user names: "nats://127.0.0.1:4222", or "tls://…" for an encrypted connection."""
    name: str = "stormwatch"
    """Begins the names of the streams and their subjects: two installations on one bus need two names."""
    replicas: int = 1
    """Servers that hold each stream: 1, 3 or 5. With 3 the bus outlives one server."""
    keep_s: float = 86400.0
    """How long the bus keeps signals, changes and deliveries: a correlator that was away for less loses nothing."""
    max_mb: int = 2048
    """The most that the signals take on each server; beyond it the oldest go first."""
    duplicate_s: float = 120.0
    """How long the servers remember the ids of messages. A reader recognises what was sent twice after that."""
    silent_s: float = 10.0
    """A vantage that was not heard for so long is reported as silent; one whose clock is so far ahead of ours is refused."""
    vantages: tuple[str, ...] = ()
    """The vantages whose agents a correlator judges together; left out: the one of its own settings."""
    partitions: int = 1
    partition: int = 0
    """A correlator judges the assets of one partition of so many; venues, controls and networks go to all."""
    user_env: str = ""
    password_env: str = ""
    token_env: str = ""
    """Names of environment variables."""
    credentials_file: str = ""
    """A NATS credentials file (JWT and seed), as `nsc` writes it."""
    seed_file: str = ""
    """A file that holds an NKey seed."""
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    """TLS: the authority that signed the servers' certificates (left out: the system's), our certificate and its key."""

    def __post_init__(self) -> None:
        for server in self.servers:
            if not _is_server(server):
                raise ValueError(
                    f"servers as {' or '.join(f'{one}://HOST:PORT' for one in SCHEMES)} without user or password"
                )
        if not _NAME.fullmatch(self.name):
            raise ValueError("name of at most 32 letters, digits, _ and -")
        if self.replicas not in (1, 3, MAX_REPLICAS):
            raise ValueError("replicas of 1, 3 or 5")
        for name in ("keep_s", "max_mb", "duplicate_s", "silent_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} above 0")
        if self.duplicate_s > self.keep_s:
            raise ValueError("duplicate_s of at most keep_s")
        if not 1 <= self.partitions <= MAX_PARTITIONS:
            raise ValueError(f"partitions of 1 to {MAX_PARTITIONS}")
        if not 0 <= self.partition < self.partitions:
            raise ValueError("partition from 0 to partitions - 1")
        if len(set(self.vantages)) < len(self.vantages) or not all(one.strip() for one in self.vantages):
            raise ValueError("vantages by name, each once")
        if len(self.vantages) > MAX_VANTAGES:
            raise ValueError(f"at most {MAX_VANTAGES} vantages")
        self._check_identity()

    def _check_identity(self) -> None:
        if bool(self.user_env) != bool(self.password_env):
            raise ValueError("user_env and password_env together")
        if bool(self.certificate_file) != bool(self.key_file):
            raise ValueError("certificate_file and key_file together")
        ways = [self.user_env, self.token_env, self.credentials_file, self.seed_file]
        if sum(map(bool, ways)) > 1:
            raise ValueError("one of user_env, token_env, credentials_file and seed_file")


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return False
