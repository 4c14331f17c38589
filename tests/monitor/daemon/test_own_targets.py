"""The daemon asks the operator's own targets: their outcomes and claims reach the correlator as signals of their own subject."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from chain.events import ChainEvent
from monitor.correlator import Correlator
from monitor.daemon.assembly import intake_of
from monitor.daemon.sources import Sources
from monitor.errors import OperatorError
from monitor.incidents import IncidentChange
from monitor.pipeline import Pipeline
from monitor.settings import AssetSettings, Settings
from monitor.settings.targets import TargetSettings
from monitor.signals import Signal, SignalKind
from probes.readings import Reading
from probes.rest.http import utc_now
from tests.monitor.daemon.test_sources import Nowhere
from tests.probes.loopback import say, serving

PATIENCE_S = 30.0


class Heard:
    """Takes signals until one of each wanted kind is there."""

    def __init__(self) -> None:
        self.found: dict[SignalKind, Signal] = {}
        self.all = asyncio.Event()

    def record(self, reading: Reading) -> str | None:
        return None

    def record_chain(self, event: ChainEvent) -> str | None:
        return None

    def signals(self, signals: Sequence[Signal]) -> None:
        for one in signals:
            self.found.setdefault(one.kind, one)
        if {SignalKind.EXPECT, SignalKind.CLAIM, SignalKind.REQUEST} <= self.found.keys():
            self.all.set()

    def changes(self, changes: Sequence[IncidentChange]) -> None:
        return


def sources(target: TargetSettings, heard: Heard) -> Sources:
    settings = Settings(assets={"BTC": AssetSettings()}, targets={"rpc": target})
    pipeline = Pipeline(intake_of(settings), Correlator(settings.correlator), heard, heard)
    return Sources(settings, {}, utc_now, pipeline=pipeline, checkpoints=Nowhere())


async def test_a_target_becomes_expectation_claim_and_request_of_its_own_subject() -> None:
    heard = Heard()
    async with serving({"/": say("", 503)}) as served:
        part = sources(TargetSettings(url=f"{served.url}/", every_s=0.05), heard).parts()["targets"]
        task = asyncio.ensure_future(part())
        try:
            async with asyncio.timeout(PATIENCE_S):
                await heard.all.wait()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    expected, claim, asked = (heard.found[kind] for kind in (SignalKind.EXPECT, SignalKind.CLAIM, SignalKind.REQUEST))
    assert {one.source for one in (expected, claim, asked)} == {"target:rpc/http"}
    assert {one.subject.venue for one in (expected, claim, asked)} == {"target:rpc"}
    assert (expected.subject.asset, expected.attributes["class"]) == ("BTC", "target")
    assert claim.attributes["state"] == "asked"
    assert (asked.attributes["outcome"], asked.attributes["detail"]) == ("unmet", "HTTP 503; allowed: 200")
    assert asked.attributes["ours"] is False


def test_a_secret_that_is_missing_is_told_before_anything_starts() -> None:
    with pytest.raises(OperatorError, match="NO_SUCH_URL"):
        sources(TargetSettings(url_env="NO_SUCH_URL"), Heard()).parts()


def test_a_target_that_is_switched_off_is_no_part() -> None:
    with pytest.raises(OperatorError, match=r"targets\.NAME"):
        sources(TargetSettings(url="http://127.0.0.1:9/", enabled=False), Heard()).parts()
