"""Holds the settings files that `stormwatch config init` writes: one with every key, and one with only what a first run needs.

A line that begins with "# key =" shows a key with its default, or with an example where the comment says so.
"""

from __future__ import annotations

MINIMAL = """\
# Stormwatch settings: what a first run needs. `stormwatch config init --out all.toml` shows every key.

[assets.BTC]
[assets.ETH]

# Public data only: no key is needed. `stormwatch venues` lists all of them.
[venues.binance_usdm]
[venues.bybit]
[venues.okx]
[venues.gate]

# Neutral targets: when they fail together with the venues, the fault is our own network.
[controls]
targets = { cloudflare = "https://one.one.one.one/", wikipedia = "https://www.wikipedia.org/" }

# Findings go to this screen. For a page, see `stormwatch config init`: webhook, alertmanager, pagerduty, slack, telegram.
[sinks.console]
"""

_WATCHED = """\
# Stormwatch settings. Lengths of time are written "250ms", "5s", "2m", "1h", "7d".
# Any key can be set from the environment too: STORMWATCH_STORE__DSN sets store.dsn.
# Never write secrets here: keys ending in _env name the environment variable that holds them, keys ending in _file the file.
# "# key = value" shows the default, or an example where the comment gives the default.

vantage = "local"                 # where we probe from; it is in every signal
# instance = "watch-1"            # this machine's name in every incident; default: its host name
# drill = false                   # true: everything here is a rehearsal, and each page, message and incident says DRILL
# log_level = "info"              # debug, info, warning or error; like [sinks] and [[maintenance]], it is reloaded at SIGHUP

# --- what to watch: assets by ticker, with the contracts and pools that matter to each ---
[assets.BTC]

[assets.ETH]
# contracts = [                   # default: none. Their code is watched; timelock is the one that may upgrade them, if known
#   { network = "ethereum", address = "0x…", timelock = "0x…" },
# ]
# pools = [                       # default: none. Their liquidity is watched; kind is "uniswap_v2" if left out
#   { network = "ethereum", address = "0x…", kind = "uniswap_v2" },   # the keys below: only what a pool cannot say itself
#   { network = "ethereum", address = "0x…", token0 = "0x…", token1 = "0x…" },    # its two tokens
#   { network = "ethereum", address = "0x…", manager = "0x…", positions = "0x…" },   # who holds it, and its NFTs' contract
#   { network = "ethereum", address = "0x…", tick_spacing = 60, fee_ppm = 3000 },   # ticks, and millionths of a swap
# ]
# tokens = [                      # default: none. Their use is counted hourly; a successor takes a token's place, and
#   { network = "ethereum", address = "0x…", successor = "0x…", successor_ratio = 1.0 },   # the ratio is its units for one
# ]
# collateral = [                  # default: none. Liquidations of it by the network's lending are counted; decimals is for
#   { network = "ethereum", address = "0x…", decimals = 18 },   # an amount whose token does not state its own
# ]

# --- venues: public data only, unless you give read-only keys ---
[venues.binance_usdm]
# enabled = true                  # false: not watched, and the table stays
# hosts = { rest = "https://fapi.binance.com" }   # private endpoints, by the dialect's keys; default: the venue's public hosts
# assets = ["BTC"]                # which are watched here; default: all
# instruments = ["BTCUSDC"]       # further symbols of the venue; default: a spot and a perpetual of each asset
# disabled = ["long_short_ratio"] # checks and feeds to leave out; default: none
# every_s = { book_rest = "30s" } # how often a check runs; default: the venue's own pace, within its limits
# timeout_s = "5s"                # when a request counts as unanswered; default: by check
# interval_scale = 1.0            # multiplies the times between all checks: 2 asks half as often
# key_env = "BINANCE_KEY"         # default: none. Signed checks (wallet status) run only with a read-only key
# secret_env = "BINANCE_SECRET"   # default: none. The key's secret
# passphrase_env = "OKX_PASS"     # default: none. Only for venues whose keys have one (okx, kucoin, bitget)
# ca_file = "ca.pem"              # certificates in PEM, for hosts behind your own proxy; default: the system's
# wallets = [                     # default: none. Hot wallets: their outflows show if withdrawals run
#   { network = "ethereum", asset = "ETH", address = "0x…" },
#   { network = "ethereum", asset = "BTC", address = "0x…", token = "0x…", least = 100000 },   # least: smallest units; 0
# ]

[venues.bybit]
[venues.okx]
[venues.gate]

# --- networks: your own nodes, best first; keep a URL with a key in it in the environment ---
# [networks.ethereum]
# nodes = [                       # at least one; default: none
#   { url_env = "ETHEREUM_NODE", provider = "alchemy" },   # nodes of one provider are one voice; default: the host's name
#   { url = "http://127.0.0.1:8545" },
# ]
# enabled = true                  # false: not watched, and the table stays
# timelocks = ["0x…"]             # default: none. Timelocks whose queues are watched
# bridges = ["0x…"]               # default: none. Bridges: what goes to them leaves the network
# lending = [                     # default: none. Contracts that write liquidations (docs/detection.md)
#   { protocol = "aave_v3", address = "0x…" },
# ]
# factories = ["0x…"]             # default: none. New pools of watched tokens that they make are reported
# dollars = ["0x…"]               # default: none. Tokens that count as a dollar: pools that pay with them are ways out
# events = [                      # default: none. Events of your own, as evidence of a leg (docs/detection.md)
#   { name = "paused", signature = "Paused(address account)", addresses = ["0x…"], leg = "venue", grade = 3, assets = ["ETH"] },
#   { name = "large", signature = "Out(address to, uint256 amount)", addresses = ["0x…"], leg = "venue", where = [
#     { argument = "amount", above = "1e21", below = "1e24" },
#     { argument = "to", equals = "0x…" },
#   ] },
# ]
# wallets_file = "hot-wallets.csv"   # venue,asset,address,token,least: hot wallets of any venue; default: none
# poll_interval_s = "6s"          # how often a node is asked for its head; default: half of the network's time between blocks
# start_block = 19000000          # where a first run begins; default: at the head
# quorum = 2                      # providers that must have a block and agree on its logs, if there are so many
# calls_per_s = 20.0              # the most calls a second to each node; default: no limit
# timeout_s = "10s"               # when a call counts as unanswered
# keep_blocks = 128               # blocks; the deepest reorg that can be undone
# traces = "auto"                 # finds changes undone within a block: "auto" asks your own nodes, "on" all, "off" none

# --- verified source: explorers are asked after an upgrade and by `chain inspect`, only if you choose one ---
# [explorer]
# etherscan_key_env = "ETHERSCAN_KEY"   # default: none. One key of Etherscan V2 for all chains
# etherscan_url = "https://api.etherscan.io/v2/api"   # another only behind a proxy of your own
# sourcify = false                # true asks Sourcify, which needs no key
# sourcify_url = "https://sourcify.dev/server"   # another only for a copy of your own
# calls_per_s = 3.0               # calls a second to each

# --- neutral targets: when they fail together with the venues, the fault is our own network ---
[controls]
targets = { cloudflare = "https://one.one.one.one/", wikipedia = "https://www.wikipedia.org/" }
# every_s = "5s"                  # how often each is asked: a fault of ours shows within two rounds
# timeout_s = "3s"                # when one counts as unanswered

# --- your own targets: any URL or WebSocket that the desk depends on (RPC provider, bridge, custodian, front end) ---
# [targets.rpc]
# url_env = "RPC_URL"             # default: none. A URL with a key in it; ws:// and wss:// are opened as WebSockets
# enabled = true                  # false: not asked, and the table stays
# assets = ["ETH"]                # which depend on it; default: all
# weight = 1.0                    # how much its failure counts for the assets: 1 is as much as one venue
# body = { jsonrpc = "2.0", id = 1, method = "eth_blockNumber", params = [] }   # posted as JSON; default: none, a GET
# headers = { X-Client = "desk" } # default: none. In the clear
# headers_env = { Authorization = "RPC_AUTH" }   # default: none. Names of variables
# headers_file = { X-Token = "token.txt" }   # default: none. Names of files
# statuses = [200]                # good ones; redirects are never followed
# conditions = [                  # default: none. On the JSON body: path (JSONPath), and what the value there must be
#   { path = "$.result", least = 19000000, most = 99000000 },   # numbers, or hexadecimal digits behind 0x
#   { path = "$.jsonrpc", equals = "2.0", matches = "2.*" },   # a value, or a pattern for the whole text
#   { path = "$.error", exists = false },
# ]
# latency_s = "800ms"             # a good answer that takes longer fails too; default: no limit but timeout_s
# every_s = "10s"                 # how often it is asked
# timeout_s = "5s"                # when it counts as unanswered
# max_bytes = 262144              # bytes of an answer; a longer one fails
# ca_file = "ca.pem"              # certificates in PEM; default: the system's
# [targets.site]
# url = "https://desk.example/"   # a URL without a secret; default: none, either this or url_env

# --- a second count of liquidations, only if you have a key of CoinGlass's API v4 ---
# [coinglass]
# key_env = "COINGLASS_KEY"       # default: none, and nothing is asked
# url = "https://open-api-v4.coinglass.com"   # another only behind a proxy of your own
# interval = "30m"                # 1m 3m 5m 15m 30m 1h 4h, as your plan allows
# exchanges = ["Binance", "Bybit"]   # default: the watched venues that have a liquidation feed
# every_s = "5m"                  # how often it is asked
# timeout_s = "10s"               # when it counts as unanswered
# key_file = ""                   # instead of key_env: the file that holds the key
"""

_SINKS = """
# --- where findings go, reloaded at SIGHUP; every sink takes the keys of the webhook from type to drill ---
[sinks.console]
# stream = "stderr"               # or "stdout", which otherwise holds results only
# colour = true                   # false for plain logs
# headline = true                 # false: no list of evidence, only the line

# [sinks.webhook]
# url_env = "STORMWATCH_WEBHOOK_URL"   # default: none, either this or url
# secret_env = "STORMWATCH_WEBHOOK_SECRET"   # signs each message (docs/formats.md); at least 16 characters; default: none
# timeout_s = "10s"               # when a message counts as not accepted, and is sent again
# type = "webhook"                # what it is, if the table has another name; default: the table's name
# enabled = true                  # false: gets nothing, and the table stays
# min_level = "watch"             # or squall, storm-suspected, perfect-storm: what is less grave is not sent
# pages_only = false              # true: only what should wake somebody
# changed_level_only = false      # true: no updates at the same level
# repeat_s = "1m"                 # at most one update of an incident at the same level in so long
# stale_after_s = "1h"            # older changes are sent as one note an incident, and page nobody
# broken_after_s = "5m"           # nothing delivered for so long: the other sinks are notified once
# remind_s = "30m"                # an incident that is still open is sent again; default: 0, never (alertmanager: 1m)
# legs = ["migration"]            # only these legs; default: all
# assets = ["BTC"]                # only these assets; default: all
# venues = ["okx", "target:rpc"]  # only these venues and targets; default: all
# drill = "any"                   # rehearsals too; "never", or "only" them
# [sinks.desk]
# type = "webhook"
# url = "http://127.0.0.1:8080/"  # default: none. A URL without a secret
# secret_env = "STORMWATCH_WEBHOOK_SECRET"

# [sinks.alertmanager]
# url = "http://127.0.0.1:9093"   # default: none. An open incident is posted again each minute and fires until it ends
# board_url = ""                  # the board's address as others reach it: the alert's source link
# hold_s = "10m"                  # how long an alert fires after it was posted last, so that a restart resolves nothing
# timeout_s = "10s"               # when a post counts as not accepted
# [sinks.alertmanager_2]
# type = "alertmanager"
# url_env = "ALERTMANAGER_URL"    # default: none. A URL with a user name in it

# [sinks.pagerduty]
# routing_key_env = "PAGERDUTY_ROUTING_KEY"   # default: none. Events API v2: trigger, update and resolve by the incident's id
# url = "https://events.pagerduty.com/v2/enqueue"   # https://events.eu.pagerduty.com/v2/enqueue in the EU
# board_url = ""                  # the board's address as others reach it: a link in the alert
# timeout_s = "10s"               # when an event counts as not accepted

# [sinks.slack]
# url_env = "SLACK_WEBHOOK_URL"   # default: none. An incoming webhook: its URL is a secret
# timeout_s = "10s"               # when a message counts as not accepted
# [sinks.mattermost]
# type = "slack"
# url = "http://127.0.0.1:8065/hooks/x"   # default: none. A URL without a secret

# [sinks.telegram]
# token_env = "TELEGRAM_BOT_TOKEN"   # default: none. The bot's token
# chat_id = "-100123456789"       # default: none. Where it writes
# url = "https://api.telegram.org"   # another only behind a proxy of your own
# timeout_s = "10s"               # when a message counts as not accepted

# --- planned work: what it explains is recorded and not sent; when it ends, what is still open is sent. Reloaded at SIGHUP ---
# [[maintenance]]
# start = 2026-11-24T01:00:00Z    # default: none. Times name their zone
# end = 2026-11-24T03:00:00Z      # default: none. At most 90 days after start
# reason = "bybit upgrades its matching engine"   # default: none. Said on the board, in incidents and in snapshots
# venues = ["bybit"]              # incidents that rest on these alone; "target:NAME" too; default: any
# assets = ["BTC"]                # default: any
# legs = ["venue"]                # liquidation, venue, migration; default: any
"""

_SERVICES = """
# --- the store: an embedded PostgreSQL by default, your own by DSN ---
[store]
# dsn = ""                        # instead of dsn_env: postgresql://user@host/name, without a password
# dsn_env = ""                    # the variable that holds postgresql://user:password@host/name
# folder = "~/.local/share/stormwatch"   # of the local log and the embedded server
# batch_rows = 5000               # rows of one transaction; four times as many while the database catches up
# retention_days = 30             # days for which signals are kept; incidents are kept for ever
# connect_timeout_s = "5s"        # a server that does not answer for so long is silent
# statement_timeout_s = "30s"     # a connection whose statement takes longer is closed

# --- the local log, in store.folder: everything is in it first; the database, sinks and recordings read it ---
# [log]
# group_s = "50ms"                # above 0: the longest that an entry waits to be written with others; a kill loses no more
# queue_rows = 50000              # above 0: rows that wait while the disk is full; beyond, the oldest routine signals go
# max_mb = 2048                   # MB, at least 2 segments: beyond, routine signals go first, then whole segments
# segment_mb = 32                 # MB, above 0: a file is closed at this size; only closed files are removed
# segment_s = "15m"               # above 0: or at this age
# keep_s = "1h"                   # 0 or more: how long what every reader has read is kept, for a new version to judge again
# outlet_keep_s = "7d"            # 0 or more: how long the log waits for a sink or recording that does not read it
# reserve_mb = 4                  # MB, above 0: room that is kept free for incidents when the disk is full
# image_s = "1m"                  # above 0: how often the correlator's state is written, from which a restart continues

# --- the bus, only for several vantages or machines: NATS JetStream (pip install 'stormwatch[nats]') ---
# [bus]
# servers = ["tls://nats-1.example:4222", "tls://nats-2.example:4222"]   # default: none, and there is no bus
# name = "stormwatch"             # begins the names of the streams: two installations on one bus need two
# replicas = 1                    # 1, 3 or 5 servers hold each stream; with 3 the bus outlives one
# keep_s = "1d"                   # how long the bus keeps what it carries: so long a correlator may be away
# max_mb = 2048                   # MB that the signals take on each server; beyond, the oldest go first
# duplicate_s = "2m"              # how long the servers remember what they have, so that nothing is stored twice
# silent_s = "10s"                # a vantage that was not heard for so long is reported as silent
# partitions = 1                  # so many correlators share the assets
# partition = 0                   # which of them this one is
# vantages = ["eu", "us"]         # default: the vantage of its own settings. Whose agents a correlator judges together
# user_env = ""                   # the variable with the user, together with password_env
# password_env = ""               # the variable with the password
# token_env = ""                  # instead: the variable with a token
# credentials_file = ""           # instead: a NATS credentials file, as `nsc` writes it
# seed_file = ""                  # instead: a file with an NKey seed
# ca_file = ""                    # who signed the servers' certificates; default: the system's
# certificate_file = ""           # our own certificate, with key_file
# key_file = ""                   # and its key

[telemetry]
# otlp_endpoint = ""              # such as "http://127.0.0.1:4318": traces, metrics and logs go there; empty: none are sent
# otlp_headers_env = ""           # the variable with "k=v,k=v" for the collector
# service_name = "stormwatch"     # what the collector shows
# export_interval_s = "10s"       # how often metrics are sent
# export_timeout_s = "5s"         # when a collector counts as away
# logs = true                     # our own log goes there too
# span_queue = 8192               # spans that wait for a collector; beyond, the oldest go
# trace_share = 1.0               # of good checks; refused ones and incidents always have their trace

[web]
# enabled = true                  # false: no board, /healthz, /readyz or /metrics
# host = "127.0.0.1"              # the address to listen on: loopback, unless others should read it
# port = 9464                     # the board at /, and /healthz /readyz /metrics
# allowed_hosts = []              # further host names that requests may name, such as "stormwatch.example"
# board_token_env = ""            # the variable with the board's password; without one it is shown on loopback only
"""

_CORRELATOR = """
# --- judgement: change these only after `stormwatch score` (docs/detection.md). Evidence is in nats ---
# [correlator]
# lateness_ws_s = "2s"            # how late a WebSocket signal may come and still be in order
# lateness_rest_s = "3s"          # the same for polled checks
# lateness_chain_s = "3s"         # the same for signals of a network
# vantage_wait_s = "10s"          # how long a second of several vantages waits for one that is behind the others
# idle_gaps = 3.0                 # expected gaps; a source silent for so many is no longer waited for
# prior = 0.0027                  # probability of a storm before any evidence; the five below that are probabilities go with it
# calm_nats = 1.0                 # nats; the most that unseen calm could weigh against a storm
# storm_nats = 4.0                # nats; the most that an unseen leg could weigh for one, and that a leg's evidence may be
# true_nats = 1.5                 # nats; a leg is true when its lower bound reaches this
# leave_nats = 0.75               # nats; and until it falls under this, so that stress at the bound changes no level
# false_below_nats = 2.0          # nats; a leg is false with less evidence than this,
# false_coverage = 0.5            # and at least this share of it seen
# single_vantage_cap = 0.6        # share; the most that one vantage can see of the venue leg: our path could be at fault
# context_cap_nats = 0.5          # nats; the most that fragility may add: it makes a storm likelier, and never makes one
# storm_p = 0.73                  # probability from which three legs are a perfect storm,
# storm_leave_p = 0.54            # and under which they are one no longer
# critical_p = 0.96               # probability from which a storm is critical,
# critical_leave_p = 0.915        # and under which it is so no longer
# enter_ticks = 2                 # seconds that a level must hold before it is reported; grade-4 evidence is reported at once
# lower_ticks = 15                # seconds that a lower level must hold
# leave_p_hi = 0.54               # an incident ends when the upper probability stays under this
# leave_after_s = "10m"           # for so long
# held_blind_max_s = "1h"         # how long an incident is held whose end nobody can see; then it ends as unknown
# merge_s = "15m"                 # a new incident of the same within so long goes on with the old one
# warm_s = "5m"                   # how long a stream is learned before it is evidence
# background_half_life_s = "30m"  # half-life of the usual rate of liquidations
# level_long_s = "4h"             # how long a state of books lasts until it is usual
# rate_floor = 0.001              # events a second: the first events of an idle symbol are no surge
# mu_min = 1.5                    # events for one expected: less is no surge
# cross_check_share = 0.25        # share of another's count under which our own feeds miss most
# liquidation_half_life_s = "3m"  # half-life of the evidence of each leg,
# venue_half_life_s = "5m"        # so that what is over fades
# book_half_life_s = "3m"         # the same for books
# liquidity_half_life_s = "1h"    # the same for liquidity that left
# upgrade_half_life_s = "6h"      # the same for an upgrade
# queued_lead_s = "1h"            # a queued upgrade weighs more so long before it may run
# queue_s = "5m"                  # withdrawals declared delayed for so long queue; they do not wait for a block
# local_cooldown_s = "30s"        # how long venues are not blamed after our own network was down
# local_share = 0.8               # share of targets that must fail at once for the fault to be ours
# market_share = 0.6              # share of venues in stress, while the controls answer, for it to be the market's
# runbook_base = "ops/runbooks/"  # what a runbook's link begins with: your own place for them
# providers = { aws-tokyo = ["binance_usdm", "kucoin_futures"] }   # default: none. Venues that fail together count once
# networks = { local = "hetzner" }   # default: none. Two vantages of one provider see no more than one
"""

FULL = _WATCHED + _SINKS + _SERVICES + _CORRELATOR
