"""Declares which explorers are asked for the verified source of contracts."""

from __future__ import annotations

from dataclasses import dataclass

from chain.explorers.client import ETHERSCAN, SOURCIFY


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorerSettings:
    """Both explorers are off by default. `etherscan_key_env` names the variable that holds an Etherscan V2 key (it serves all
    chains); `calls_per_s` is what its plan allows.
    """

    etherscan_key_env: str = ""
    etherscan_url: str = ETHERSCAN
    sourcify: bool = False
    sourcify_url: str = SOURCIFY
    calls_per_s: float = 3.0

    def __post_init__(self) -> None:
        if not 0.01 <= self.calls_per_s <= 1000:
            raise ValueError("calls_per_s must be 0.01 to 1000")
