"""`stormwatch detect`: rows with scores in the order of the file, alarms with onset and rate, mistakes in one line."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from monitor.cli.app import app
from monitor.cli.schemas import schema
from monitor.errors import OperatorError


def step(folder: Path) -> Path:
    """Latencies of 40 ms each ten seconds that are threefold from row 500 to 530, shuffled at one place, with a hole."""
    chance = random.Random(1)
    rows = [
        f"{1704067200000 + 10_000 * row},{round((120 if 500 <= row < 530 else 40) * chance.lognormvariate(0, 0.1))}"
        for row in range(700)
    ]
    rows[100], rows[101] = rows[101], rows[100]
    rows[200] = "1704069200000,"
    path = folder / "latency.csv"
    path.write_text("\n".join(["ts,latency_ms", *rows]) + "\n")
    return path


def output_of(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["detect", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_each_row_has_a_score_and_the_alarm_its_onset(tmp_path: Path) -> None:
    lines = output_of(str(step(tmp_path)), "--kind", "latency", "--json").splitlines()
    rows, summary = [json.loads(line) for line in lines[:-1]], json.loads(lines[-1])
    Draft202012Validator(schema("detect-summary")).validate(summary)
    Draft202012Validator(schema("detect-row")).validate(rows[0])
    assert len(rows) == summary["rows"] == 700
    assert [row["at"] for row in rows[100:102]] == [1704068210.0, 1704068200.0], "in the order of the file"
    assert (rows[200]["value"], rows[200]["score"], rows[200]["alarm"]) == (None, None, None)
    assert summary["found"] == {"rows out of order": 1, "rows without a number": 1}
    [alarm] = summary["alarms"]
    assert alarm["onset"] == "2024-01-01T01:23:20Z"
    assert alarm["told"] <= "2024-01-01T01:24:20Z"
    assert "2024-01-01T01:28:00Z" <= alarm["ended"] <= "2024-01-01T01:31:00Z"
    assert alarm["normal"] == pytest.approx(40, rel=0.05)
    assert alarm["value"] > 90
    assert alarm["per_day"] < 1 / 7
    assert max(row["score"] for row in rows if row["score"] is not None) == max(row["score"] for row in rows[500:530])


def test_the_rows_can_be_written_beside_the_alarms(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    text = output_of(str(step(tmp_path)), "--kind", "latency", "--csv", str(out))
    assert "alarm since 2024-01-01 01:23:20" in text
    assert "latency_ms by ts: 700 rows, 699 judged, 1 alarms" in text
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 700
    assert rows[505]["alarm"] == "1"
    assert rows[0] | {"value": ""} == {"time": "1704067200000", "value": "", "score": "0", "alarm": "0"}


def test_without_a_file_to_write_the_screen_has_the_rows(tmp_path: Path) -> None:
    lines = output_of(str(step(tmp_path)), "--value", "2").splitlines()
    assert lines[0] == "time,value,score,alarm"
    assert len(lines) == 701


def test_an_alarm_may_last_to_the_end_and_words_of_rates_have_two_digits(tmp_path: Path) -> None:
    path = step(tmp_path)
    path.write_text("\n".join(path.read_text().splitlines()[:520]))
    assert "lasts" in output_of(str(path), "--kind", "latency", "--csv", str(tmp_path / "o.csv"))
    from monitor.cli.commands.detect import _often

    assert [_often(one) for one in (2.345, 1 / 12.3, 1 / 730, 0.0)] == [
        "2.3 times a day", "once in 12 days", "once in 2 years", "once in 99 years",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--kind", "latencies"), "did you mean 'latency'"),
        (("--value", "lag"), "latency_ms"),
        (("--csv", "/proc/x"), "--csv"),
    ],
)
def test_a_mistake_names_its_remedy(tmp_path: Path, options: tuple[str, str], said: str) -> None:
    result = CliRunner().invoke(app, ["detect", str(step(tmp_path)), *options])
    assert isinstance(result.exception, OperatorError)
    assert said in str(result.exception)


def test_the_file_that_is_read_is_not_written_over(tmp_path: Path) -> None:
    path = step(tmp_path)
    result = CliRunner().invoke(app, ["detect", str(path), "--csv", str(path)])
    assert isinstance(result.exception, OperatorError)
    assert path.read_text().startswith("ts,latency_ms")
