"""The output and the mistakes of `stormwatch score`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.cli.app import app
from monitor.cli.render.score import _delay, _storms_a_quarter
from monitor.drill.score.summary import Delays, figures
from monitor.errors import OperatorError
from tests.monitor.cli.test_schemas import validate
from tests.monitor.drill.score.test_campaign import seed_of
from tests.monitor.drill.score.test_summary import QUIET

SEED = str(seed_of("upgrade"))


def output_of(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["score", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_list_names_each_kind_with_its_title() -> None:
    assert "slow_storm: a slow storm over hours" in output_of("--list")
    assert json.loads(output_of("--list", "--json").splitlines()[0]).keys() == {"kind", "title"}


def test_a_score_says_what_was_judged_and_what_was_frozen() -> None:
    text = output_of("--seed", SEED, "--venues", "1", "--jobs", "1")

    for words in ("recall of storms", "migration leg", "ECE", "Kinds: this seed", "parameters frozen", "1 of"):
        assert words in text


def test_a_score_as_json_matches_its_schema() -> None:
    line = output_of("--seed", SEED, "--venues", "1", "--jobs", "1", "--json")

    validate("score", json.loads(line))


def test_a_case_is_saved_and_scored_against_its_truth_and_under_other_settings(tmp_path: Path) -> None:
    path = tmp_path / "case.jsonl.gz"
    settings = tmp_path / "deaf.toml"
    settings.write_text("[correlator]\nstorm_nats = 4.0\ntrue_nats = 3.9\n")
    output_of("--seed", SEED, "--venues", "1", "-o", str(path))

    line = output_of(str(path), "--truth", str(tmp_path / "case.truth.toml"), "--settings", str(settings), "--json")

    made = json.loads(line)
    validate("recording-score", made)
    assert made["incidents"][0]["scope"] == "asset:RIFT"
    assert made["figures"]["RIFT"]["clean"] == 1
    assert any(change["what"] == "vanishes" for change in made["changes"])
    text = output_of(str(path), "--settings", str(settings))
    assert "vanishes" in text


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (("--kinds", "cascad"), "--kinds"),
        (("--venues", "0"), "--venues"),
        (("--venues", ","), "--venues"),
        (("--venues", "51"), "--venues"),
        (("--ablate", "fusion"), "--ablate"),
        (("--jobs", "0"), "--jobs"),
        (("--seeds", "-1"), "--seeds"),
        (("--seeds", "0", "--train", "0"), "--seeds"),
        (("--seed", "-1"), "--seed"),
        (("-o", "x.jsonl"), "--out"),
        (("--truth", "x.toml"), "--truth"),
        (("none.jsonl",), "FILE"),
    ],
)
def test_a_mistake_names_the_option(arguments: tuple[str, ...], key: str) -> None:
    result = CliRunner().invoke(app, ["score", *arguments])

    assert isinstance(result.exception, OperatorError)
    assert key in result.exception.key


def test_a_run_that_is_terminated_ends_its_workers_and_says_nothing() -> None:
    command = (sys.executable, "-c", "from monitor.cli import main; main()", "score", "--jobs", "2")
    run = subprocess.Popen(
        (*command, "--kinds", "upgrade", "--venues", "1", "--seeds", "400", "--train", "0"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert run.stderr is not None
    assert "of 400 seeds" in run.stderr.readline()

    run.terminate()
    _, said = run.communicate(timeout=60)  # returns when nobody holds its pipes any more, workers among them

    assert run.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in said


def test_what_was_never_found_is_said_so() -> None:
    assert _delay(Delays(of=3, found=2, p50_s=4.0, p95_s=None)) == "4.0 / never (found 2/3)"
    assert _delay(Delays(of=0, found=0, p50_s=None, p95_s=None)) == "-"


def test_no_false_storm_in_a_short_time_is_an_upper_bound_and_no_zero() -> None:
    assert _storms_a_quarter(figures([QUIET])).startswith("0 seen; under ")
