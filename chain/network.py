"""The form of a network: its name, its chain id and its rhythm."""

from __future__ import annotations

from dataclasses import dataclass

from chain.events import NetworkId

STALL_BLOCKS = 8
LEAST_STALL_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One EVM network. `block_time_s` is the usual distance of two blocks; `keep_blocks` how deep a reorg may reach.

    `sequenced`: one sequencer makes its blocks. `blooms`: every log is in its block's bloom filter.
    """

    id: NetworkId
    chain_id: int
    block_time_s: float
    keep_blocks: int = 128
    sequenced: bool = False
    blooms: bool = True

    @property
    def stall_s(self) -> float:
        """Seconds without a new head after which the network counts as stalled."""
        return max(STALL_BLOCKS * self.block_time_s, LEAST_STALL_S)
