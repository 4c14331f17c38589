"""Defines the operator's settings of the local log: its bounds in memory and on disk, and how long it is kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """Lengths in seconds, sizes in MB (10⁶ bytes). The log lies in the folder `log` of `store.folder`."""

    group_s: float = 0.05
    """The longest that an entry waits in memory for others to be written with it."""
    queue_rows: int = 50_000
    """Rows that may wait in memory while the disk cannot be written; beyond it the oldest routine signals are dropped."""
    max_mb: int = 2048
    """The most that the log takes on disk. Beyond it routine signals go first, oldest first, then whole segments."""
    segment_mb: int = 32
    segment_s: float = 900.0
    """A segment is closed at this size or age; only closed segments are removed."""
    keep_s: float = 3600.0
    """How long entries are kept after every reader has read them: a new version judges them again when it starts."""
    outlet_keep_s: float = 7 * 86400.0
    """How long entries are kept for a sink, a recording or telemetry that does not read them."""
    reserve_mb: int = 4
    """Room on disk that is kept for incidents when others fill the disk: a quarter of it as free pages of the newest segment (at
    most a sixteenth of `segment_mb`), behind a write-ahead log of half of it; and a file of it for a start on a full disk."""
    image_s: float = 60.0
    """How often the correlator's state is written, so that a restart continues from it."""

    def __post_init__(self) -> None:
        for name in ("group_s", "queue_rows", "max_mb", "segment_mb", "segment_s", "reserve_mb", "image_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} above 0")
        for name in ("keep_s", "outlet_keep_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} of at least 0")
        if self.max_mb < 2 * self.segment_mb:
            raise ValueError("max_mb of at least two segments")

    def gather_s(self, since_s: float) -> float:
        """How long the writing thread gathers before the next group, `since_s` after the last was begun.

        A third of `group_s` from begin to begin, for encoding and the commit take the rest; at least a tenth: behind a slow
        commit, what came meanwhile has waited already.
        """
        return max(self.group_s / 3 - since_s, self.group_s / 10)
