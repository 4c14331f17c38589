"""Checks that a scan resumed from a checkpoint reads nothing twice, and that one without a checkpoint starts again."""

from __future__ import annotations

from chain.events import PlacedEvent
from tests.chain.following import MemoryCheckpoints
from tests.chain.simulated import Chain, SimulatedNode
from tests.chain.sync.test_digest import PLACED, history, scanned


async def numbers(chain: Chain, last: int, checkpoints: MemoryCheckpoints | None) -> list[int]:
    """Returns the block numbers of all events of a scan up to `last`."""
    events = scanned(SimulatedNode("one", chain), last, every_block=True, checkpoints=checkpoints)
    reported: list[PlacedEvent] = [event async for event in events if isinstance(event, PLACED)]
    return [event.place.block_number for event in reported]


async def test_a_finished_scan_repeats_no_event_and_a_longer_scan_reports_only_later_events() -> None:
    chain = history(4, 40, silent=0.5, gaps=(0, 4))
    middle, head = chain.head.number // 2, chain.head.number
    whole = await numbers(chain, head, None)
    checkpoints = MemoryCheckpoints()
    first = await numbers(chain, middle, checkpoints)
    assert first == [one for one in whole if one <= middle]
    assert await numbers(chain, middle, checkpoints) == []
    rest = await numbers(chain, head, checkpoints)
    assert rest == [one for one in whole if one > middle]
    assert len(rest) > 3


async def test_detector_memory_is_restored_so_that_no_earlier_block_is_requested() -> None:
    chain = history(4, 40, silent=0.5, gaps=(0, 4))
    checkpoints, middle = MemoryCheckpoints(), chain.head.number // 2
    await numbers(chain, middle, checkpoints)
    node = SimulatedNode("one", chain)
    async for _ in scanned(node, chain.head.number, every_block=True, checkpoints=checkpoints):
        pass
    asked = {int(params[0], 16) for method, params in node.asked if method == "eth_getBlockByNumber"}
    assert min(asked) == middle, "the block before the first that is read, and none below it"
