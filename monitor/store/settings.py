"""Defines the operator's settings of the store: which server, where its files are, its batches, time-outs and retention."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Lengths in seconds. Without `dsn` and `dsn_env` an embedded server is used."""

    dsn: str = ""
    """postgresql://user@host:5432/name; if it has a password, put it into an environment variable and name that in `dsn_env`."""
    dsn_env: str = ""
    """Name of the environment variable that holds the DSN."""
    folder: str = "~/.local/share/stormwatch"
    """Folder of the local log, of the embedded server's files, and of rows that the server refused."""
    batch_rows: int = 5000
    """About so many rows are written in one transaction; four times as many while the database catches up."""
    retention_days: int = 30
    """Days for which signals are stored; incidents are stored for ever."""
    connect_timeout_s: float = 5.0
    """A server that does not answer a new connection for so long is silent."""
    statement_timeout_s: float = 30.0
    """A connection whose statement takes longer is closed."""

    def __post_init__(self) -> None:
        if self.dsn and self.dsn_env:
            raise ValueError("either dsn or dsn_env, not both")
        for name in ("batch_rows", "retention_days", "connect_timeout_s", "statement_timeout_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} above 0")
