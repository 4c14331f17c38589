"""The protobuf frames of MEXC are read by field number; whatever the bytes, the result is JSON or Malformed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.venue import Malformed
from probes.venues import mexc

CHANNEL = b"\x0a\x01c"
"""Field 1 (key 1 << 3 | 2), one byte long: the shortest frame that says its channel."""
DEPTHS = b"\xca\x13"
"""The key of field 313 with a length: 313 << 3 | 2 = 2506, in seven bits a byte, the lowest first."""
FRAME = (
    CHANNEL
    + b"\x1a\x02BT"  # 3: symbol
    + b"\x28\x96\x01"  # 5: createTime, 150
    + b"\x30\xac\x02"  # 6: sendTime, 300
    + DEPTHS
    + b"\x22"  # of 34 bytes
    + b"\x0a\x08\x0a\x03100\x12\x012"  # 1: an ask of price "100" and quantity "2"
    + b"\x12\x07\x0a\x0299\x12\x011"  # 2: a bid
    + b"\x12\x07\x0a\x0298\x12\x010"  # 2: another
    + b"\x22\x017"  # 4: fromVersion
    + b"\x2a\x018"  # 5: toVersion
)


def test_a_frame_has_the_fields_of_the_published_messages() -> None:
    assert json.loads(mexc.unpack(FRAME)) == {
        "channel": "c",
        "symbol": "BT",
        "createTime": 150,
        "sendTime": 300,
        "publicAggreDepths": {
            "asks": [{"price": "100", "quantity": "2"}],
            "bids": [{"price": "99", "quantity": "1"}, {"price": "98", "quantity": "0"}],
            "fromVersion": "7",
            "toVersion": "8",
        },
    }


@pytest.mark.parametrize(
    "unknown",
    [
        b"\x78\x01",  # 15, a number
        b"\x79" + bytes(8),  # 15, eight bytes
        b"\x7d" + bytes(4),  # 15, four bytes
        b"\x7a\x03abc",  # 15, a text
        b"\xda\x13\x03abc",  # 315, another body
    ],
)
def test_fields_that_nobody_asked_for_are_passed_over(unknown: bytes) -> None:
    assert json.loads(mexc.unpack(unknown + CHANNEL + unknown)) == {"channel": "c"}


def test_a_negative_number_has_ten_bytes_and_fits_in_64_bits() -> None:
    minus_one = b"\xff" * 9 + b"\x01"
    assert json.loads(mexc.unpack(CHANNEL + b"\x30" + minus_one)) == {"channel": "c", "sendTime": 2**64 - 1}
    assert json.loads(mexc.unpack(CHANNEL + b"\x30" + b"\xff" * 9 + b"\x7f")) == {"channel": "c", "sendTime": 2**64 - 1}


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (b"", "channel: missing"),
        (b"\x1a\x02BT", "channel: missing"),
        (CHANNEL + b"\x30", "without an end"),
        (CHANNEL + b"\x30\x80", "without an end"),
        (CHANNEL + b"\x30" + b"\x80" * 10 + b"\x01", "without an end"),
        (CHANNEL + b"\x1a\x03BT", "cut short"),
        (CHANNEL + b"\x79" + bytes(7), "cut short"),
        (CHANNEL + b"\x7d" + bytes(3), "cut short"),
        (CHANNEL + b"\x7b", "of type 3"),
        (CHANNEL + b"\x7f", "of type 7"),
        (CHANNEL + b"\xc8\x13\x01", "a message is due"),
        (CHANNEL + DEPTHS + b"\x02\x08\x01", "a message is due"),
        (CHANNEL + b"\x1a\x01\xff", "no UTF-8"),
    ],
)
def test_bytes_that_are_no_such_message_are_malformed(odd: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        mexc.unpack(odd)


@pytest.mark.parametrize("end", [at for at in range(1, len(FRAME)) if at not in (3, 7, 10, 13)])
def test_a_frame_cut_inside_a_field_is_malformed(end: int) -> None:
    with pytest.raises(Malformed):
        mexc.unpack(FRAME[:end])


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda tail: FRAME[:30] + tail))
def test_any_bytes_become_json_or_are_malformed(raw: bytes) -> None:
    if raw[:1] == b"{":
        assert mexc.unpack(raw).startswith(b"{")
        return
    try:
        unpacked = mexc.unpack(raw)
    except Malformed:
        return
    assert "channel" in json.loads(unpacked)


def test_an_answer_in_json_is_left_as_it_is_unless_its_words_refuse() -> None:
    confirmed = b'{"id":0,"code":0,"msg":"spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"}'
    assert mexc.unpack(confirmed) == confirmed
    refused = b'{"id":0,"code":0,"msg": "Not Subscribed successfully! [x]. Reason: Blocked!"}'
    assert json.loads(mexc.unpack(refused))["refused"].startswith("Not Subscribed successfully!")
