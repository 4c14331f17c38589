"""Logs are exported with trace ids and without secrets."""

from __future__ import annotations

import itertools
import logging
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.incidents import ChangeKind, Level
from monitor.telemetry.incident_traces import trace_id_of
from monitor.telemetry.redact import redact
from tests.branches import Reached
from tests.monitor.telemetry.samples import START_NS, MemoryExports, bare, change, check, memory_exports

NUMBERS = itertools.count()


def logger_into(exports: MemoryExports, name: str = "stormwatch.test") -> logging.Logger:
    logger = logging.getLogger(f"{name}.{next(NUMBERS)}")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(exports.telemetry.log_sink())
    return logger


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("GET https://me:hunter2@host.example/x", "hunter2"),
        ("postgresql://me:hunter2@127.0.0.1/db away", "hunter2"),
        ("wss://node.example/v3/0123456789abcdef0123456789abcdef gone", "0123456789abcdef"),
        ("https://host.example/x?symbol=BTC&apiKey=hunter2", "hunter2"),
        ("https://host.example/x?key=hunter2&y=1", "hunter2"),
        ("token=hunter2, retry", "hunter2"),
        ("secret: hunter2", "hunter2"),
        ("{'X-MBX-APIKEY': 'hunter2'}", "hunter2"),
        ('{"Authorization": "Bearer hunter2"}', "hunter2"),
        ("Authorization: Basic aHVudGVyMg==", "aHVudGVyMg"),
        ("bearer abcdefghijkl", "abcdefghijkl"),
        ("https://api.telegram.example/bot123456789:AAFrTabcdefghijklmnopqrstuvwxyz0123/sendMessage", "AAFrT"),
        ("https://hooks.slack.example/services/T000/B000/XXXXXXXX", "XXXXXXXX"),
    ],
)
def test_secrets_are_hidden(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert "[hidden]" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "unknown key: feed_lag",
        "https://fapi.example/fapi/v1/openInterestHist?symbol=BTCUSDT&limit=5",
        "https://scan.example/address/0x1234567890123456789012345678901234567890",
        "part bybit feed failed and starts again in 2 s",
    ],
)
def test_a_text_without_secrets_is_unchanged(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://a:pw@https://b:pw@c", "https://[hidden]@https://[hidden]@c"),
        ("https://a.example/go?next=https://b:pw@c", "https://a.example/go?next=https://[hidden]@c"),
    ],
)
def test_a_url_within_a_url_shows_no_user_name(text: str, shown: str) -> None:
    assert redact(text) == shown


something_hidden = Reached("a text with something to hide")
PIECES = [
    "token=",
    "https://",
    "user:word@",
    "?key=",
    "Bearer ",
    "api_key: ",
    "authorization",
    ": ",
    "/",
    '"',
    " ",
    "a.b",
    "0a1b2c3d4e5f6g7h8i9j",
]
PIECED = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@given(PIECED | st.text(alphabet="abk0=:/?&@ \"'[]{}-_.,kyetokn", max_size=80))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once
    something_hidden(once != text)


def test_a_log_record_carries_the_incidents_trace() -> None:
    exports = memory_exports()
    logger_into(exports).warning("delivered to %s", "slack", extra={"incident_id": "btc-1"})
    (one,) = exports.logs.get_finished_logs()
    assert one.log_record.body == "delivered to slack"
    assert one.log_record.severity_text == "WARN"
    assert f"{one.log_record.trace_id:032x}" == trace_id_of("btc-1")


def test_a_log_record_carries_its_given_span() -> None:
    exports = memory_exports()
    link = exports.telemetry.record(check())
    logger_into(exports).info("slow", extra={"link": link})
    (one,) = exports.logs.get_finished_logs()
    assert f"{one.log_record.trace_id:032x}:{one.log_record.span_id:016x}" == link


def test_messages_arguments_and_tracebacks_are_redacted() -> None:
    exports = memory_exports()
    try:
        int("https://me:hunter2@host.example")
    except ValueError:
        logger_into(exports).exception("failed with token=%s", "hunter2")
    (one,) = exports.logs.get_finished_logs()
    assert one.log_record.attributes is not None
    assert one.log_record.attributes["exception.type"] == "ValueError"
    assert "hunter2" not in f"{one.log_record.body!r} {dict(one.log_record.attributes)}"


def test_log_messages_of_the_exporters_are_not_exported() -> None:
    exports = memory_exports()
    logger_into(exports, "opentelemetry.exporter").error("cannot export")
    logger_into(exports, "urllib3.connectionpool").error("retry")
    assert exports.logs.get_finished_logs() == ()


def test_debug_messages_are_not_exported() -> None:
    exports = memory_exports()
    logger_into(exports).debug("frame")
    assert exports.logs.get_finished_logs() == ()


def test_without_an_exporter_the_log_sink_is_idle() -> None:
    assert isinstance(bare().log_sink(), logging.NullHandler)


@pytest.mark.parametrize(
    "piece", ["a-", "token-", "token", "key ", "http://a", "/a1", "1:", 'token="', "bearer ", "a.b-c+"]
)
def test_redacting_takes_time_in_proportion_to_the_text(piece: str) -> None:
    begun = time.perf_counter()
    redact(piece * (16_384 // len(piece)))
    assert time.perf_counter() - begun < 0.5


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        (Level.CALM, "INFO"),
        (Level.WATCH, "INFO"),
        (Level.SQUALL, "WARN"),
        (Level.STORM_SUSPECTED, "ERROR"),
        (Level.PERFECT_STORM, "ERROR"),
    ],
)
def test_an_incident_change_is_a_log_record_in_its_trace(level: Level, severity: str) -> None:
    exports = memory_exports()
    given = change(ChangeKind.RAISED, at=2, level=level, revision=3)
    exports.telemetry.record_change(replace(given, headline="BTC: token=hunter2 \x1b[31mred"))
    (found,) = exports.logs.get_finished_logs()
    record = found.log_record
    assert (record.event_name, record.severity_text) == ("stormwatch.incident.change", severity)
    assert record.timestamp == START_NS + 2_000_000_000
    assert record.trace_id == int(trace_id_of("btc-1"), 16)
    assert record.attributes is not None
    assert record.attributes["stormwatch.incident.id"] == "btc-1"
    assert record.attributes["stormwatch.incident.revision"] == 3
    assert record.attributes["stormwatch.drill"] is False
    assert str(record.body).startswith("BTC: token=[hidden]")
    assert str(record.body).isprintable()
