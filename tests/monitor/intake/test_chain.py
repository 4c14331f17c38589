"""Tests that chain events, ticks and expectations become signals too."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chain.events import (
    Address,
    ChainEvent,
    CodeChange,
    CodeCompared,
    DrainCause,
    HolderFrozen,
    LiquidityAccounted,
    LiquidityMigrated,
    LiquidityMoved,
    NetworkId,
    Place,
    PoolDepth,
    PoolDrained,
    Retracted,
    Role,
    SupplyJumped,
    TokenDepth,
    TokenName,
)
from chain.events.network import HeadResumed, HeadSeen, HeadStalled, NodeFault, NodeFaultKind, NodeMeasured, Reorged
from chain.events.upgrades import ContractUpgraded, LayoutHint, OperationEnded, SeenBy, UpgradeQueued, UpgradeSaid
from monitor.intake import Intake
from monitor.signals import SignalKind
from monitor.signals.kinds import KINDS
from probes.readings import (
    Instrument,
    Market,
    VenueId,
)

NOW = datetime(2026, 10, 10, 21, 15, tzinfo=UTC)
V = VenueId("bybit")
NET = NetworkId("ethereum")
PROXY = Address("0x" + "aa" * 20)
POOL = Address("0x" + "bb" * 20)
OTHER = Address("0x" + "cc" * 20)


def intake() -> Intake:
    under_test = Intake(
        vantage="tokyo",
        assets=["BTC", "ETH"],
        contracts={("ethereum", PROXY): ["ETH"]},
        pools={("ethereum", POOL): ["ETH", "BTC"]},
    )
    under_test.know("bybit", [Instrument(symbol="BTCUSDT", base="BTC", quote="USDT", market=Market.PERP)])
    return under_test


PLACE = Place(
    network=NET,
    block_number=7,
    block_hash="0x07",
    block_time=NOW - timedelta(seconds=12),
    transaction="0x1",
    log_index=0,
)
UPGRADED = ContractUpgraded(
    place=PLACE, seen_at=NOW, event_id="u", contract=PROXY, proxy_kind="eip1967", role=Role.IMPLEMENTATION,
    old=OTHER, new=POOL, seen_by=SeenBy.LOG,
)  # fmt: skip
SAID = UpgradeSaid(
    place=PLACE, seen_at=NOW, event_id="s", contract=PROXY, proxy_kind="eip1967", role=Role.IMPLEMENTATION,
    said=POOL, held=OTHER,
)  # fmt: skip
COMPARED = CodeCompared(
    place=PLACE, seen_at=NOW, event_id="u/compared", contract=PROXY, role=Role.IMPLEMENTATION, old=OTHER, new=POOL,
    upgrade_id="u", change=CodeChange(old_size=None, new_size=None, gained=None, lost=None),
)  # fmt: skip
QUEUED = UpgradeQueued(
    place=PLACE, seen_at=NOW, event_id="q", timelock=OTHER, operation="0xop", target=PROXY, new=POOL, eta=NOW
)
ENDED = OperationEnded(
    place=PLACE, seen_at=NOW, event_id="e", timelock=OTHER, operation="0xop", executed=True, queued_event_id="q"
)
MOVED = LiquidityMoved(
    place=PLACE, seen_at=NOW, event_id="m", pool=POOL, pool_kind="uniswap_v2", token0=PROXY, token1=OTHER,
    amount0=1, amount1=2, share=0.4, removed=True, owner=None,
)  # fmt: skip
MIGRATED = LiquidityMigrated(
    place=PLACE, seen_at=NOW, event_id="g", token=PROXY, from_pool=POOL, to_pool=OTHER, amount=1, share=0.4,
    score=0.9, removal_id="m", addition_id="n",
)  # fmt: skip

ACCOUNTED = LiquidityAccounted(
    place=PLACE, seen_at=NOW, event_id="c", token=PROXY, pool=POOL, removed=10, readded=5, to_wallets=2, to_bridges=1,
    unexplained=2, depth_share=0.5, level=2, hhi_before=1.0, hhi_after=0.5,
)  # fmt: skip
DEPTH = PoolDepth(
    place=PLACE, seen_at=NOW, event_id="d", pool=POOL, pool_kind="uniswap_v2", tick=None,
    tokens=(TokenDepth(token=PROXY, reserve=9, within_1=1, within_2=2, within_5=5, share=0.25),),
)  # fmt: skip
DRAINED = PoolDrained(
    place=PLACE, seen_at=NOW, event_id="x", pool=POOL, pool_kind="uniswap_v2", token=PROXY, before=9, after=1, share=0.8,
    cause=DrainCause.MINT, by=OTHER, depth_share=0.4,
)  # fmt: skip


@pytest.mark.parametrize(
    ("event", "kind", "assets"),
    [
        (ACCOUNTED, SignalKind.LIQUIDITY_ACCOUNTED, ["ETH", "BTC"]),
        (DEPTH, SignalKind.POOL_DEPTH, ["ETH", "BTC"]),
        (DRAINED, SignalKind.POOL_DRAINED, ["ETH", "BTC"]),
        (UPGRADED, SignalKind.UPGRADE, ["ETH"]),
        (SAID, SignalKind.UPGRADE_SAID, ["ETH"]),
        (COMPARED, SignalKind.CODE_COMPARED, ["ETH"]),
        (QUEUED, SignalKind.UPGRADE_QUEUED, ["ETH"]),
        (ENDED, SignalKind.OPERATION_ENDED, [None]),
        (MOVED, SignalKind.LIQUIDITY_REMOVED, ["ETH", "BTC"]),
        (MIGRATED, SignalKind.MIGRATION, ["ETH", "BTC"]),
    ],
    ids=lambda one: type(one).__name__,
)
def test_an_event_in_a_block_becomes_a_signal_for_each_asset_it_matters_to(
    event: ContractUpgraded, kind: SignalKind, assets: list[str]
) -> None:
    signals = intake().event(event)

    assert [(one.kind, one.subject.asset) for one in signals] == [(kind, asset) for asset in assets]
    for one in signals:
        assert one.event_time == PLACE.block_time
        assert set(one.attributes) <= set(KINDS[one.kind].attributes)
        assert {type(value) for value in one.attributes.values()} <= {str, int, float, bool, type(None)}


def test_a_code_comparison_is_a_signal_of_its_own() -> None:
    hints = tuple(
        LayoutHint(slot=hex(slot), offset=0, old="uint256", new="bool", said=f"slot {slot}") for slot in range(9)
    )
    known = CodeChange(
        old_size=9, new_size=7, gained=("0x11111111",), lost=(), signatures=("0x11111111(address)",), layout=hints,
        new_compiler="solc 0.8.26", links=("https://etherscan.io/address/0x", "https://repo.sourcify.dev/1/0x"),
    )  # fmt: skip
    [signal] = intake().event(replace(COMPARED, change=known))
    attributes = signal.attributes
    assert set(attributes) == set(KINDS[SignalKind.CODE_COMPARED].attributes) - {"disputed"}
    assert (attributes["upgrade"], attributes["event_id"]) == (UPGRADED.event_id, "u/compared")
    assert (attributes["gained"], attributes["lost"], attributes["old_size"], attributes["new_size"]) == (
        "0x11111111(address)",
        "",
        9,
        7,
    )
    assert attributes["layout"] == "slot 0 | slot 1 | slot 2 | slot 3"
    assert (attributes["compiler"], attributes["source"]) == ("solc 0.8.26", "https://etherscan.io/address/0x")


def test_only_a_disputed_event_says_that_it_is_disputed() -> None:
    [plain] = intake().event(UPGRADED)
    [signal] = intake().event(replace(UPGRADED, place=replace(UPGRADED.place, disputed=True)))
    assert "disputed" not in plain.attributes
    assert signal.attributes == {**plain.attributes, "disputed": True}
    assert "disputed" in KINDS[SignalKind.UPGRADE].attributes


def test_unknown_parts_of_a_code_comparison_are_null_and_long_lists_are_cut_with_a_count() -> None:
    [signal] = intake().event(COMPARED)
    assert [signal.attributes[key] for key in ("gained", "lost", "layout", "source")] == [None] * 4
    many = tuple(f"0x{one:08x}" for one in range(40))
    [signal] = intake().event(replace(COMPARED, change=replace(COMPARED.change, gained=many)))
    assert str(signal.attributes["gained"]).endswith("0x0000001f and 8 more")


def test_liquidity_that_enters_a_pool_has_its_own_kind() -> None:
    added = LiquidityMoved(
        place=PLACE, seen_at=NOW, event_id="a", pool=POOL, pool_kind="uniswap_v2", token0=PROXY, token1=OTHER,
        amount0=1, amount1=2, share=0.4, removed=False, owner=None,
    )  # fmt: skip

    assert {one.kind for one in intake().event(added)} == {SignalKind.LIQUIDITY_ADDED}


def test_a_retraction_reaches_the_assets_of_the_retracted_event() -> None:
    signals = intake().event(Retracted(network=NET, seen_at=NOW, event_id="m", event=MOVED))

    assert [(one.subject.asset, one.attributes["retracts"]) for one in signals] == [("ETH", "m"), ("BTC", "m")]


def test_heads_and_faults_of_a_network_carry_no_asset() -> None:
    under_test = intake()
    events: list[ChainEvent] = [
        HeadSeen(network=NET, seen_at=NOW, block_number=7, block_hash="0x", block_time=NOW, node="n", lag_s=0.1),
        HeadStalled(network=NET, seen_at=NOW, block_number=7, stalled_s=60),
        HeadResumed(network=NET, seen_at=NOW, block_number=8, stalled_s=90, since=NOW),
        NodeMeasured(
            network=NET,
            seen_at=NOW,
            node="n",
            provider="p",
            latency_s=0.1,
            lag_blocks=0,
            rest_s=0.0,
            paused_s=0.0,
            refusals=(),
        ),
        NodeFault(network=NET, seen_at=NOW, node="n", fault=NodeFaultKind.TIMEOUT, detail=""),
        Reorged(network=NET, seen_at=NOW, depth=2, common_number=5, old_head="0xa", new_head="0xb"),
    ]

    signals = [one for event in events for one in under_test.event(event)]

    assert [one.kind for one in signals] == [
        SignalKind.HEAD,
        SignalKind.HEAD_STALLED,
        SignalKind.HEAD_RESUMED,
        SignalKind.NODE_FAULT,
        SignalKind.REORG,
    ]
    assert {one.subject.network for one in signals} == {"ethereum"}
    assert [one.value for one in signals] == [7, 60, 90, 1, 2]


def test_ticks_and_expectations_are_signals_too() -> None:
    under_test = intake()
    tick = under_test.tick(NOW)
    expect = under_test.expect("bybit/liquidation", tick.subject, 15.0, NOW, {"leg": "liquidation"})

    assert (tick.source, expect.source, expect.value) == ("clock", "bybit/liquidation", 15.0)


def test_signals_of_one_source_are_numbered_without_gaps() -> None:
    under_test = intake()

    assert [under_test.event(UPGRADED)[0].seq for _ in range(3)] == [1, 2, 3]


def test_a_drain_states_reserves_cause_and_buyer() -> None:
    [signal, _] = intake().event(DRAINED)
    shown = {"pool_kind", "token", "before", "after", "cause", "by", "depth_share"}
    assert signal.value == 0.8
    assert {name: signal.attributes[name] for name in shown} == {
        "pool_kind": "uniswap_v2", "token": PROXY, "before": 9.0, "after": 1.0, "cause": "mint", "by": OTHER,
        "depth_share": 0.4,
    }  # fmt: skip


def test_a_stall_says_whether_nodes_answer_and_since_when_it_lasts() -> None:
    for since, shown in ((NOW, NOW.isoformat()), (None, None)):
        [signal] = intake().event(
            HeadStalled(network=NET, seen_at=NOW, block_number=7, stalled_s=60, answered=True, since=since)
        )
        assert signal.attributes == {"answered": True, "block": 7, "since": shown}
    [resumed] = intake().event(HeadResumed(network=NET, seen_at=NOW, block_number=8, stalled_s=90, since=NOW))
    assert resumed.attributes == {"block": 8, "since": NOW.isoformat()}


def test_a_jump_of_supply_concerns_the_assets_of_the_token_or_of_the_pools_that_hold_it() -> None:
    jump = SupplyJumped(
        place=PLACE,
        seen_at=NOW,
        event_id="s",
        token=PROXY,
        before=10,
        after=15,
        by=OTHER,
        logged=True,
        pools=(POOL, POOL),
    )
    assert [one.subject.asset for one in intake().event(jump)] == ["ETH"]
    elsewhere = replace(jump, token=OTHER, by=None)
    signals = intake().event(elsewhere)
    assert [one.subject.asset for one in signals] == ["ETH", "BTC"]
    assert signals[0].kind is SignalKind.SUPPLY_JUMPED
    assert signals[0].value == 0.5
    shown = {name: signals[0].attributes[name] for name in ("token", "before", "after", "by", "logged")}
    assert shown == {"token": OTHER, "before": 10.0, "after": 15.0, "by": None, "logged": True}
    assert [one.subject.asset for one in intake().event(replace(elsewhere, pools=()))] == [None]


def test_a_frozen_holder_concerns_the_assets_of_its_pools_or_the_venue_whose_wallet_it_is() -> None:
    frozen = HolderFrozen(
        place=PLACE, seen_at=NOW, event_id="f", token=OTHER, holder=POOL, frozen=True, destroyed=7, pools=(POOL,)
    )
    signals = intake().event(frozen)
    assert [(one.kind, one.subject.asset, one.value) for one in signals] == [
        (SignalKind.HOLDER_FROZEN, "ETH", 1.0), (SignalKind.HOLDER_FROZEN, "BTC", 1.0),
    ]  # fmt: skip
    assert set(signals[0].attributes) <= set(KINDS[SignalKind.HOLDER_FROZEN].attributes)
    assert signals[0].attributes["destroyed"] == 7.0
    wallet = replace(frozen, frozen=False, destroyed=None, pools=(), wallets=(("bybit", "ETH"), ("bybit", "DOGE")))
    [signal] = intake().event(wallet)
    assert (signal.subject.venue, signal.subject.asset, signal.value) == ("bybit", "ETH", 0.0)
    assert signal.attributes["destroyed"] is None


def test_a_depth_says_in_whole_units_what_the_operators_tokens_sell_for() -> None:
    under_test = Intake(
        vantage="tokyo",
        assets=["ETH"],
        pools={("ethereum", POOL): ["ETH"]},
        tickers={("ethereum", PROXY): "ETH", ("ethereum", OTHER): "USD"},
    )
    pair = tuple(
        TokenDepth(
            token=one, reserve=9, within_1=1, within_2=2, within_5=5, share=0.25, sold_1=sold, got_1=got, sold_5=sold,
            got_5=None,
        )
        for one, sold, got in ((PROXY, 3 * 10**17, 900 * 10**6), (OTHER, 2 * 10**6, 10**15))
    )  # fmt: skip
    names = (
        TokenName(token=PROXY, symbol="USD", decimals=18),  # its own name is no key to anything
        TokenName(token=OTHER, symbol="?", decimals=6),
    )
    [known] = under_test.event(replace(DEPTH, tokens=pair, token_names=names))
    [unknown] = under_test.event(replace(DEPTH, tokens=pair, token_names=names[:1]))
    keys = ("is0", "is1", "sold0_1", "got0_1", "got0_5", "sold1_1", "got1_1")
    assert [known.attributes[key] for key in keys] == ["ETH", "USD", 0.3, 900.0, None, 2.0, 0.001]
    assert [unknown.attributes[key] for key in keys] == ["ETH", "USD", 0.3, None, None, None, 0.001]
