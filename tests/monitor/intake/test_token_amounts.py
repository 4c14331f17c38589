"""Amounts of tokens at the door of the monitor: in whole units, by the token's own name, in dollars where a price is at hand."""

from __future__ import annotations

from dataclasses import replace

from chain.events import Address, DrainCause, HolderFrozen, NetworkId, Place, PoolDrained, TokenName
from monitor.intake import Intake
from monitor.signals import Signal
from tests.monitor.correlator.test_evidence import ProducerHarness
from tests.monitor.intake.test_onchain_liquidations import NOW, POOL, TOKEN, WHO, intake, mark

NAME = TokenName(token=TOKEN, symbol="WETH", decimals=18)
DRAINED = PoolDrained(
    place=Place(network=NetworkId("ethereum"), block_number=7, block_hash="0x07", block_time=NOW), seen_at=NOW, event_id="d",
    pool=POOL, pool_kind="uniswap_v2", token=TOKEN, before=1000 * 10**18, after=400 * 10**18, share=0.6,
    cause=DrainCause.SWAP, token_names=(NAME,),
)  # fmt: skip


def of(under_test: Intake, event: PoolDrained | HolderFrozen = DRAINED) -> Signal:
    under_test._pools["ethereum", POOL] = ["ETH"]
    [signal] = under_test.event(event)
    return signal


def amounts(signal: Signal) -> tuple[object, ...]:
    return tuple(signal.attributes[one] for one in ("symbol", "amount", "usd"))


def test_an_amount_is_in_whole_units_and_in_dollars_at_the_price_of_its_asset() -> None:
    under_test = intake()
    assert amounts(of(under_test)) == ("WETH", 600.0, None)
    mark(under_test, "ETHUSDT", 2_000.0)
    assert amounts(of(under_test)) == ("WETH", 600.0, 1_200_000.0)


def test_a_token_that_only_calls_itself_like_an_asset_has_no_price() -> None:
    under_test = intake()
    mark(under_test, "ETHUSDT", 2_000.0)
    liar = Address("0x" + "dd" * 20)
    other = replace(DRAINED, token=liar, token_names=(replace(NAME, token=liar, symbol="ЕTH", odd=True),))
    assert amounts(of(under_test, other)) == ("ЕTH?", 600.0, None)


def test_without_a_name_or_decimals_no_amount_is_stated() -> None:
    under_test = intake()
    mark(under_test, "ETHUSDT", 2_000.0)
    assert amounts(of(under_test, replace(DRAINED, token_names=()))) == (None, None, None)
    unknown = replace(DRAINED, token_names=(replace(NAME, decimals=None),))
    assert amounts(of(under_test, unknown)) == ("WETH", None, None)


def test_what_an_issuer_destroyed_is_stated_and_a_mere_freeze_has_no_amount() -> None:
    frozen = HolderFrozen(
        place=DRAINED.place, seen_at=NOW, event_id="f", token=TOKEN, holder=WHO, frozen=True, pools=(POOL,),
        token_names=(NAME,),
    )  # fmt: skip
    under_test = intake()
    assert amounts(of(under_test, frozen)) == ("WETH", None, None)
    assert amounts(of(under_test, replace(frozen, destroyed=5 * 10**18))) == ("WETH", 5.0, None)


def test_the_evidence_reads_in_amounts_of_the_token_and_in_dollars() -> None:
    under_test = intake()
    mark(under_test, "ETHUSDT", 2_000.0)
    harness = ProducerHarness("drains")
    harness.producer.on_signal(of(under_test), NOW.timestamp())
    [found] = harness.board.everything()
    assert "lost 60% of its WETH 0xcccc…cccc (600 WETH (1.2 M USD))" in found.said
