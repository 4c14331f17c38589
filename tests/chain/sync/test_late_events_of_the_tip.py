"""Events that become known late belong to the newest block, however many blocks the window holds."""

from __future__ import annotations

from chain.sync.canonical import CanonicalWindow, Followed
from tests.chain.builders import header
from tests.chain.detectors.test_liquidity import move


def test_late_events_follow_the_own_events_of_the_newest_block() -> None:
    blocks = [Followed(header=header(at), events=(move(at),), memories={"one": bytes([at])}) for at in range(1, 5)]
    canonical = CanonicalWindow(10, blocks)
    canonical.add_events([move(4, index=1)])
    assert canonical.window == (
        *blocks[:3],
        Followed(header=header(4), events=(move(4), move(4, index=1)), memories={"one": b"\x04"}),
    )


def test_late_events_of_the_only_block_are_added_to_it() -> None:
    canonical = CanonicalWindow(10, [Followed(header=header(1), events=(move(1),), memories={})])
    canonical.add_events([move(1, index=1)])
    assert [one.events for one in canonical.window] == [(move(1), move(1, index=1))]
