"""Adding a thing of each kind is one new file plus its fixtures: shown in a copy of the repository in which no list is edited."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak

from tests.pure_rooms import ROOT

NEW = {
    "probes/venues/sample.py": '''
"""A sample venue with one check."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from probes.dialect import decode
from probes.readings import Reading, ServerTime, VenueId
from probes.venue import Budget, Context, RestCall, RestCheck, Venue

ID = VenueId("sample")


class _Time(msgspec.Struct):
    now: int


TIME = decode.Decoder(_Time)


def server_time(body: bytes, context: Context) -> Sequence[Reading]:
    """`{"now": ms}`."""
    at = decode.at_ms(TIME.decode(body).now, "$.now")
    return [ServerTime(venue=ID, received_at=context.received_at, event_time=at, resolution_s=decode.MILLISECOND)]


VENUE = Venue(
    id=ID,
    title="Sample",
    docs="https://docs.example",
    hosts={"rest": "https://api.example"},
    budgets=(Budget(name="ip", limit=100, window_s=10),),
    checks=(RestCheck(name="server_time", call=lambda _: RestCall(path="/time"), read=server_time, every_s=5),),
    feeds=(),
)
''',
    "chain/networks/sample.py": '''
"""A sample network."""

from __future__ import annotations

from chain.events import NetworkId
from chain.networks import Network

NETWORK = Network(id=NetworkId("sample"), chain_id=424242, block_time_s=2.0)
''',
    "chain/proxies/kinds/sample.py": '''
"""A sample kind of proxy, known by its code alone."""

from __future__ import annotations

from chain.events import Role
from chain.proxies.kind import LogSpec, ProxyKind, SlotSpec, code_like

KIND = ProxyKind(
    name="sample",
    source="https://docs.example",
    rank=1,
    code=code_like("5a6942<P>7e57"),
    fixed=True,
    slots=(SlotSpec(role=Role.ADMIN, slot=SLOT_OF_SAMPLE),),
    logs=(LogSpec(role=Role.ADMIN, topic="TOPIC_OF_SAMPLE", position=0),),
)
'''.replace("SLOT_OF_SAMPLE", f"0x{keccak(b'sample.proxy.admin').hex()}").replace(
        "TOPIC_OF_SAMPLE", f"0x{keccak(b'SampleAdmin(address)').hex()}"
    ),
    "chain/control/timelocks/sample.py": '''
"""A sample kind of timelock: Planned(bytes32)."""

from __future__ import annotations

from chain.control.operation import Phase, Step, Steps, getter

MARKS = (getter("sampleDelay()"),)
STEPS: Steps = {"0x" + "5a" * 32: lambda log: Step(operation=log.topics[1], phase=Phase.QUEUED, foreseen=(), eta_s=9)}
''',
    "chain/liquidity/pools/sample.py": '''
"""A sample kind of pool: a pair of another house."""

from __future__ import annotations

from dataclasses import replace

from chain.liquidity.pool import Pool
from chain.watch import WatchedPool

KINDS = ("sample",)


def make(watched: WatchedPool) -> Pool:
    """The pool before anything was read of it."""
    from chain.liquidity.pools import make_pool

    pool = make_pool(replace(watched, kind="uniswap_v2"))
    assert pool is not None
    return pool
''',
    "chain/liquidity/lenders/sample.py": '''
"""A sample protocol with liquidations: its log names the collateral, the account and the amount."""

from __future__ import annotations

from chain.liquidity.lending import Lender, Liquidated

LENDER = Lender(
    protocols=("sample",),
    source="https://docs.example",
    topic="0x" + "5b" * 32,
    read=lambda log: Liquidated(collateral=log.address_at(0), account=log.address_at(1), amount=log.word(2)),
)
''',
    "chain/liquidity/factories/sample.py": '''
"""A sample form of factory: its log has no indexed argument."""

from __future__ import annotations

from chain.liquidity.creation import Factory, NewPool

FACTORY = Factory(
    kind="sample",
    source="https://docs.example",
    topic="0x" + "5c" * 32,
    read=lambda log: NewPool(pool=log.address_at(2), token0=log.address_at(0), token1=log.address_at(1)),
)
''',
    "chain/detectors/sample.py": '''
"""A sample detector: it asks for one slot of each watched contract."""

from __future__ import annotations

from collections.abc import Sequence

from chain.blocks.block import Block
from chain.blocks.reads import Reads, SlotWord
from chain.events import PlacedEvent
from chain.watch import Watch

STAGE = 1


class Sample:
    """One network's sample."""

    def __init__(self, watch: Watch) -> None:
        self._reads = Reads(state=frozenset(SlotWord(one.address, 424242) for one in watch.contracts))

    def reads(self) -> Reads:
        """Slot 424242 of each contract."""
        return self._reads

    def on_block(self, block: Block, earlier: Sequence[PlacedEvent]) -> list[PlacedEvent]:
        """No event."""
        return []

    def memory(self) -> bytes:
        """Nothing is remembered."""
        return b""

    def recall(self, memory: bytes) -> None:
        """Nothing was remembered."""


def make(watch: Watch) -> Sample:
    """The detector of these contracts."""
    return Sample(watch)
''',
    "monitor/correlator/evidence/sample.py": '''
"""Sample evidence: funding of any kind is a finding of the liquidation leg."""

from __future__ import annotations

from monitor.correlator.producer import EvidenceBoard, Finding
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind


class SampleEvidence:
    """Puts a finding for each funding rate."""

    kinds = frozenset({SignalKind.FUNDING})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take one funding rate."""
        self._board.put(
            Finding(
                name="sample", leg=Leg.LIQUIDATION, subject=signal.subject, grade=4, onset_s=at_s, at_s=at_s,
                half_life_s=60.0, value=signal.value, normal=None, unit="fraction", said="the sample speaks",
            )
        )

    def on_second(self, now_s: float) -> None:
        """Nothing is due."""


PRODUCER = SampleEvidence
''',
    "monitor/alerting/sinks/sample.py": '''
"""A sample sink: it delivers to nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from monitor.alerting.sink import Delivered, Note, Outcome
from monitor.alerting.sinks import SinkType


@dataclass(frozen=True, slots=True)
class SampleSettings:
    """Its settings."""

    colour: str = "grey"


class SampleSink:
    """Takes every note."""

    def __init__(self, settings: SampleSettings, env: Mapping[str, str], key: str = "sinks.sample") -> None:
        self.colour = settings.colour

    async def deliver(self, client: aiohttp.ClientSession, note: Note) -> Outcome:
        """Done at once."""
        return Delivered()


SINK = SinkType(settings=SampleSettings, build=SampleSink)
''',
    "monitor/drill/scenarios/sample.toml": """
name = "sample"
title = "A sample of a quiet market"
length_s = "20s"
seed = 5
asset = "RIFT"
price = 2.5

[expect]
level = "calm"
at_most = true

[[stages]]
at_s = 0
title = "a quiet market"
""",
}
CASE = '''
"""The case of the sample kind of proxy."""

from __future__ import annotations

from tests.chain.proxies.clones import documented
from tests.chain.proxies.patterned import nothing

CASE = (documented("5a69426f{}7e57"), nothing)
SLOTS = {"sample.proxy.admin": ("sample", "admin", 0)}
LOGS = {"SampleAdmin(address)": ("sample", "admin", 0)}
'''
FIXTURES = {
    "documented": ('{"now":1793491200000}', [{
        "is": "ServerTime", "venue": "sample", "received_at": "2026-11-01T00:00:01Z",
        "event_time": "2026-11-01T00:00:00Z", "resolution_s": 0.001,
    }]),
    "damaged": ('{"now":-1}', {"malformed": "$.now: -0.001 is no time"}),
}  # fmt: skip

USE = """
import asyncio, json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chain import networks
from chain.blocks.block import Log
from chain.blocks.reads import SlotWord, StateRead
from chain.control import timelocks
from chain.events import Address
from chain.liquidity import factories, lenders, pools
from chain.proxies import kinds
from chain.proxies.recognition import recognised
from chain.sync.detector_set import DetectorSet
from chain.watch import Watch, WatchedContract, WatchedPool
from monitor.alerting import sinks
from monitor.correlator import Correlator, CorrelatorSettings
from monitor.drill import scenario
from monitor.signals import Signal, SignalKind, Subject
from probes import venues

at = Address("0x" + "0a" * 20)
code = bytes.fromhex("5a6942" + "6f" + "0b" * 16 + "7e57")
log = Log(address=at, topics=("0x" + "5a" * 32, "0x" + "01" * 32), body=b"", transaction="0x", index=0)
detectors = DetectorSet(Watch(contracts=(WatchedContract(address=at),)))

correlator = Correlator(CorrelatorSettings(), vantage="here")
start, changes = datetime(2026, 11, 1, tzinfo=UTC), []
for second in range(120):
    now = start + timedelta(seconds=second)
    tick = Signal(kind=SignalKind.TICK, event_time=now, received_at=now, source="clock", seq=second, subject=Subject(), value=0.0)
    rate = Signal(kind=SignalKind.FUNDING, event_time=now, received_at=now, source="v/funding", seq=second, value=0.01,
                  subject=Subject(asset="BTC", venue="v", instrument="BTCUSDT"), attributes={"interval_s": 28800})
    for signal in (rate, tick):
        changes += correlator.on_signal(signal)
changes += correlator.finish()

found = recognised(kinds.every(), at, code, StateRead())
print(json.dumps({
    "venue": venues.declared("sample").title,
    "network": networks.declared("sample").chain_id,
    "proxy": found and found.kind.name,
    "timelock": timelocks.steps()[log.topics[0]](log).eta_s,
    "pool": pools.make_pool(WatchedPool(address=at, kind="sample")) is not None,
    "lender": "sample" in lenders.protocols(),
    "factory": factories.by_topic()["0x" + "5c" * 32].kind,
    "detector": SlotWord(at, 424242) in detectors.reads().state,
    "evidence": any(one.name == "sample" for change in changes for one in change.evidence),
    "sink": [route.sink.colour for route in sinks.made({"sample": {"colour": "blue"}}, {})],
    "scenario": [scenario.load("sample").title, "sample" in scenario.names()],
}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with one new file of each kind, and the fixtures of the venue."""
    folder = tmp_path_factory.mktemp("copy")
    leave = shutil.ignore_patterns("__pycache__", "node_modules", ".venv", "built")
    for name in ("chain", "probes", "monitor", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=leave)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for path, text in NEW.items():
        assert not (folder / path).exists()
        (folder / path).write_text(text.lstrip("\n"))
    (folder / "tests/chain/proxies/cases/sample.py").write_text(CASE.lstrip("\n"))
    for case, (payload, readings) in FIXTURES.items():
        at = folder / "tests/probes/venues/sample/server_time" / case
        at.mkdir(parents=True)
        (at / "payload.json").write_text(payload)
        (at / "readings.json").write_text(json.dumps(readings))
        (at / "source.toml").write_text(f'page = "https://docs.example"\ngrade = "{case}"\npath = "/time"\n')
    return folder


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=110
    )


def test_one_new_file_of_each_kind_is_found_and_used(copy: Path) -> None:
    ended = run(copy, "-c", USE)

    assert ended.returncode == 0, ended.stderr
    used: dict[str, Any] = json.loads(ended.stdout)
    assert used == {
        "venue": "Sample",
        "network": 424242,
        "proxy": "sample",
        "timelock": 9,
        "pool": True,
        "lender": True,
        "factory": "sample",
        "detector": True,
        "evidence": True,
        "sink": ["blue"],
        "scenario": ["A sample of a quiet market", True],
    }


LOOPS = (
    "tests/probes/test_venue_cases.py",
    "tests/chain/proxies/test_declarations.py",
    "tests/chain/proxies/test_kinds_on_a_real_node.py::test_every_declared_kind_has_a_case",
    "tests/chain/sync/test_canonical.py",
    "tests/chain/control/test_timelocks.py",
    "tests/monitor/alerting/sinks/test_sinks.py",
    "tests/monitor/correlator/test_evidence.py",
    "tests/monitor/drill/test_scenario.py",
    "tests/test_rooms.py",
)


def test_the_tests_that_loop_over_a_folder_take_the_new_files_without_an_edit(copy: Path) -> None:
    ended = run(copy, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "-m", "not thorough", *LOOPS)

    assert ended.returncode == 0, ended.stdout[-3000:]


def test_the_import_contracts_hold_with_the_new_files(copy: Path) -> None:
    ended = run(copy, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache")

    assert ended.returncode == 0, ended.stdout[-3000:]
