"""The cases of a Retry-After header, for every reader of it: probes, sinks and nodes must agree (RFC 9110 §10.2.3)."""

from __future__ import annotations

from datetime import UTC, datetime

NOW = datetime(2026, 11, 1, tzinfo=UTC)
"""A Sunday. All dates of the cases are seen from this moment."""
MAX_WAIT_S = 3 * 86400.0
"""The longest documented ban, and the most that a reader takes a header to mean. Readers of one kind obey less."""

CASES: tuple[tuple[str, float | None], ...] = (
    ("0", 0.0),
    ("7", 7.0),
    (" 120 ", 120.0),
    ("00000000000000000120", 120.0),
    ("259199", 259_199.0),
    ("259201", MAX_WAIT_S),
    ("999999", MAX_WAIT_S),
    ("1000000", MAX_WAIT_S),
    ("9" * 400, MAX_WAIT_S),
    ("9" * 8000, MAX_WAIT_S),
    # what float() reads, and the grammar does not allow (delay-seconds = 1*DIGIT)
    ("1e300", None),
    ("1e3", None),
    ("inf", None),
    ("-inf", None),
    ("nan", None),
    ("-5", None),
    ("+5", None),
    ("1.5", None),
    ("1_000", None),
    ("0x10", None),
    ("١٢", None),
    ("²", None),
    ("", None),
    ("   ", None),
    ("soon", None),
    # dates: the preferred format, the two obsolete ones, and lenient zones
    ("Sun, 01 Nov 2026 00:01:00 GMT", 60.0),
    ("Sunday, 01-Nov-26 00:01:00 GMT", 60.0),
    ("Sun Nov  1 00:01:00 2026", 60.0),
    ("Sun, 01 Nov 2026 01:01:00 +0100", 60.0),
    ("Sun, 01 Nov 2026 00:01:00 -0000", 60.0),
    ("Sun, 01 Nov 2026 00:00:00 GMT", 0.0),
    ("Sun, 01 Nov 2020 00:01:00 GMT", 0.0),
    ("Wed, 04 Nov 2026 00:00:01 GMT", MAX_WAIT_S),
    ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_WAIT_S),
    ("Fri, 31 Dec 9999 23:59:59 -2359", MAX_WAIT_S),
    ("Mon, 01 Jan 0001 00:00:00 GMT", 0.0),
    ("Sun, 01 Nov 99999999999999 00:01:00 GMT", None),
    ("Sun, 01 Nov 2026 99:01:00 GMT", None),
    # several headers, joined by commas (RFC 9110 §5.3)
    ("30, 60", 60.0),
    ("60,30,5", 60.0),
    ("30, " + "9" * 400, MAX_WAIT_S),
    ("30,", None),
    ("30, soon", None),
    ("Sun, 01 Nov 2026 00:01:00 GMT, Sun, 01 Nov 2026 00:02:00 GMT", None),
    ("30, Sun, 01 Nov 2026 00:01:00 GMT", None),
)
