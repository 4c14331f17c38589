"""States which figures no evidence reads, and why. A figure that is neither read nor named here fails a test.

`NO_EVIDENCE` excuses whole kinds, `EXCUSED` one attribute of one kind, or of every kind (None) that nobody reads it of.
"""

from __future__ import annotations

from collections.abc import Mapping

from monitor.signals import SignalKind

NO_EVIDENCE: Mapping[SignalKind, str] = {
    SignalKind.TICK: "it makes seconds pass, and says nothing",
    SignalKind.MISSED_SLOT: "our own lateness: coverage takes no sign of life from it, and no venue is blamed",
    SignalKind.CLOCK_OFFSET: "it has corrected the stamps of the venue's signals before they are judged",
    SignalKind.FEED_OPENED: "a sign of life: coverage takes that it came, not what it says",
    SignalKind.FEED_PULSE: "a sign of life: coverage takes that it came; how many frames a feed sends depends on the market",
    SignalKind.FEED_RESYNCED: "coverage counts the hole when it opens (`feed_gap`), and the book itself says `unsynced`",
    SignalKind.FEED_BACKLOG: "old messages: each carries its own time, and none counts as present",
    SignalKind.FEED_SHUTDOWN: "an announced end of one connection, which all venues make; the cut that follows is counted",
    SignalKind.NODE_FAULT: "a node's trouble is no asset's: the node group asks another, and a lost head is `head_stalled`",
    SignalKind.POOL_CREATED: "a token in wide use gets new pools every hour (docs/detection.md, New pools)",
    SignalKind.REORG: "what it undid is retracted one by one (`retraction`); its depth says nothing of an asset",
}
"""Kinds of which no figure is evidence."""

_IDENTITY = "it names the event; the finding is about what happened"
_SIGHT = "words for the operator; what is counted is that it happened"
_CONGESTION = "congestion is no evidence of its own (docs/detection.md, Congestion of a network)"
_WAY_IN = "it is the way in: the question is whether a holder gets out"
_NEAR = "the best levels come and go: the spread and the cost to sell 10 k USD are judged instead"
_SUMMARY = "the finding needs the share that moved, and that is the signal's value"

EXCUSED: Mapping[tuple[SignalKind | None, str], str] = {
    (None, "block"): _IDENTITY,
    (None, "transaction"): _IDENTITY,
    (None, "event_id"): _IDENTITY,
    (None, "disputed"): "the providers of nodes that must agree have had their say before it is a signal",
    (None, "detail"): _SIGHT,
    (None, "compiler"): "words for the operator: what the new code can do is judged by its functions",
    (SignalKind.REQUEST, "cold"): "the latency of a new connection is real for whoever must connect anew",
    (SignalKind.REQUEST, "service_s"): "own_lag takes off what our own lateness explains, measured apart from requests",
    (SignalKind.FEED_CLOSED, "value"): "how long a connection lived says nothing of why it was cut",
    (SignalKind.FEED_GAP, "value"): "a hole is a hole: venues count updates differently, so sizes cannot be compared",
    (SignalKind.MALFORMED, "value"): "each is counted as one fault of the feed",
    (SignalKind.MALFORMED, "path"): _SIGHT,
    (SignalKind.MALFORMED, "reason"): _SIGHT,
    (SignalKind.LIQUIDATION, "quantity"): "the notional is the signal's value",
    (SignalKind.MARKET_LIQUIDATIONS, "long_usd"): "sides of another's count are compared with nothing of ours",
    (SignalKind.MARKET_LIQUIDATIONS, "short_usd"): "sides of another's count are compared with nothing of ours",
    (
        SignalKind.MARKET_LIQUIDATIONS,
        "exchanges",
    ): "the other counts more venues than we watch; only a shortfall of ours says anything",
    (SignalKind.LONG_SHORT_RATIO, "basis"): "the most one-sided basis counts, whichever it is",
    (SignalKind.BOOK_REFILL, "fallen"): "only sweeps that took half or more are signals at all",
    (SignalKind.HEAD, "value"): "a sign of life: coverage takes that it came",
    (SignalKind.HEAD, "node"): "which node was first says nothing of the network",
    (SignalKind.HEAD, "base_fee_gwei"): _CONGESTION,
    (SignalKind.HEAD, "base_fee_ratio"): _CONGESTION,
    (SignalKind.HEAD, "block_s"): _CONGESTION,
    (SignalKind.HEAD, "block_ratio"): _CONGESTION,
    (SignalKind.HEAD_RESUMED, "value"): "the stall itself was counted while it lasted",
    (SignalKind.HEAD_RESUMED, "since"): "the stall itself was counted while it lasted",
    (SignalKind.UPGRADE, "old"): "what the old code was is compared by `code_compared`",
    (SignalKind.UPGRADE, "operation"): "`queued` says whether it was announced",
    (
        SignalKind.UPGRADE,
        "holder",
    ): "the asset's own contract is what holders depend on, whichever contract on its path changed",
    (SignalKind.UPGRADE_SAID, "proxy_kind"): "a claim that the state does not bear out weighs the same of any kind",
    (SignalKind.CODE_COMPARED, "role"): "the upgrade that it explains has said it",
    (SignalKind.CODE_COMPARED, "old"): "the upgrade that it explains has said it",
    (SignalKind.CODE_COMPARED, "new"): "the upgrade that it explains has said it",
    (SignalKind.CODE_COMPARED, "old_size"): "only an empty new code is graver than an upgrade itself",
    (SignalKind.CODE_COMPARED, "source"): "where source would be is not whether it is verified (`source_checked`)",
    (SignalKind.SOURCE_CHECKED, "address"): "the upgrade that it explains has said it",
    (SignalKind.SOURCE_CHECKED, "licence"): "a licence is no risk of the holder's",
    (SignalKind.SOURCE_CHECKED, "proxy"): "our own reader of proxies has decided before",
    (SignalKind.UPGRADE_QUEUED, "timelock"): _IDENTITY,
    (SignalKind.OPERATION_ENDED, "value"): "executed or cancelled, the announcement is over: what ran is an `upgrade`",
    (SignalKind.OPERATION_ENDED, "timelock"): _IDENTITY,
    (SignalKind.OPERATION_ENDED, "queued_event_id"): "the operation's own id pairs it",
    (SignalKind.LIQUIDITY_REMOVED, "owner"): "the hourly account follows who got it (`liquidity_accounted`)",
    (SignalKind.LIQUIDITY_ADDED, "owner"): "the hourly account follows who got it (`liquidity_accounted`)",
    (SignalKind.MIGRATION, "from_pool"): "the signal's subject is that pool",
    (SignalKind.MIGRATION, "token"): _SUMMARY,
    (SignalKind.MIGRATION, "score"): "what was matched too weakly is no migration",
    (SignalKind.MIGRATION, "from_kind"): _SUMMARY,
    (SignalKind.MIGRATION, "to_kind"): _SUMMARY,
    (SignalKind.MIGRATION, "symbol"): _SUMMARY,
    (SignalKind.MIGRATION, "amount"): _SUMMARY,
    (SignalKind.MIGRATION, "usd"): _SUMMARY,
    (SignalKind.LIQUIDITY_ACCOUNTED, "removed"): _SUMMARY,
    (SignalKind.LIQUIDITY_ACCOUNTED, "level"): "the evidence grades the share itself",
    (SignalKind.POOL_DRAINED, "before"): _SUMMARY,
    (SignalKind.POOL_DRAINED, "after"): _SUMMARY,
    (SignalKind.SUPPLY_JUMPED, "before"): _SUMMARY,
    (SignalKind.SUPPLY_JUMPED, "after"): _SUMMARY,
    (SignalKind.HOLDER_FROZEN, "seen_by"): "frozen is frozen, with a log or without",
    (SignalKind.WALLET_SILENT, "rate_per_day"): "the silence that its rhythm allows (`usual_s`) was made from it",
    (SignalKind.WALLET_RESUMED, "value"): "the silence itself was counted while it lasted",
    (SignalKind.WALLET_RESUMED, "silent_event_id"): "a wallet has one silence at a time",
    (SignalKind.TOKEN_USE, "hour"): "the signal's own time says it",
    (
        SignalKind.TOKEN_USE,
        "moved",
    ): "one transfer of a custodian moves more than a day of use: transfers and addresses are counted",
    (SignalKind.ONCHAIN_LIQUIDATION, "protocol"): "counted alike: each is one forced order",
    (SignalKind.ONCHAIN_LIQUIDATION, "side"): "collateral that is sold was long; the surge is graded by its count",
    (SignalKind.ONCHAIN_LIQUIDATION, "quantity"): "the surge is graded by its count",
    (SignalKind.ONCHAIN_LIQUIDATION, "market"): _IDENTITY,
    (SignalKind.ONCHAIN_LIQUIDATION, "account"): _IDENTITY,
    (SignalKind.POOL_DEPTH, "value"): "reserves and depth are read themselves",
    (SignalKind.POOL_DEPTH, "tick"): "the depths were made from it",
    (SignalKind.BOOK, "bid_depth_10_usd"): _NEAR,
    (SignalKind.BOOK, "bid_depth_25_usd"): _NEAR,
    (SignalKind.BOOK, "ask_depth_10_usd"): _NEAR,
    (SignalKind.BOOK, "ask_depth_25_usd"): _NEAR,
    (SignalKind.BOOK, "ask_depth_100_usd"): _WAY_IN,
    (SignalKind.BOOK, "ask_depth_500_usd"): _WAY_IN,
    (SignalKind.BOOK, "buy_slippage_10k_bps"): _WAY_IN,
    (SignalKind.BOOK, "buy_slippage_100k_bps"): _WAY_IN,
    (SignalKind.BOOK, "buy_slippage_1m_bps"): _WAY_IN,
    (SignalKind.WALLET, "withdrawals"): "the level, the value of the signal, says it with its delay",
}
