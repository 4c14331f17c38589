"""Declares the optional cross-check of liquidations with CoinGlass's API: off unless the operator names his key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from monitor.errors import Mistakes, OperatorError, nearest
from monitor.settings.targets import secret_of_file, secret_of_variable
from probes.rest.liquidation_totals import INTERVALS
from probes.rest.market_totals import HOST, CoinGlassAccess

EXCHANGES: Mapping[str, str] = {
    "binance_usdm": "Binance", "bitget": "Bitget", "bybit": "Bybit", "deribit": "Deribit", "gate": "Gate", "htx": "HTX",
    "kraken_futures": "Kraken", "okx": "OKX",
}  # fmt: skip
"""Our venues with a liquidation feed -> CoinGlass's names. Only watched ones are asked for, to compare like with like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinGlassSettings:
    """`key_env` or `key_file` names where the key is; it is sent as CG-API-KEY. `interval`: what the plan allows (Startup: 30m).

    `exchanges` are CoinGlass's names of the venues that are summed; left out: the watched venues that have a liquidation feed.
    """

    key_env: str = ""
    key_file: str = ""
    url: str = HOST
    interval: str = "30m"
    exchanges: tuple[str, ...] = ()
    every_s: float = 300.0
    timeout_s: float = 10.0

    @property
    def is_on(self) -> bool:
        """Whether the operator named a key."""
        return bool(self.key_env or self.key_file)


def check_coinglass(one: CoinGlassSettings, check_url: Callable[[str, str], None]) -> None:
    """Check the table; `check_url` wants an encrypted connection. All mistakes are told at once. Raises OperatorError."""
    mistakes = Mistakes()
    with mistakes:
        check_url("coinglass.url", one.url)
    with mistakes:
        if one.key_env and one.key_file:
            raise OperatorError("coinglass.key_file", one.key_file, "either key_env or key_file", "take one out")
    with mistakes:
        if one.interval not in INTERVALS:
            known = list(INTERVALS)
            raise OperatorError("coinglass.interval", one.interval, ", ".join(known), nearest(one.interval, known))
    for name in one.exchanges:
        with mistakes:
            if not name.isalnum() or not name.isascii():
                raise OperatorError("coinglass.exchanges", name, "names such as Binance", "correct it")
    with mistakes:
        if one.every_s < 60:
            raise OperatorError("coinglass.every_s", one.every_s, "60 s or more", "raise it")
    with mistakes:
        if not 0 < one.timeout_s <= 60:
            raise OperatorError("coinglass.timeout_s", one.timeout_s, "above 0, at most 60 s", "correct it")
    mistakes.tell()


def coinglass_access(one: CoinGlassSettings, venues: Collection[str], env: Mapping[str, str]) -> CoinGlassAccess | None:
    """The access with its key, None if the check is off. `venues` are those that are watched. Raises OperatorError."""
    if not one.is_on:
        return None
    exchanges = one.exchanges or tuple(sorted(EXCHANGES[name] for name in venues if name in EXCHANGES))
    if not exchanges:
        raise OperatorError(
            "coinglass",
            "no venue with a liquidation feed",
            ", ".join(EXCHANGES),
            "add one to [venues], or name exchanges",
        )
    key = (
        secret_of_variable("coinglass.key_env", one.key_env, env)
        if one.key_env
        else secret_of_file("coinglass.key_file", one.key_file)
    )
    return CoinGlassAccess(
        key=key, url=one.url, interval=one.interval, exchanges=exchanges, every_s=one.every_s, timeout_s=one.timeout_s
    )
