"""Decides when a watcher reads the state at the end of a run of blocks only, because its nodes are too slow to read every block.

Logs are still read of every block. No I/O; durations are arguments.
"""

from __future__ import annotations

LATE_BLOCKS = 4
"""Blocks behind the head from which on slowness counts."""
FULL = 0.8
"""Share of the time of its blocks that reading them may take."""
KEPT_BLOCKS = 64
"""Blocks for which a coarse stride is kept, so that it does not come and go."""
MAX_BLOCKS = 128
"""Blocks of one coarse run."""


class Stride:
    """Follows how long each run of blocks took. `coarse`: whether the next run is read at its end only."""

    def __init__(self, block_time_s: float) -> None:
        self._block_time_s = block_time_s
        self._kept = 0
        self.coarse = False

    def ran(self, blocks: int, took_s: float, behind: int) -> bool:
        """Record a run of `blocks` that took `took_s` and ended `behind` blocks below the head.

        Returns True if the stride becomes coarse with this run. It becomes fine again when single blocks are read in time.
        """
        slow = took_s > blocks * self._block_time_s * FULL
        if not self.coarse:
            self.coarse, self._kept = slow and behind > LATE_BLOCKS, 0
            return self.coarse
        self._kept += blocks
        if self._kept >= KEPT_BLOCKS and blocks == 1 and not slow:
            self.coarse = False
        return False
