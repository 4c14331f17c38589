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
# instance = "watch-1"       # this machine's name in every incident; its host name if left out
# drill = true               # everything here is a rehearsal: each page, message and incident says DRILL
# log_level = "info"         # debug, info, warning or error; like [sinks] and [[maintenance]], it is reloaded at SIGHUP

# --- what to watch: assets by ticker, with the contracts and pools that matter to each ---
[assets.BTC]

[assets.ETH]
# contracts = [{ network = "ethereum", address = "0x…", timelock = "0x…" }]
# pools = [{ network = "ethereum", address = "0x…", kind = "uniswap_v2" }]
# tokens = [{ network = "ethereum", address = "0x…" }]   # tokens whose use is counted hourly
# tokens = [{ network = "ethereum", address = "0x…", successor = "0x…", successor_ratio = 1.0 }]   # another one replaces it
# collateral = [{ network = "ethereum", address = "0x…" }]   # liquidations of it by the network's lending are counted

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
# lending = [{ protocol = "aave_v3", address = "0x…" }]   # contracts that write liquidations (docs/detection.md)
# factories = ["0x…"]                               # new pools of watched tokens that they make are told
# dollars = ["0x…"]                                 # tokens that count as a dollar: pools that pay with them are ways out
# events = [                                        # events of your own, as evidence of a leg (docs/detection.md)
#   { name = "paused", signature = "Paused(address)", addresses = ["0x…"], leg = "venue", grade = 3 },
# ]
# wallets_file = "hot-wallets.csv"                  # venue,asset,address,token,least: hot wallets of any venue
# calls_per_s = 20                                  # most calls a second to each node
# quorum = 2                                        # so many providers must have a block and agree on its logs;
#                                                   # a node's provider is its host's registrable name, or provider = "…" in it
# keep_blocks = 128                                 # the deepest reorg that can be undone
# traces = "auto"                                  # finds changes undone within a block: "auto" asks your own nodes, "on" all

# --- verified source: explorers are asked after an upgrade and by `chain inspect`, only if you choose one ---
# [explorer]
# etherscan_key_env = "ETHERSCAN_KEY"               # one key of Etherscan V2 for all chains
# sourcify = true                                   # needs no key

# --- neutral targets: when they fail together with the venues, the fault is our own network ---
[controls]
targets = { cloudflare = "https://one.one.one.one/", wikipedia = "https://www.wikipedia.org/" }

# --- your own targets: any URL or WebSocket that the desk depends on (RPC provider, bridge, custodian, front end) ---
# [targets.rpc]
# url_env = "RPC_URL"                               # or url = "https://…"; ws:// and wss:// are opened as WebSockets
# assets = ["ETH"]                                  # which depend on it; left out: all
# body = { jsonrpc = "2.0", id = 1, method = "eth_blockNumber", params = [] }   # posted as JSON; left out: a GET
# headers_env = { Authorization = "RPC_AUTH" }      # names of variables; headers_file names files, headers are plain
# statuses = [200]                                  # good ones; redirects are never followed
# conditions = [                                    # on the JSON body: path (JSONPath), exists, equals, least, most, matches
#   { path = "$.result", least = 19000000 },        # a number, or hexadecimal digits behind 0x
#   { path = "$.error", exists = false },
# ]
# latency_s = "800ms"                               # a good answer that takes longer fails too
# every_s = "10s"
# timeout_s = "5s"
# weight = 1.0                                      # how much its failure counts for the assets: 1 is as much as one venue

# --- a second count of liquidations, only if you have a key of CoinGlass's API v4 ---
# [coinglass]
# key_env = "COINGLASS_KEY"                         # or key_file = "…"; without one nothing is asked
# interval = "30m"                                  # 1m 3m 5m 15m 30m 1h 4h, as your plan allows
# exchanges = ["Binance", "Bybit"]                  # left out: the watched venues that have a liquidation feed

# --- where findings go, reloaded at SIGHUP; every sink takes min_level = watch | squall | storm-suspected | perfect-storm ---
[sinks.console]

# [sinks.webhook]
# url_env = "STORMWATCH_WEBHOOK_URL"
# secret_env = "STORMWATCH_WEBHOOK_SECRET"          # signs each message (docs/formats.md)
# min_level = "squall"
# stale_after_s = "1h"                              # older changes are told by one note an incident, and page nobody
# remind_s = "30m"                                  # an incident that is still open is sent again; 0 for never (the default)
# legs = ["migration"]                              # only these legs; so too assets = ["BTC"], venues = ["okx", "target:NAME"]
# drill = "any"                                     # rehearsals too; "never", or "only" them

# [sinks.alertmanager]
# url = "http://127.0.0.1:9093"                     # an open incident is posted again each minute and fires until it ends
# [sinks.pagerduty]
# routing_key_env = "PAGERDUTY_ROUTING_KEY"         # Events API v2: trigger, update and resolve by the incident's id
# pages_only = true
# [sinks.slack]
# url_env = "SLACK_WEBHOOK_URL"                     # an incoming webhook
# [sinks.telegram]
# token_env = "TELEGRAM_BOT_TOKEN"
# chat_id = "-100123456789"

# --- planned work: what it explains is recorded and not sent; when it ends, what is still open is told. Reloaded at SIGHUP ---
# [[maintenance]]
# start = 2026-11-24T01:00:00Z                      # times name their zone
# end = 2026-11-24T03:00:00Z                        # at most 90 days after start
# reason = "bybit upgrades its matching engine"     # said on the board, in incidents and in snapshots
# venues = ["bybit"]                                # incidents that rest on these alone; "target:NAME" too; left out: any
# assets = ["BTC"]                                  # left out: any
# legs = ["venue"]                                  # liquidation, venue, migration; left out: any

# --- the store: an embedded PostgreSQL by default, your own by DSN ---
[store]
# dsn_env = "STORMWATCH_DSN"                        # postgresql://user:password@host/name
# folder = "~/.local/share/stormwatch"              # of the local log too
# retention_days = 30
# connect_timeout_s = "5s"                          # a server that does not answer for so long is silent
# statement_timeout_s = "30s"                       # a connection whose statement takes longer is closed

# --- the local log, in store.folder: everything is in it first; the database, sinks and recordings read it ---
# [log]
# group_s = "50ms"            # above 0: the longest that an entry waits in memory to be written with others; a kill loses no more
# queue_rows = 50000          # above 0: rows that wait in memory while the disk is full; beyond, the oldest routine signals go
# max_mb = 2048               # at least 2 segments: the most on disk; beyond, routine signals go first, then whole segments
# segment_mb = 32             # above 0: a file is closed at this size; only closed files are removed
# segment_s = "15m"           # above 0: or at this age
# keep_s = "1h"               # 0 or more: how long what every reader has read is kept, for a new version to judge again
# outlet_keep_s = "7d"        # 0 or more: how long the log waits for a sink or recording that does not read it
# reserve_mb = 4              # above 0: room on disk that is kept free for incidents when the disk is full
# image_s = "1m"              # above 0: how often the correlator's state is written, from which a restart continues

# --- the bus, only for several vantages or machines: NATS JetStream (pip install 'stormwatch[nats]') ---
# [bus]
# servers = ["tls://nats-1.example:4222", "tls://nats-2.example:4222", "tls://nats-3.example:4222"]
# replicas = 3                # 1, 3 or 5 servers hold each stream
# keep_s = "1d"               # how long the bus keeps what it carries
# max_mb = 2048               # the most that the signals take on each server
# user_env = "BUS_USER"       # with password_env; or token_env, credentials_file, seed_file
# password_env = "BUS_PASSWORD"
# ca_file = "ca.pem"          # left out: the system's; certificate_file and key_file prove who we are
# silent_s = "10s"            # a vantage that was not heard for so long is reported as silent
# partitions = 1              # so many correlators share the assets; partition = 0 is the first

[telemetry]
# otlp_endpoint = "http://127.0.0.1:4318"           # traces, metrics and logs; empty: none are sent

[web]
# host = "127.0.0.1"
# port = 9464                                       # the board at /, and /healthz /readyz /metrics
# board_token_env = "STORMWATCH_BOARD_TOKEN"        # the board's password; without one it is shown on loopback only
# allowed_hosts = ["stormwatch.example"]            # further host names that requests may name

# [correlator]                                      # every parameter: `stormwatch config show`
# providers = { aws-tokyo = ["binance_usdm", "kucoin_futures"] }   # venues that fail together count once
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
