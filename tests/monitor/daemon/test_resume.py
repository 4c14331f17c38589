"""A start continues where the last run stopped: thawed by the same program, judged again and adopted by any other."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from monitor.correlator import Correlator, CorrelatorSettings
from monitor.correlator.freezing import FORMAT
from monitor.daemon import resume
from monitor.daemon.resume import Resumed, Watched, image_of, resumed
from monitor.incidents import ChangeKind, IncidentChange, IncidentState, Level
from monitor.intake import Intake
from monitor.log import Holding, Image, Stream
from monitor.log.change_json import decode_change
from monitor.log.follow import remaining
from monitor.log.settings import LogSettings
from monitor.log.sqlite_log import SqliteLog
from monitor.pipeline import Pipeline
from monitor.signals import Signal, SignalKind, Subject
from monitor.telemetry.settings import TelemetrySettings
from monitor.telemetry.telemetry import Telemetry
from tests.monitor.correlator.storm import DRILL, NETWORK, START, Story, at

ROOT = Path(__file__).parents[3]
WATCHED = Watched(
    vantage="home",
    assets=frozenset({"BTC"}),
    venues=frozenset({"alpha", "beta", "gamma", "delta"}),
    networks=frozenset({NETWORK}),
)
STORM = Story(90).trouble(30, 90, "alpha", "beta").surge(35, 90).upgrade(45).signals()
CUT = next(index for index, one in enumerate(STORM) if one.received_at >= at(70))
"""The storm is open here."""
OTHER = replace(DRILL, prior=0.002)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[SqliteLog]:
    """The log, kept whole."""
    local = SqliteLog(folder, LogSettings(keep_s=1e9), {"database": Holding.UNTIL_LIMIT}, lambda: datetime.now(UTC))
    await local.open()
    try:
        yield local
    finally:
        await local.close()


def pipeline(local: SqliteLog, correlator: Correlator) -> Pipeline:
    telemetry = Telemetry(TelemetrySettings(), vantage="home", version="test", env={})
    return Pipeline(Intake(vantage="home", assets=()), correlator, telemetry, local)


async def run(
    folder: Path, signals: Sequence[Signal], image_at: int | None = None, settings: CorrelatorSettings = DRILL
) -> Correlator:
    """A first run that judges signals, writes its image at one of them, and ends without a clean stop."""
    async with opened(folder) as local:
        correlator = Correlator(settings, vantage="home")
        into = pipeline(local, correlator)
        for number, one in enumerate(signals):
            if number == image_at:
                local.image(image_of(correlator, WATCHED))
            into.take([one])
        await local.flush()
    return correlator


async def changes_of(local: SqliteLog) -> list[IncidentChange]:
    await local.flush()
    return [
        decode_change(entry.body)
        async for chunk in remaining(local, 0, (Stream.CHANGE,))
        for entry in chunk.entries
    ]  # fmt: skip


def whole(signals: Sequence[Signal], settings: CorrelatorSettings = DRILL) -> tuple[str, list[IncidentChange]]:
    """The digest and the changes of one run without an end."""
    correlator = Correlator(settings, vantage="home")
    changes = [change for one in signals for change in correlator.on_signal(one)]
    return correlator.digest(), changes


def tick(second: float) -> Signal:
    return Signal(SignalKind.TICK, Subject(), at(second), at(second), "clock", 1_000_000, 0.0)


async def continued(
    local: SqliteLog, signals: Sequence[Signal], settings: CorrelatorSettings = DRILL, watched: Watched = WATCHED
) -> tuple[Resumed, list[IncidentChange]]:
    """What the daemon does at a start, and the changes that the signals then bring."""
    began = await resumed(local, settings, watched)
    local.changes(began.changes)
    into = pipeline(local, began.correlator)
    before = len(await changes_of(local))
    into.take(signals)
    into.complete(START)  # completes no second: it judges the rest of those that are complete
    return began, (await changes_of(local))[before:]


async def test_the_same_program_thaws_its_image_and_judges_only_what_came_behind_it(tmp_path: Path) -> None:
    await run(tmp_path, STORM[:CUT], image_at=CUT - 40)
    digest, changes = whole(STORM)
    async with opened(tmp_path) as local:
        began, _ = await continued(local, STORM[CUT:])
        assert (began.thawed, began.judged) == (True, 40)
        assert began.correlator.digest() == digest
        assert await changes_of(local) == changes


async def test_an_image_that_is_the_last_entry_is_continued_without_judging_anything_again(tmp_path: Path) -> None:
    first = await run(tmp_path, STORM[:CUT])
    async with opened(tmp_path) as local:
        local.image(image_of(first, WATCHED))
        await local.flush()
    async with opened(tmp_path) as local:
        began, _ = await continued(local, STORM[CUT:])
        assert (began.thawed, began.judged, list(began.changes)) == (True, 0, [])
        assert began.correlator.digest() == whole(STORM)[0]


async def test_a_log_without_an_image_is_judged_from_its_beginning_and_tells_nothing_twice(tmp_path: Path) -> None:
    await run(tmp_path, STORM[:CUT])
    digest, changes = whole(STORM)
    async with opened(tmp_path) as local:
        began, _ = await continued(local, STORM[CUT:])
        assert (began.thawed, began.judged) == (False, CUT)
        assert began.correlator.digest() == digest
        assert await changes_of(local) == changes


async def test_an_empty_log_begins_anew(tmp_path: Path) -> None:
    async with opened(tmp_path) as local:
        began = await resumed(local, DRILL, WATCHED)
        assert (began.judged, list(began.changes), began.correlator.settings) == (0, [], DRILL)


async def test_changes_that_were_judged_but_not_written_are_appended_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as local:
        local.image(image_of(Correlator(DRILL, vantage="home"), WATCHED))
        local.signals(STORM[:CUT])
        await local.flush()  # the process dies before it appends the changes
    _, changes = whole(STORM[:CUT])
    async with opened(tmp_path) as local:
        began, _ = await continued(local, [])
        assert began.thawed
        assert list(began.changes) == changes == await changes_of(local)
    async with opened(tmp_path) as local:
        await continued(local, [])
        assert await changes_of(local) == changes


async def judged_by_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch, how: str, signals: Sequence[Signal]
) -> tuple[Resumed, list[IncidentChange]]:
    """Continue as another program does: its code, its settings or what it watches differs."""
    settings = OTHER if how == "settings" else DRILL
    watched = replace(WATCHED, assets=frozenset({"BTC", "ETH"})) if how == "watched" else WATCHED
    if how == "code":
        monkeypatch.setattr(resume, "code_id", lambda: "another")
    async with opened(folder) as local:
        return await continued(local, signals, settings, watched)


@pytest.mark.parametrize("how", ["code", "settings", "watched"])
async def test_another_program_judges_the_log_again_and_its_incidents_go_on(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = await run(tmp_path, STORM[:CUT], image_at=CUT - 40)
    was = {one.scope: one for one in first.open_incidents()}
    with caplog.at_level(logging.WARNING, "stormwatch.resume"):
        began, changes = await judged_by_another(tmp_path, monkeypatch, how, STORM[CUT:])
    assert (began.thawed, began.judged, list(began.changes)) == (False, CUT, [])
    assert "judged again" in caplog.text
    open_now = {one.scope: one for one in began.correlator.open_incidents()}
    assert {scope: one.incident_id for scope, one in open_now.items()} == {
        scope: one.incident_id for scope, one in was.items()
    }
    for scope, last in was.items():
        revisions = [one.revision for one in changes if one.scope == scope]
        assert revisions == list(range(last.revision + 1, last.revision + 1 + len(revisions)))
    assert not [one for one in changes if one.pages and one.level <= was[one.scope].peak]


async def test_an_incident_that_another_program_would_not_see_goes_on_and_ends_in_its_own_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(tmp_path, STORM[:CUT], image_at=0)
    calm = Story(70).signals()
    blind_to_it = replace(DRILL, warm_s=1e6, true_nats=50.0)
    later = [
        msgspec.structs.replace(
            one, event_time=one.event_time + timedelta(seconds=90), received_at=one.received_at + timedelta(seconds=90)
        )
        for one in calm
    ]
    async with opened(tmp_path) as local:
        first = (await changes_of(local))[-1]
        began, changes = await continued(local, later, blind_to_it)
        assert not began.thawed
        mine = [one for one in changes if one.scope == "asset:BTC"]
        assert mine[-1].kind in (ChangeKind.ENDED, ChangeKind.LOWERED)
        assert {one.incident_id for one in mine} == {
            one.incident_id for one in [first, *await changes_of(local)] if one.scope == "asset:BTC"
        }


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ("asset:BTC", replace(WATCHED, assets=frozenset({"ETH"}))),
        ("venue:alpha", replace(WATCHED, venues=frozenset({"beta", "gamma", "delta"}))),
    ],
)
async def test_an_open_incident_of_what_is_not_watched_any_more_ends_as_unknown_at_the_first_second(
    scope: str, left: Watched, tmp_path: Path
) -> None:
    first = await run(tmp_path, STORM[:CUT], image_at=CUT - 40)
    was = next(one for one in first.open_incidents() if one.scope == scope)
    async with opened(tmp_path) as local:
        began, changes = await continued(local, [tick(100), tick(200), tick(300)], DRILL, left)
        [mine] = [one for one in changes if one.scope == scope]
        assert (mine.kind, mine.state, mine.level) == (
            ChangeKind.ENDED_UNKNOWN, IncidentState.ENDED_UNKNOWN, Level.CALM,
        )  # fmt: skip
        assert (mine.incident_id, mine.revision, mine.pages) == (was.incident_id, was.revision + 1, False)
        assert mine.headline == f"{scope.partition(':')[2]} is not watched any more: how this ended is unknown"
        assert mine.replay_id == f"{mine.incident_id}:{mine.revision}"
        assert mine == min((one for one in changes), key=lambda one: one.at)
        assert scope not in {one.scope for one in began.correlator.open_incidents()}
    async with opened(tmp_path) as local:
        began, changes = await continued(local, [tick(400)], DRILL, left)
        assert [one for one in changes if one.scope == scope] == []


async def test_an_open_incident_of_another_vantage_ends_as_unknown(tmp_path: Path) -> None:
    await run(tmp_path, Story(60).network_down(20, 60).signals(), image_at=5)
    async with opened(tmp_path) as local:
        _, changes = await continued(local, [tick(100), tick(110)], DRILL, replace(WATCHED, vantage="cellar"))
        assert [one.kind for one in changes if one.scope == "vantage:home"] == [ChangeKind.ENDED_UNKNOWN]


async def test_what_is_not_watched_any_more_makes_nobody_blind(tmp_path: Path) -> None:
    await run(tmp_path, STORM[:CUT], image_at=CUT - 40)
    left = replace(WATCHED, venues=frozenset({"gamma", "delta"}))
    async with opened(tmp_path) as local:
        began, _ = await continued(local, [one for one in STORM[CUT:] if left.hears(one)], DRILL, left)
        verdict = began.correlator.verdicts()["BTC"]
        assert not [one.source for one in verdict.blind if one.source.startswith(("alpha", "beta"))]
        assert set(began.correlator._coverage.venues["BTC"]) == {"gamma", "delta"}


@pytest.mark.parametrize(
    ("subject", "heard"),
    [
        (Subject(), True),
        (Subject(asset="BTC", venue="alpha", vantage="home"), True),
        (Subject(asset="DOGE", venue="alpha"), False),
        (Subject(asset="BTC", venue="omega"), False),
        (Subject(network="base"), False),
        (Subject(vantage="cellar"), False),
    ],
)
def test_a_signal_is_heard_when_all_that_it_is_about_is_watched(subject: Subject, *, heard: bool) -> None:
    assert WATCHED.hears(msgspec.structs.replace(tick(1), subject=subject)) is heard


def test_what_is_watched_has_another_id_when_anything_in_it_differs() -> None:
    others = [
        replace(WATCHED, vantage="cellar"), replace(WATCHED, assets=frozenset()), replace(WATCHED, venues=frozenset()),
        replace(WATCHED, networks=frozenset()), WATCHED,
    ]  # fmt: skip
    assert len({one.id for one in others}) == len(others)


@pytest.mark.parametrize("how", ["same", "code"])
@pytest.mark.slow
async def test_a_pause_of_a_day_holds_an_incident_blind_and_ends_it_as_unknown_in_its_seconds(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(DRILL, held_blind_max_s=600)
    first = await run(tmp_path, STORM[:CUT], image_at=CUT - 40, settings=settings)
    was = next(one for one in first.open_incidents() if one.scope == "asset:BTC")
    if how == "code":
        monkeypatch.setattr(resume, "code_id", lambda: "another")
    async with opened(tmp_path) as local:
        ticks = [tick(86_400 + second) for second in range(61)]  # only the clock speaks: it is believed after a minute
        began, changes = await continued(local, ticks, settings)
        assert began.thawed is (how == "same")
        mine = [one for one in changes if one.scope == "asset:BTC"]
        held = next(one for one in mine if one.kind is ChangeKind.HELD_BLIND)
        ended = mine[-1]
        assert ended.kind is ChangeKind.ENDED_UNKNOWN
        assert {one.incident_id for one in mine} == {was.incident_id}
        assert [one.revision for one in mine] == list(range(was.revision + 1, was.revision + 1 + len(mine)))
        assert held.at < at(70 + 60)
        assert ended.at == held.at + timedelta(seconds=600)


async def test_a_broken_image_is_not_used_and_the_log_is_judged_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await run(tmp_path, STORM[:CUT])
    async with opened(tmp_path) as local:
        whose = image_of(Correlator(DRILL), WATCHED).code
        for body in (b"", b"\xc1", msgspec.msgpack.encode(["stormwatch.correlator/0", [], [], {}])):
            local.image(Image(whose, body))
            await local.flush()
            caplog.clear()
            began = await resumed(local, DRILL, WATCHED)
            assert (began.thawed, began.judged) == (False, CUT)
            assert began.correlator.digest() == whole(STORM[:CUT])[0]
            assert "the correlator's last state is not used" in caplog.text
        assert f"not {FORMAT}" in caplog.text


def copied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the program's sources, of which `code_id` then tells."""
    for floor in ("monitor", "chain"):
        shutil.copytree(ROOT / floor, folder / floor, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(resume, "monitor", SimpleNamespace(__file__=str(folder / "monitor" / "__init__.py")))
    return folder


@pytest.mark.parametrize(
    ("file", "differs"),
    [
        ("monitor/correlator/episodes.py", True),
        ("monitor/correlator/evidence/liquidation_surge.py", True),
        ("monitor/detect/rate.py", True),
        ("monitor/signals/kinds.py", True),
        ("monitor/incidents.py", True),
        ("monitor/registry.py", True),
        ("chain/events/control.py", True),
        ("chain/blocks/abi.py", True),
        ("monitor/store/reader.py", False),
    ],
)
def test_the_code_has_another_id_when_a_source_of_the_correlator_differs(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, differs: bool
) -> None:
    folder = copied(tmp_path, monkeypatch)
    before = resume.code_id.__wrapped__()
    assert before == resume.code_id.__wrapped__()
    path = folder / file
    path.write_text(path.read_text() + "\n# another line\n")
    assert (resume.code_id.__wrapped__() != before) is differs


def test_the_code_has_another_id_for_another_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    before = resume.code_id.__wrapped__()
    monkeypatch.setattr(resume, "version", "3.99.0")
    assert resume.code_id.__wrapped__() != before


def test_the_code_id_covers_every_module_of_ours_that_the_correlator_loads() -> None:
    script = (
        "import sys; from monitor.correlator import Correlator; Correlator(); "
        "print(*[n for n in sys.modules if n.split('.')[0] in ('monitor', 'chain', 'probes')])"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    only_folders = {"monitor", "chain"}
    left = [
        name
        for name in loaded.stdout.split()
        if name not in only_folders and not any(name == one or name.startswith(f"{one}.") for one in resume.SOURCES)
    ]
    assert left == []


def test_what_watches_for_us_is_watched_and_another_set_of_it_is_another_watch() -> None:
    several = replace(WATCHED, agents=frozenset({"eu", "us"}))
    tick_of = {one: msgspec.structs.replace(tick(1), subject=Subject(vantage=one)) for one in ("eu", "us", "home")}

    assert several.covers("vantage:us")
    assert not several.covers("vantage:home")
    assert [one for one, signal in tick_of.items() if several.hears(signal)] == ["eu", "us"]
    assert len({WATCHED.id, several.id, replace(several, agents=frozenset({"eu"})).id}) == 3
