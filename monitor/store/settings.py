"""Defines the operator's settings of the store: which server, where its files are, the bounds of batches, queue and spool."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Lengths in seconds, sizes in rows or MB (10⁶ bytes). Without `dsn` and `dsn_env` an embedded server is used."""

    dsn: str = ""
    """postgresql://user@host:5432/name; if it has a password, put it into an environment variable and name that in `dsn_env`."""
    dsn_env: str = ""
    """Name of the environment variable that holds the DSN."""
    folder: str = "~/.local/share/stormwatch"
    """Folder of the embedded server's files and of the spool."""
    batch_rows: int = 5000
    batch_s: float = 1.0
    """A batch is written when it has this many rows or is this old."""
    queue_rows: int = 200_000
    """Rows that may wait in memory; beyond it the oldest routine signals are dropped and counted."""
    spool_mb: int = 1024
    """How much may wait on disk while the server is away."""
    resume_s: float = 3600.0
    """Signals of so many seconds before the start are correlated again, so that a restart in a storm is not blind."""
    retention_days: int = 30
    """Days for which signals are stored; incidents are stored for ever."""
    connect_timeout_s: float = 5.0

    def __post_init__(self) -> None:
        if self.dsn and self.dsn_env:
            raise ValueError("either dsn or dsn_env, not both")
        if self.resume_s < 0:
            raise ValueError("resume_s of at least 0")
        for name in ("batch_rows", "batch_s", "queue_rows", "spool_mb", "retention_days", "connect_timeout_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} above 0")
