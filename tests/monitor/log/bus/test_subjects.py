"""Names on the bus: any name is one token, and every asset belongs to one partition."""

from __future__ import annotations

import pytest

from monitor.log.bus.subjects import filters, partition_of, signals_subject, token, vantage_token_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BTC", "BTC"),
        ("target:rpc", "target:rpc"),
        (None, "_"),
        ("", "_"),
        ("_", "=5F"),
        ("a.b", "a=2Eb"),
        ("*", "=2A"),
        (">", "=3E"),
        ("a b\r\n", "a=20b=0D=0A"),
        ("=2A", "=3D2A"),
        ("Ö", "=C3=96"),
    ],
)
def test_a_name_becomes_one_token_that_no_other_name_becomes(name: str | None, expected: str) -> None:
    assert token(name) == expected


def test_a_subject_says_the_vantage_the_asset_and_the_venue() -> None:
    assert signals_subject("stormwatch", "eu.west", "BTC", None) == "stormwatch.signals.eu=2Ewest.BTC._"


@pytest.mark.parametrize(
    ("subject", "vantage"),
    [("stormwatch.signals.eu.BTC._", "eu"), ("stormwatch.images.0", ""), ("a.b.c.d.e", ""), ("", "")],
)
def test_the_vantage_of_a_subject_is_its_third_token(subject: str, vantage: str) -> None:
    assert vantage_token_of(subject) == vantage


def test_one_partition_reads_everything() -> None:
    assert filters("s", ["BTC"], 0, 1) == ["s.signals.*.>"]


def test_every_asset_is_read_by_one_partition_and_what_is_shared_by_all() -> None:
    assets = [f"A{number}" for number in range(100)]
    read = [filters("s", assets, one, 3) for one in range(3)]
    own = [subject for some in read for subject in some if not subject.endswith("._.*")]

    assert sorted(own) == sorted(f"s.signals.*.{one}.*" for one in assets)
    assert all("s.signals.*._.*" in some for some in read)
    assert all(10 < len(some) < 60 for some in read)


def test_the_partition_of_an_asset_is_the_rest_of_its_crc32() -> None:
    """0xCBF43926 is the published check value of CRC-32: that of "123456789"."""
    assert partition_of("123456789", 7) == 0xCBF43926 % 7
