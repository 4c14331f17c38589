"""The bodies of the log's entries come back as they were, whatever text and numbers a signal holds."""

from __future__ import annotations

from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.log import Image
from monitor.log.codec import decode_image, decode_rows, decode_signals, encode, encode_signals
from monitor.signals import Signal, Subject
from tests.monitor.alerting.sinks.changes import signal

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text()


@given(st.lists(st.dictionaries(st.text(), SCALARS, max_size=3), max_size=20))
def test_signals_come_back_as_they_were(attributes: list[dict[str, str | float | int | bool | None]]) -> None:
    signals = [signal(seq, one) for seq, one in enumerate(attributes)]
    assert decode_signals(encode_signals(signals)) == signals


@pytest.mark.parametrize("count", [0, 1, 15, 16, 255, 256, 257, 271, 272, 1000, 70_000])
def test_any_number_of_signals_comes_back_in_order(count: int) -> None:
    found = decode_signals(encode_signals([signal(seq, {}) for seq in range(count)]))
    assert [one.seq for one in found] == list(range(count))


def test_values_that_are_no_number_stay_what_they_are() -> None:
    found = decode_signals(encode_signals([signal(1, value=nan), signal(2, value=inf)]))
    assert isnan(found[0].value)
    assert found[1].value == inf


def test_one_signal_that_cannot_be_encoded_as_it_is_costs_no_other_its_place() -> None:
    odd: list[Signal] = [
        signal(1, {"a": "\ud800x"}),
        signal(2, {"wei": 2**70, "less": -(2**70), "vast": 10**400}),
        signal(3, subject=Subject(asset="\udfff")),
        signal(4, {"fine": 1}),
    ]
    found = decode_signals(encode_signals(odd))
    assert [one.seq for one in found] == [1, 2, 3, 4]
    assert found[0].attributes == {"a": "\ufffdx"}
    assert found[1].attributes == {"wei": float(2**70), "less": -float(2**70), "vast": hex(10**400)}
    assert found[2].subject.asset == "\ufffd"
    assert found[3] == odd[3]


@pytest.mark.parametrize("body", [b"", b"x", b"\x78\x01\x03\x00\x00\x00\x00\x01"])
def test_a_broken_body_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # any of the decoder's
        decode_rows(body)


def test_an_image_comes_back_and_a_broken_one_is_a_value_error() -> None:
    assert decode_image(encode(Image("code", b"state" * 100))) == Image("code", b"state" * 100)
    with pytest.raises(ValueError):  # noqa: PT011  # any of the decoder's
        decode_image(b"\x82\xa4code\xa1c\xa4body\xc4\x01x")
