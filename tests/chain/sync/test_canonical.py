from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain import detectors, networks
from chain.events import NetworkId, Retracted
from chain.events.network import Reorged
from chain.networks import Network
from chain.sync.canonical import CanonicalWindow, Followed
from chain.sync.checkpoint import Checkpoint, DeliveredOnce, decode
from tests.branches import Reached
from tests.chain.builders import START, header
from tests.chain.control.timelock_families import upgraded
from tests.chain.detectors.test_liquidity import move


def followed(number: int, fork: int = 0) -> Followed:
    return Followed(
        header=header(number, fork), events=(move(number, amount=2**255),), memories={"one": b"\xff", "two": b"2"}
    )


def chain_of(*numbers: int, length: int = 128) -> CanonicalWindow:
    return CanonicalWindow(length, map(followed, numbers))


def test_an_empty_window_holds_nothing_and_accepts_any_block() -> None:
    canonical = CanonicalWindow(4)
    assert canonical.tip is None
    assert not canonical.holds(header(5))
    assert canonical.follows([header(5), header(6)])
    assert canonical.missing(9, 7, 10) == range(7, 10)
    assert canonical.roll_back(3) == ()


def test_the_window_holds_only_the_last_blocks() -> None:
    canonical = chain_of(*range(1, 9), length=3)
    assert [one.header.number for one in canonical.window] == [6, 7, 8]
    assert not canonical.holds(header(5))
    assert not canonical.holds(header(9))
    assert canonical.holds(header(7))


def test_late_events_of_the_newest_block_are_dropped_with_it() -> None:
    canonical = chain_of(1, 2)
    first = canonical.window[1].events
    canonical.add_events([upgraded()])
    assert canonical.window[0] == followed(1)
    [dropped] = canonical.roll_back(1)
    assert dropped.events == (*first, upgraded())


def test_a_gap_or_another_parent_does_not_follow() -> None:
    canonical = chain_of(1, 2)
    assert not canonical.follows([header(4)])
    assert not canonical.follows([header(3, fork=1, parent_fork=1)])
    assert canonical.follows([header(3), header(4)])


def test_the_list_of_missing_blocks_is_bounded() -> None:
    assert chain_of(1, 2).missing(100, 0, 10) == range(3, 13)
    assert not chain_of(1, 2).missing(2, 0, 10)


def test_a_reorg_goes_back_to_the_highest_common_block() -> None:
    canonical = chain_of(1, 2, 3, 4)
    common = canonical.common([header(1), header(2), header(3, fork=1)])
    assert common == 2
    assert [one.header.number for one in canonical.roll_back(common)] == [4, 3]
    assert canonical.tip == followed(2)
    assert canonical.common([header(2, fork=9)]) is None


some_dropped = Reached("some blocks dropped and some remaining", at_least=0.05)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 40))
def test_dropped_and_remaining_blocks_together_are_all_blocks(blocks: int, length: int, back: int) -> None:
    canonical = chain_of(*range(1, blocks + 1), length=length)
    before = canonical.window
    dropped = canonical.roll_back(back)
    assert canonical.window + tuple(reversed(dropped)) == before
    some_dropped(0 < len(dropped) < len(before))


def test_a_checkpoint_is_restored_unchanged() -> None:
    event = upgraded()
    reorged = Reorged(network=NetworkId("local"), seen_at=START, depth=1, common_number=2, old_head="a", new_head="b")
    retracted = Retracted(network=NetworkId("local"), seen_at=START, event_id="e", event=event)
    pending: tuple[DeliveredOnce, ...] = (reorged, retracted, event)
    checkpoint = Checkpoint(window=chain_of(1, 2, 3).window, pending=pending)
    assert decode(checkpoint.encode()) == checkpoint


def test_a_checkpoint_of_another_version_means_a_new_start() -> None:
    assert decode(b'{"version": 0}') is None


def test_every_network_is_declared_under_its_own_name() -> None:
    found = [networks.declared(name) for name in networks.names()]
    assert {"ethereum", "arbitrum", "base", "optimism", "bsc", "polygon", "avalanche", "local"} <= set(networks.names())
    assert len({network.chain_id for network in found}) == len(found)
    assert all(network.stall_s >= 10 for network in found)
    with pytest.raises(KeyError):
        networks.declared("nowhere")


def test_every_detector_and_pool_kind_is_found_by_its_folder() -> None:
    assert set(detectors.names()) >= {
        "upgrades",
        "timelocks",
        "liquidity",
        "migration",
        "control",
        "wallets",
        "token_use",
    }
    assert "uniswap_v2" in detectors.pool_kinds()


def test_the_stall_time_of_a_network_is_eight_block_times() -> None:
    words: dict[str, Any] = {"id": NetworkId("x"), "chain_id": 1, "block_time_s": 12.0}
    assert Network(**words).stall_s == 96.0
