"""Declares where the daemon's web server listens, and for which host names it answers."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z0-9._:-]{1,253}")
MAX_HOSTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """The server of the board, /healthz, /readyz and /metrics. `port` 0 lets the system choose; `host` is loopback by default.

    A request whose Host header names anything but a loopback address, `host`, or one of `allowed_hosts` (names or addresses,
    without port) is refused.
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = 9464
    allowed_hosts: tuple[str, ...] = ()
    board_token_env: str = ""
    """The variable with the board's password. Without one the board is shown on loopback addresses only."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError("port must be 0 to 65535")
        if len(self.allowed_hosts) > MAX_HOSTS or not all(map(_NAME.fullmatch, self.allowed_hosts)):
            raise ValueError(f"allowed_hosts: at most {MAX_HOSTS} names or addresses, without scheme, port, path or *")
