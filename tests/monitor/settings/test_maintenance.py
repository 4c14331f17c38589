"""`[[maintenance]]` in the settings: times name their zone, names exist, and all mistakes are reported at once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.errors import OperatorError, SeveralMistakes
from monitor.incidents import Leg
from monitor.settings import Settings, load_settings
from monitor.settings.maintenance import MaintenanceSettings
from monitor.settings.toml_text import as_toml

GOOD = """
[assets.BTC]
[targets.api]
url = "https://api.example/"
[[maintenance]]
start = 2026-11-24T10:00:00+09:00
end = "2026-11-24T03:00Z"
reason = "bybit upgrades"
venues = ["bybit", "target:api"]
assets = ["BTC"]
legs = ["venue"]
"""


def loaded(folder: Path, text: str) -> Settings:
    path = folder / "stormwatch.toml"
    path.write_text(text)
    return load_settings(path, {})


def test_a_window_is_read_in_utc_and_shown_as_it_can_be_read_again(tmp_path: Path) -> None:
    settings = loaded(tmp_path, GOOD)
    assert settings.maintenance == (
        MaintenanceSettings(
            start=datetime(2026, 11, 24, 1, tzinfo=UTC), end=datetime(2026, 11, 24, 3, tzinfo=UTC), reason="bybit upgrades",
            venues=("bybit", "target:api"), assets=("BTC",), legs=(Leg.VENUE,),
        ),
    )  # fmt: skip
    shown = as_toml({"maintenance": settings.public()["maintenance"]})
    assert loaded(tmp_path, f"{shown}\n{GOOD.partition('[[')[0]}").maintenance == settings.maintenance


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("2026-11-24T01:00:00", "write 2026-11-24T01:00:00Z for UTC"),
        ('"2026-11-24T01:00"', "write 2026-11-24T01:00:00Z for UTC"),
        ("2026-11-24", "a time with its zone"),
        ("01:00:00", "a time with its zone"),
        ('"tomorrow"', "a time with its zone"),
        ("5", "a time with its zone"),
        ("0001-01-01T00:00:00+09:00", "from the year 1"),
    ],
)
def test_a_time_that_does_not_name_its_zone_is_refused(tmp_path: Path, start: str, said: str) -> None:
    with pytest.raises(OperatorError, match=r"zone|year 1") as caught:
        loaded(tmp_path, GOOD.replace("2026-11-24T10:00:00+09:00", start))
    assert caught.value.key == "maintenance[0].start"
    assert said in str(caught.value)


def test_every_mistake_of_a_window_is_told_at_once(tmp_path: Path) -> None:
    wrong = GOOD.replace("T03:00Z", "T00:00Z").replace("bybit upgrades", " ").replace('["venue"]', '["fragility"]')
    wrong = wrong.replace('["bybit", "target:api"]', '["bybitt", "target:apj"]').replace('["BTC"]', '["BTCC"]')
    with pytest.raises(SeveralMistakes) as caught:
        loaded(tmp_path, wrong)
    assert sorted(one.key for one in caught.value.mistakes) == [
        f"maintenance[0].{key}" for key in ("assets", "end", "legs", "reason", "venues", "venues")
    ]


def test_a_window_is_bounded_in_time_and_in_number(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="at most 90 days"):
        loaded(tmp_path, GOOD.replace('"2026-11-24T03:00Z"', '"2027-11-24T03:00Z"'))
    with pytest.raises(OperatorError, match="at most 256"):
        loaded(tmp_path, GOOD + GOOD[GOOD.index("[[") :] * 256)
