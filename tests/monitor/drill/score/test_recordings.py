"""Tests of truth files: what is wrong in one is told with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.drill.score.recordings import read_truth
from monitor.errors import OperatorError
from monitor.incidents import Leg, Level

LEG = '[[assets]]\nasset = "BTC"\nlevel = "watch"\n[[assets.legs]]\nleg = "venue"\nonset = 2025-10-10T21:18:00Z\nend = {end}\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "truth.toml"
    path.write_text(text)
    return path


def test_a_truth_has_unix_times(tmp_path: Path) -> None:
    truth = read_truth(written(tmp_path, LEG.format(end="2025-10-10T21:51:00Z")))["BTC"]

    assert truth.level is Level.WATCH
    assert [(one.leg, one.onset_s, one.end_s) for one in truth.legs] == [(Leg.VENUE, 1760131080.0, 1760133060.0)]


def test_a_time_names_its_zone(tmp_path: Path) -> None:
    truth = read_truth(written(tmp_path, LEG.format(end="2025-10-10T23:51:00+02:00")))["BTC"]

    assert truth.legs[0].end_s == 1760133060.0
    with pytest.raises(OperatorError, match="a time with its zone"):
        read_truth(written(tmp_path, LEG.format(end="2025-10-10T21:51:00")))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (LEG.format(end="2025-10-10T21:00:00Z"), "assets[0].legs[0].end"),
        (LEG.format(end="2025-10-10T21:51:00Z").replace('"watch"', '"wacht"'), "assets[0].level"),
        (LEG.format(end="2025-10-10T21:51:00Z").replace('"venue"', '"fragility"'), "assets[0].legs[0].leg"),
        ('[[assets]]\nasset = "BTC"\n[[assets]]\nasset = "BTC"\n', "assets[1].asset"),
        ('[[assets]]\nasset = "BTC"\nfaults = ["venu"]\n', "assets[0].faults[0]"),
        ("[[assets]\n", "--truth"),
    ],
)
def test_a_mistake_is_told_with_its_key(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(OperatorError) as caught:
        read_truth(written(tmp_path, text))

    assert caught.value.key == key


def test_a_file_that_is_not_there_or_too_large_is_the_operators_mistake(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="--truth"):
        read_truth(tmp_path / "none.toml")
    with pytest.raises(OperatorError, match="at most"):
        read_truth(written(tmp_path, "#" * 1_000_001))
