"""How dear and how slow a network is, as its heads say: in gwei and seconds, and against its own last hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chain.events import NetworkId
from chain.events.network import HeadSeen
from monitor.intake import Intake
from monitor.signals import Scalar, SignalKind
from monitor.signals.kinds import KINDS

START = datetime(2026, 11, 1, tzinfo=UTC)
GWEI = 10**9


class Heads:
    """The heads of one network, block by block."""

    def __init__(self, network: str = "ethereum", intake: Intake | None = None) -> None:
        self.intake = intake or Intake(vantage="here", assets=[])
        self._network = NetworkId(network)
        self.number, self.at_s = 100, 0.0

    def next(self, base_fee: int | None = 10 * GWEI, block_s: float = 12.0, blocks: int = 1) -> dict[str, Scalar]:
        self.number += blocks
        self.at_s += block_s * blocks
        at = START + timedelta(seconds=self.at_s)
        head = HeadSeen(
            network=self._network, seen_at=at, block_number=self.number, block_hash="0x", block_time=at, node="n",
            lag_s=0.5, base_fee=base_fee,
        )  # fmt: skip
        [signal] = self.intake.event(head)
        assert signal.kind is SignalKind.HEAD
        assert set(signal.attributes) == set(KINDS[SignalKind.HEAD].attributes)
        return dict(signal.attributes)

    def hour(self, base_fee: int = 10 * GWEI) -> None:
        for _ in range(301):
            self.next(base_fee)


def test_a_head_has_its_base_fee_in_gwei_and_the_seconds_of_a_block_since_the_last_head() -> None:
    heads = Heads()
    first = heads.next(35 * GWEI // 2)
    assert (first["base_fee_gwei"], first["block_s"], first["block_ratio"], first["base_fee_ratio"]) == (
        17.5,
        None,
        None,
        None,
    )
    assert heads.next(block_s=6.0, blocks=4)["block_s"] == 6.0


def test_ratios_to_the_networks_own_past_are_known_once_an_hour_was_seen() -> None:
    heads = Heads()
    for _ in range(300):
        assert heads.next()["base_fee_ratio"] is None
    heads.next()
    said = heads.next(40 * GWEI, block_s=36.0)
    assert said["base_fee_ratio"] == pytest.approx(4.0)
    assert said["block_ratio"] == pytest.approx(3.0)


def test_a_fee_that_stays_high_becomes_usual_with_a_half_life_of_six_hours() -> None:
    heads = Heads()
    for _ in range(48):
        heads.hour()
    for _ in range(6):
        heads.hour(40 * GWEI)
    assert heads.next(40 * GWEI)["base_fee_ratio"] == pytest.approx(2.0, rel=0.02)


def test_a_network_without_a_base_fee_has_none_and_a_fee_of_zero_is_zero() -> None:
    heads = Heads("bsc")
    heads.hour()
    assert heads.next(None)["base_fee_gwei"] is None
    said = heads.next(0)
    assert (said["base_fee_gwei"], said["base_fee_ratio"]) == (0.0, None)


def test_after_a_reorg_and_between_blocks_of_one_second_the_seconds_of_a_block_are_not_known() -> None:
    heads = Heads()
    heads.hour()
    assert heads.next(blocks=-1)["block_s"] is None
    assert heads.next(block_s=0.0)["block_s"] is None
    said = heads.next(20 * GWEI)
    assert said["block_s"] == 12.0
    assert said["base_fee_ratio"] == pytest.approx(2.0)


def test_networks_have_their_own_past_and_a_long_pause_teaches_as_much_as_ten_minutes() -> None:
    dear = Heads()
    cheap = Heads("base", dear.intake)
    for _ in range(301):
        dear.next(10 * GWEI)
        cheap.next(GWEI // 100)
    assert cheap.next(GWEI // 50)["base_fee_ratio"] == pytest.approx(2.0)
    dear.next(1000 * GWEI, block_s=86_400.0)
    usual = 10 * 100 ** (600 / (3600 + 600 + 12))  # a plain mean of logarithms while less than the half-life was seen
    assert dear.next(1000 * GWEI)["base_fee_ratio"] == pytest.approx(1000 / usual, rel=0.02)
