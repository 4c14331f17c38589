"""A note is tried for an hour at most, whatever the receiver asks for, with simulated time."""

from __future__ import annotations

import asyncio

import pytest

from monitor.alerting.delivery import Deliveries
from monitor.alerting.routing import Rule
from monitor.alerting.sink import Note, Outcome, TryAgain
from monitor.alerting.sinks import Route
from tests.monitor.alerting.sinks.changes import change
from tests.monitor.jumping_time import elapsed_s, run_jumping

HOUR_S = 3600.0


class NeverReady:
    """A sink that always requests the same pause, and stores when it was called."""

    def __init__(self, asks_s: float) -> None:
        self.called_at_s: list[float] = []
        self._asks_s = asks_s

    async def deliver(self, client: object, note: Note) -> Outcome:
        self.called_at_s.append(elapsed_s())
        return TryAgain(why="HTTP 429", after_s=self._asks_s)


@pytest.mark.parametrize(
    ("asks_s", "called_at_s"), [(3600.0, [0, 3600]), (2000.0, [0, 2000, 3600]), (1500.0, [0, 1500, 3000, 3600])]
)
def test_the_last_attempt_is_made_an_hour_after_the_first_and_no_later(
    monkeypatch: pytest.MonkeyPatch, asks_s: float, called_at_s: list[float]
) -> None:
    sink = NeverReady(asks_s)

    async def work() -> dict[str, int]:
        deliveries = Deliveries([Route("desk", Rule(), sink)])
        deliveries.on_changes([change(1)])
        task = asyncio.ensure_future(deliveries.run("desk"))
        await asyncio.sleep(3 * HOUR_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return deliveries.counts("desk")

    counts = run_jumping(monkeypatch, work())

    assert sink.called_at_s == pytest.approx(called_at_s)
    assert counts == {"try_again": len(called_at_s), "given_up": 1}
