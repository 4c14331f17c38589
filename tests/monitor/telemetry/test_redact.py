"""Which characters are hidden, and that every export of telemetry hides them: logs, check spans, incident traces."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from monitor.incidents import ChangeKind, IncidentState, Level
from monitor.telemetry.redact import redact
from tests.monitor.telemetry.samples import MemoryExports, change, check, evidence, memory_exports

SECRET = "hunter2"
LEAK = f"https://me:{SECRET}@host.example/x?apiKey={SECRET}&symbol=BTC said token={SECRET}"
HEX40, HEX64 = "0x" + "1a" * 20, "0x" + "1a" * 32


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        # user names and passwords of URLs
        ("GET https://me:hunter2@host.example/x failed", "GET https://[hidden]@host.example/x failed"),
        ("GET https://hunter2@host.example/x failed", "GET https://[hidden]@host.example/x failed"),
        ("wss://me:hun@ter2@host.example:8546", "wss://[hidden]@host.example:8546"),
        ("postgresql://me:hunter2@/db?host=/run", "postgresql://[hidden]@/db?host=/run"),
        # keys in paths: sixteen characters with a digit and a letter, or twenty-eight of any kind
        ("https://node.example/v3/abcdefgh12345678", "https://node.example/v3/[hidden]"),
        ("https://node.example/v3/abcdefgh1234567", "https://node.example/v3/abcdefgh1234567"),
        ("https://node.example/abcdefghijklmnop", "https://node.example/abcdefghijklmnop"),
        ("https://node.example/1234567890123456", "https://node.example/1234567890123456"),
        ("https://node.example/" + "a" * 28, "https://node.example/[hidden]"),
        ("https://node.example/" + "a" * 27, "https://node.example/" + "a" * 27),
        ("https://node.example/v3/abcdefgh12345678.", "https://node.example/v3/[hidden]."),
        ("https://node.example/abcdefgh12345678/eth", "https://node.example/[hidden]/eth"),
        # addresses and hashes of a chain stay readable, what only looks like one does not
        (f"https://scan.example/{HEX40}", f"https://scan.example/{HEX40}"),
        (f"https://scan.example/{HEX64},", f"https://scan.example/{HEX64},"),
        (f"https://scan.example/{HEX40}1", "https://scan.example/[hidden]"),
        # hooks: all that follows
        ("https://desk.example/hooks/a/b", "https://desk.example/hooks/[hidden]"),
        ("https://desk.example/hook/a", "https://desk.example/hook/[hidden]"),
        ("https://desk.example/api/webhooks/1/x", "https://desk.example/api/webhooks/[hidden]"),
        ("https://desk.example/webhook/1", "https://desk.example/webhook/[hidden]"),
        ("https://desk.example/services/T0/B0/x", "https://desk.example/services/[hidden]"),
        ("https://desk.example/hooks/", "https://desk.example/hooks/"),
        # tokens of Telegram
        (f"chat bot123456:{'A' * 30} gone", "chat [hidden] gone"),
        (f"chat 123456:{'A' * 30} gone", "chat [hidden] gone"),
        (f"chat 12345:{'A' * 30} gone", f"chat 12345:{'A' * 30} gone"),
        (f"chat 123456:{'A' * 29} gone", f"chat 123456:{'A' * 29} gone"),
        # headers
        ("Authorization: Bearer hunter2", "Authorization: [hidden]"),
        ("authorization=hunter2; next", "authorization=[hidden]; next"),
        ("Proxy-Authorization: Basic aHVu", "Proxy-Authorization: [hidden]"),
        ("sent bearer abcdefgh", "sent bearer [hidden]"),
        ("sent bearer abcdefg", "sent bearer abcdefg"),
        ("sent Basic aHVudGVyMg==", "sent Basic [hidden]"),
        # names
        *[
            (f"{name}=hunter2 next", f"{name}=[hidden] next")
            for name in (
                "api_key", "apikey", "api-key", "routing_key", "private_key", "access_key", "X-MBX-APIKEY", "token",
                "secret", "signature", "password", "passwd", "passphrase", "credential", "cookie", "key", "sig", "auth",
                "pwd",
            )
        ],
        ('{"secret": "hunter2 and more"}', '{"secret": [hidden]}'),
        ("{'password': 'hunter2 and more'}", "{'password': [hidden]}"),
        ("?a=1&signature=hunter2&b=2", "?a=1&signature=[hidden]&b=2"),
        ("key: a word after a colon", "key: a word after a colon"),
        ("'key': 'hunter2'", "'key': [hidden]"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_secret_is_hidden_and_the_rest_is_unchanged(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_several_secrets_in_one_text_are_all_hidden() -> None:
    assert SECRET not in redact(LEAK)
    assert redact(LEAK).count("[hidden]") == 3
    assert "symbol=BTC" in redact(LEAK)


def _logger(exports: MemoryExports) -> logging.Logger:
    logger = logging.Logger("stormwatch.redact")  # noqa: LOG001  not in the tree: no other test may see it
    logger.addHandler(exports.telemetry.log_sink())
    return logger


def _exported(exports: MemoryExports) -> str:
    return " ".join(
        f"{one.log_record.body!r} {dict(one.log_record.attributes or {})}" for one in exports.logs.get_finished_logs()
    )


def test_a_log_message_with_its_arguments_is_exported_without_secrets() -> None:
    exports = memory_exports()
    _logger(exports).error("cannot reach %s: %s", LEAK, ValueError(LEAK))
    assert "cannot reach https://[hidden]@host.example" in _exported(exports)
    assert SECRET not in _exported(exports)


def test_an_exception_is_exported_without_secrets_in_message_and_traceback() -> None:
    exports = memory_exports()

    def connect() -> None:
        raise ConnectionError(LEAK)

    def begin() -> None:
        try:
            connect()
        except ConnectionError as error:
            raise RuntimeError(f"wrapped {LEAK}") from error

    try:
        begin()
    except RuntimeError:
        _logger(exports).exception("part failed")
    exported = _exported(exports)
    assert "ConnectionError" in exported
    assert "wrapped https://[hidden]@host.example" in exported
    assert SECRET not in exported


def _spans(exports: MemoryExports) -> str:
    return " ".join(_text_of(one) for one in exports.spans.get_finished_spans())


def _text_of(span: ReadableSpan) -> str:
    events = [(one.name, dict(one.attributes or {})) for one in span.events]
    return f"{span.name} {dict(span.attributes or {})} {events} {span.status.description}"


def test_a_check_span_is_exported_without_secrets() -> None:
    exports = memory_exports()
    exports.telemetry.record(replace(check(), detail=LEAK))
    assert "https://[hidden]@host.example" in _spans(exports)
    assert SECRET not in _spans(exports)


@pytest.mark.parametrize("pages", [False, True])
def test_an_incident_trace_is_exported_without_secrets(pages: bool) -> None:
    exports = memory_exports()
    leaking = replace(
        change(ChangeKind.OPENED), headline=LEAK, pages=pages, level=Level.PERFECT_STORM, peak=Level.PERFECT_STORM,
        evidence=(replace(evidence(), said=LEAK),),
    )  # fmt: skip
    exports.telemetry.record_change(leaking)
    ended = replace(leaking, revision=2, kind=ChangeKind.ENDED_UNKNOWN, state=IncidentState.ENDED_UNKNOWN)
    exports.telemetry.record_change(ended)
    assert "https://[hidden]@host.example" in _spans(exports)
    assert SECRET not in _spans(exports)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer hunter2", "hunter2"),
        ("wss://node.example/v3/0123456789abcdef0123456789abcdef gone", "0123456789abcdef"),
        (f"bot123456:{'A' * 30} is blocked", "AAAA"),
    ],
)
def test_no_export_shows_any_secret(text: str, secret: str) -> None:
    exports = memory_exports()
    _logger(exports).warning("%s", text)
    exports.telemetry.record(replace(check(), detail=text))
    opened = replace(change(ChangeKind.OPENED, level=Level.STORM_SUSPECTED, peak=Level.STORM_SUSPECTED), headline=text)
    exports.telemetry.record_change(replace(opened, evidence=(replace(evidence(), said=text),)))
    exports.telemetry.record_change(replace(opened, revision=2, kind=ChangeKind.ENDED, state=IncidentState.ENDED))
    for shown in (_exported(exports), _spans(exports)):
        assert "[hidden]" in shown
        assert secret not in shown
