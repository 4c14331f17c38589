"""Shapes that venues share: stamps, amounts, figures, levels; what cannot be one is Malformed with its path."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.dialect import decode
from probes.dialect.columns import clock
from probes.dialect.declared import Clock, Stamp
from probes.readings import Market
from probes.venue import Malformed

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_the_size_of_a_stamp_decides_between_seconds_and_milliseconds() -> None:
    seconds = NOON.timestamp()
    assert (
        decode.at_any(seconds)
        == decode.at_any(seconds * 1000)
        == decode.at_s(seconds)
        == decode.at_ms(seconds * 1000)
        == NOON
    )


@pytest.mark.parametrize("stamp", [-1, 10**400, -(10**400), float("nan"), float("inf"), 7_258_118_401_000])
def test_a_stamp_outside_1970_to_2200_is_no_time(stamp: float) -> None:
    with pytest.raises(Malformed, match=r"\$\.ts.*no time"):
        decode.at_ms(stamp, "$.ts")
    with pytest.raises(Malformed, match="no time"):
        decode.at_any(stamp)


@pytest.mark.parametrize("unit", [one for one in Clock if one is not Clock.ISO])
@pytest.mark.parametrize(
    "stamp", [10**400, 2**64, 2**64 + 1, -(10**400), "9" * 400, 1e308], ids=lambda one: str(one)[:6]
)
def test_a_stamp_of_any_unit_that_is_far_too_large_is_malformed(unit: Clock, stamp: object) -> None:
    with pytest.raises(Malformed, match=r"\$\.ts"):
        clock(Stamp("ts", unit))(stamp)


def test_the_same_moment_is_read_in_each_unit() -> None:
    steps = {Clock.S: 1, Clock.MS: 1000, Clock.US: 10**6, Clock.NS: 10**9, Clock.ANY: 1000}
    for unit, per_s in steps.items():
        assert clock(Stamp("ts", unit))(int(NOON.timestamp()) * per_s) == NOON


def test_a_stamp_that_is_read_again_is_the_same_moment_and_neither_another_stamp_nor_a_flag_is_taken_for_it() -> None:
    time = clock(Stamp("ts", Clock.S))
    noon_s = int(NOON.timestamp())
    first = time(noon_s)
    assert time(noon_s) is first is time(str(noon_s)), "not converted again"
    assert (time(noon_s + 1), time(noon_s)) == (NOON + timedelta(seconds=1), NOON)
    assert time(1) is not None
    with pytest.raises(Malformed, match=r"\$\.ts"):
        time(True)
    with pytest.raises(Malformed, match=r"\$\.ts"):
        time(2**64)
    assert time(1) == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), "a stamp that cannot be read leaves nothing behind"


@given(st.integers(0, 7_258_118_400_000))
def test_any_time_in_milliseconds_is_read_back_unchanged(stamp_ms: int) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=stamp_ms)
    assert abs(decode.at_ms(stamp_ms) - at) < timedelta(microseconds=2)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=8))
def test_an_amount_as_text_is_exact(amount: Decimal) -> None:
    assert decode.money(str(amount)) == amount


@pytest.mark.parametrize("text", ["x", "", "nan", "sNaN", "inf", "1e41", "1e-41", "1e9999999999", "9" * 50])
def test_a_text_that_is_no_reasonable_amount_is_malformed(text: str) -> None:
    with pytest.raises(Malformed, match=r"^\$\.q: "):
        decode.money(text, "$.q")


@pytest.mark.parametrize("text", ["x", "", "nan", "-inf", 10**400, float("inf")])
def test_a_number_that_is_not_finite_is_malformed(text: str | float) -> None:
    with pytest.raises(Malformed, match=r"^\$\.p: "):
        decode.finite_float(text, "$.p")


def test_levels_are_price_and_size_in_base_units_and_further_fields_are_ignored() -> None:
    assert decode.levels([(100.0, 2.0), [99.0, 1.0, 0.0, 5.0]], size=0.5) == [(100.0, 1.0), (99.0, 0.5)]


@pytest.mark.parametrize("rows", [[[1.0]], [[]], [[float("nan"), 1.0]], [[1.0, float("inf")]], [[1e308, 1e308]]])
def test_invalid_levels_are_malformed(rows: list[list[float]]) -> None:
    with pytest.raises(Malformed, match=r"\$\.bids: a level"):
        decode.levels(rows, "$.bids")


@pytest.mark.parametrize(("text", "number"), [("7", 7.0), ("7.5", 7.5), ("x", None), ("nan", None), ("inf", None)])
def test_a_header_is_a_finite_number_or_nothing(text: str, number: float | None) -> None:
    assert decode.header_number({"left": text}, "left") == number
    assert decode.header_number({}, "left") is None


def test_a_sequence_number_must_be_there_and_fit_in_64_bits() -> None:
    assert decode.integer(2**63 - 1, "$.u") == 2**63 - 1
    for wrong in (None, 2**63, -(2**63)):
        with pytest.raises(Malformed, match=r"\$\.u"):
            decode.integer(wrong, "$.u")


def test_a_signature_equals_the_example_of_rfc_4231() -> None:
    signed = decode.signature("Jefe", "what do ya want for nothing?").hex()
    assert signed == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_a_pattern_gives_the_symbols_of_an_asset() -> None:
    assert decode.pair_symbols("{}-USDT", "{}-USDT-SWAP", "BTC") == {
        Market.SPOT: "BTC-USDT",
        Market.PERP: "BTC-USDT-SWAP",
    }
    assert decode.pair_symbols("{}_USDT", None, "ETH") == {Market.SPOT: "ETH_USDT"}


def test_a_decoder_reports_bad_text_and_deep_nesting_as_malformed() -> None:
    decoder = decode.Decoder(dict[str, str])
    assert decoder.decode(b'{"a":"b"}') == {"a": "b"}
    with pytest.raises(Malformed, match="UTF-8"):
        decoder.decode(b'{"a":"\xff"}')
    with pytest.raises(Malformed, match="too deep"):
        decode.Decoder(list[object]).decode(b"[" * 100_000)
