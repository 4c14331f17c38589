"""Rules and dashboards name only exported metrics; promtool, where it is found, checks and tries the rules."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from monitor.telemetry.instruments import METRICS
from monitor.telemetry.metric import MetricKind

OPS = Path(__file__).parents[2] / "ops"
PROMTOOL = os.environ.get("PROMTOOL") or shutil.which("promtool")
SUFFIXES = {MetricKind.COUNTER: ("_total",), MetricKind.GAUGE: ("",), MetricKind.HISTOGRAM: ("_bucket", "_count")}
UNITS = {"s": "_seconds", "By": "_bytes"}


@pytest.mark.parametrize("name", ["prometheus/rules.yml", "grafana/overview.json", "grafana/bus.json"])
def test_every_metric_named_is_one_of_the_table(name: str) -> None:
    exported = {
        one.name.replace(".", "_") + UNITS.get(one.unit, "") + suffix
        for one in METRICS
        for suffix in SUFFIXES[one.kind]
    }
    named = set(re.findall(r"\bstormwatch_\w+", (OPS / name).read_text(encoding="utf-8")))
    assert named
    assert named <= exported


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool (Debian: prometheus), nor a path to it in PROMTOOL")
def test_the_rules_load_and_fire_as_their_own_tests_say() -> None:
    assert PROMTOOL is not None
    for words in (("check", "rules", "rules.yml"), ("test", "rules", "rules_test.yml")):
        subprocess.run([PROMTOOL, *words], cwd=OPS / "prometheus", check=True, timeout=30)
