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

from tests.new_files import CASE, FIXTURES, NEW
from tests.pure_rooms import ROOT

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
