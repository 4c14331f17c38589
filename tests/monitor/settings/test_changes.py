"""The keys in which two trees of settings differ, without their values."""

from __future__ import annotations

from dataclasses import replace

from monitor.settings.changes import changed_keys
from monitor.settings.tree import AssetSettings, LogLevel, Settings, VenueSettings
from monitor.web.settings import WebSettings

BEFORE = Settings(
    assets={"BTC": AssetSettings()},
    venues={"okx": VenueSettings(every_s={"book_rest": 1.0}), "gate": VenueSettings()},
    sinks={"desk": {"type": "webhook", "url": "https://desk.example/secret"}},
)


def test_equal_settings_differ_in_nothing() -> None:
    assert changed_keys(BEFORE, replace(BEFORE)) == ()


def test_each_key_is_named_as_far_down_as_it_differs() -> None:
    after = replace(
        BEFORE, log_level=LogLevel.DEBUG, web=WebSettings(port=1),
        venues={"okx": VenueSettings(every_s={"book_rest": 2.0}, timeout_s=3.0), "bybit": VenueSettings()},
        sinks={"desk": {"type": "webhook", "url": "https://desk.example/other", "pages_only": True}},
    )  # fmt: skip
    assert changed_keys(BEFORE, after) == (
        "log_level", "venues.okx.every_s.book_rest", "venues.okx.timeout_s", "venues.gate", "venues.bybit", "web.port",
        "sinks.desk.url", "sinks.desk.pages_only",
    )  # fmt: skip


def test_a_key_that_becomes_a_table_is_named_itself() -> None:
    assert changed_keys(BEFORE, replace(BEFORE, sinks={"desk": {**BEFORE.sinks["desk"], "type": {}}})) == (
        "sinks.desk.type",
    )
