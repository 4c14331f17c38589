"""Holds the settings file that `stormwatch config init` writes, and writes any tree of settings as TOML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

EXAMPLE = """\
# Stormwatch settings. Lengths of time are written "250ms", "5s", "2m", "1h", "7d".
# Any key can be set from the environment too: STORMWATCH_STORE__DSN sets store.dsn.
# Never write secrets here: keys ending in _env name the environment variable that holds them.

vantage = "local"            # where we probe from; appears in every signal

# --- what to watch: assets by ticker, with the contracts and pools that matter to each ---
[assets.BTC]

[assets.ETH]
# contracts = [{ network = "ethereum", address = "0x…", timelock = "0x…" }]
# pools = [{ network = "ethereum", address = "0x…", kind = "uniswap_v2" }]
# tokens = [{ network = "ethereum", address = "0x…" }]   # tokens whose use is counted hourly

# --- venues: public data only, unless you give read-only keys ---
[venues.binance_usdm]
# hosts = { rest = "https://fapi.binance.com" }   # private endpoints, by the dialect's keys
# key_env = "BINANCE_KEY"                          # signed checks (wallet status) run only with keys
# secret_env = "BINANCE_SECRET"
# every_s = { book_rest = "30s" }                  # how often a check runs
# disabled = ["long_short_ratio"]                  # checks and feeds to leave out
# wallets = [                                      # hot wallets: their outflows show if withdrawals run
#   { network = "ethereum", asset = "ETH", address = "0x…" },
#   { network = "ethereum", asset = "BTC", address = "0x…", token = "0x…", least = 100000 },
# ]

[venues.bybit]
[venues.okx]
[venues.gate]

# --- networks: your own nodes, best first; keep a URL with a key in it in the environment ---
# [networks.ethereum]
# nodes = [{ url_env = "ETHEREUM_NODE" }, { url = "http://127.0.0.1:8545" }]
# timelocks = ["0x…"]
# bridges = ["0x…"]
# wallets_file = "hot-wallets.csv"                  # venue,asset,address,token,least: hot wallets of any venue
# calls_per_s = 20                                  # most calls a second to each node
# quorum = 2                                        # so many nodes must agree on a block's logs
# keep_blocks = 128                                 # the deepest reorg that can be undone
# traces = "auto"                                  # finds changes undone within a block: "auto" asks your own nodes, "on" all

# --- verified source: explorers are asked after an upgrade and by `chain inspect`, only if you choose one ---
# [explorer]
# etherscan_key_env = "ETHERSCAN_KEY"               # one key of Etherscan V2 for all chains
# sourcify = true                                   # needs no key

# --- neutral targets: when they fail together with the venues, the fault is our own network ---
[controls]
targets = { cloudflare = "https://one.one.one.one/", wikipedia = "https://www.wikipedia.org/" }

# --- where findings go; every sink takes min_level = watch | squall | storm-suspected | perfect-storm ---
[sinks.console]

# [sinks.webhook]
# url_env = "STORMWATCH_WEBHOOK_URL"
# secret_env = "STORMWATCH_WEBHOOK_SECRET"          # signs each message (docs/formats.md)
# min_level = "squall"
# stale_after_s = "1h"                              # older changes are told by one note an incident, and page nobody

# --- the store: an embedded PostgreSQL by default, your own by DSN ---
[store]
# dsn_env = "STORMWATCH_DSN"                        # postgresql://user:password@host/name
# folder = "~/.local/share/stormwatch"              # of the local log too
# retention_days = 30
# connect_timeout_s = "5s"                          # a server that does not answer for so long is silent
# statement_timeout_s = "30s"                       # a connection whose statement takes longer is closed

[telemetry]
# otlp_endpoint = "http://127.0.0.1:4318"           # traces, metrics and logs; empty: none are sent

[web]
# host = "127.0.0.1"
# port = 9464                                       # /healthz /readyz /metrics
# allowed_hosts = ["stormwatch.example"]            # further host names that requests may name

# [correlator]                                      # every parameter: `stormwatch config show`
"""


def as_toml(tree: Mapping[str, Any]) -> str:
    """A tree of plain values as TOML: values first, then tables. None is left out, because TOML has no null."""
    return "\n".join(_table(tree, ())).strip()


def _table(tree: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    values = [
        f"{key} = {_value(value)}"
        for key, value in tree.items()
        if not isinstance(value, Mapping) and value is not None
    ]
    lines = ([f"[{'.'.join(map(_key, path))}]"] if path and (values or not tree) else []) + values
    if lines:
        lines.append("")
    for key, value in tree.items():
        if isinstance(value, Mapping):
            lines += _table(value, (*path, str(key)))
    return lines


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else json.dumps(name)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(str(key))} = {_value(one)}" for key, one in value.items() if one is not None)
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)
