"""Finds the networks: every module here declares one `NETWORK`, and no list names them by hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from chain.events import Address, NetworkId
from chain.registry import Registry

STALL_BLOCKS = 8
MIN_STALL_S = 10.0
SOURCIFY = "https://repo.sourcify.dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Describes one EVM network. `block_time_s`: usual seconds between blocks; `keep_blocks`: depth of reorgs that are undone.

    `sequenced`: one sequencer makes its blocks. `blooms`: every log is in its block's bloom filter. `explorer` is the URL of
    its block explorer of the Etherscan family ("" if it has none).
    """

    id: NetworkId
    chain_id: int
    block_time_s: float
    keep_blocks: int = 128
    sequenced: bool = False
    blooms: bool = True
    explorer: str = ""

    @property
    def stall_s(self) -> float:
        """Seconds without a new head after which the network counts as stalled."""
        return max(STALL_BLOCKS * self.block_time_s, MIN_STALL_S)

    def links(self, address: Address) -> tuple[str, ...]:
        """Return links to verified source of this contract: explorer and Sourcify. A network without an explorer has none."""
        if not self.explorer:
            return ()
        return f"{self.explorer}/address/{address}#code", f"{SOURCIFY}/{self.chain_id}/{address}"


_REGISTRY = Registry(__name__, __path__)


def names() -> tuple[str, ...]:
    """List the networks in this folder, sorted, without importing them."""
    return _REGISTRY.names()


@cache
def declared(name: str) -> Network:
    """Return the network of this name. Raises KeyError if there is none."""
    network = _REGISTRY.declared(name, "NETWORK", Network)
    assert network.id == name, f"chain/networks/{name}.py declares {network.id}"
    return network
