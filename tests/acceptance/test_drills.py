"""Tests that every shipped drill passes twice in the whole program, and that its recording replays to the live digest."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from monitor.correlator import Correlator
from monitor.drill import scenario as scenarios
from monitor.recordings.signals import Recording
from monitor.signals import SignalKind

pytestmark = pytest.mark.acceptance


REPLAYS = tuple(name for name in scenarios.names() if scenarios.load(name).facts)


def drilled(name: str, out: Path, *more: str) -> dict[str, Any]:
    ended = subprocess.run(
        [sys.executable, "-c", "from monitor.cli import main; main()", "drill", name, "--json", "-o", str(out), *more],
        capture_output=True, text=True, timeout=600, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert ended.stdout, ended.stderr
    verdict = json.loads(ended.stdout.splitlines()[-1])
    assert ended.returncode == (0 if verdict["held"] else 1)
    assert isinstance(verdict, dict)
    return verdict


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.parametrize("name", scenarios.names())
def test_a_drill_holds_and_replays_to_the_same_digest(name: str, turn: int, tmp_path: Path) -> None:
    verdict = drilled(name, tmp_path)

    assert verdict["held"], verdict
    assert verdict["digest"] == verdict["replay_digest"]
    assert verdict["store_rows"] > 0
    assert verdict["webhooks"] == verdict["webhooks_signed"]
    if name == "perfect-storm":
        assert verdict["webhooks"] > 0
        assert (Path(verdict["snapshot"]) / "incident.md").read_text()
        assert shuffled_digest(Path(verdict["recording"])) == verdict["digest"]


@pytest.mark.parametrize("name", REPLAYS)
def test_in_the_quiet_twin_of_a_replay_nothing_above_watch_is_flagged(name: str, tmp_path: Path) -> None:
    verdict = drilled(name, tmp_path, "--quiet-twin")

    assert verdict["held"], verdict
    assert verdict["highest"] in ("calm", "watch")
    assert verdict["digest"] == verdict["replay_digest"]


def shuffled_digest(recording: Path) -> str:
    """The digest of the same signals in another order of arrival, none later than the allowed lateness."""
    recorded = Recording(recording)
    header = recorded.header
    settings = header.settings()
    chance = random.Random(3)
    reach_s = 0.5 * min(settings.lateness_ws_s, settings.lateness_rest_s, settings.lateness_chain_s)
    signals = list(recorded)
    order = [
        (
            signal.received_at.timestamp() + (0.0 if signal.kind is SignalKind.EXPECT else chance.uniform(0, reach_s)),
            index,
        )
        for index, signal in enumerate(signals)
    ]
    correlator = Correlator(settings, vantage=header.vantage)
    for _, index in sorted(order):
        correlator.on_signal(signals[index])
    correlator.finish()
    return correlator.digest()
