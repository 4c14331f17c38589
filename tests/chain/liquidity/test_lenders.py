"""Checks how each protocol's liquidation log is read, against topics that others publish and bodies encoded by hand."""

from __future__ import annotations

import pytest

from chain.blocks.abi import Unreadable
from chain.liquidity import lenders
from chain.liquidity.lending import Liquidated
from tests.chain.builders import address, log, topic, words
from tests.chain.liquidity.gmx_log import DECREASE, decrease, gmx_log

PUBLISHED = {
    # bunnyboard/databoard, bindings of aave-v3-core
    "aave_v2": "0xe413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286",
    "aave_v3": "0xe413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286",
    "spark": "0xe413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286",
    "compound_v2": "0x298637f684da70674f26509b10f07ec2fbc77a335ab1e7d6215a4b2484d8bb52",
    "compound_v3": "0x9850ab1af75177e4a9201c65a2cf7976d5d28e40ef63494b44366f86b2f9412e",
    "morpho_blue": "0xa4946ede45d0c6f06a0f5ce92c9ad3b4751452d2fe0e25010783bcab57a67e41",
    "gmx_v2": "0x137a44067c8961cd7e1d876f4754a5a3a75989b4552f1843fc69c3b372def160",
}
"""The first topics, as explorers, indexers and adapters of several houses print them."""
AT, WHO, TOKEN, DEBT, OTHER = (address(one) for one in (0xA0, 0xB0, 0xC0, 0xD0, 0xE0))


@pytest.mark.parametrize("protocol", PUBLISHED)
def test_each_topic_is_the_published_one(protocol: str) -> None:
    found = lenders.lender(protocol)
    assert found is not None
    assert found.topic == PUBLISHED[protocol]
    assert found.source.startswith("https://github.com/")


def test_every_protocol_is_found_by_its_file_and_an_unknown_one_is_none() -> None:
    assert set(lenders.protocols()) >= set(PUBLISHED)
    assert lenders.lender("bank") is None


def test_the_name_of_a_gmx_event_has_its_published_hash() -> None:
    assert DECREASE == "0x07d51b51b408d7c62dcc47cc558da5ce6a6e0fd129a427ebce150f52b0e5171a"


def numbers(*some: str) -> list[str]:
    return [topic(int(one, 16)) for one in some]


@pytest.mark.parametrize(
    ("protocol", "topics", "body", "amount", "collateral"),
    [
        ("aave_v3", numbers(TOKEN, DEBT, WHO), words(70, 80, int(OTHER, 16), 0), 80, TOKEN),
        ("compound_v2", [], words(int(OTHER, 16), int(WHO, 16), 70, int(TOKEN, 16), 80), 80, TOKEN),
        ("compound_v3", numbers(OTHER, WHO, TOKEN), words(80, 70), 80, TOKEN),
        ("morpho_blue", [topic(7), *numbers(OTHER, WHO)], words(70, 71, 80, 0, 0), 80, topic(7)),
    ],
)
def test_collateral_amount_and_owner_are_read(
    protocol: str, topics: list[str], body: bytes, amount: int, collateral: str
) -> None:
    form = lenders.lender(protocol)
    assert form is not None
    said = form.read(log(AT, form.topic, *topics, body=body))
    assert said == Liquidated(collateral=collateral, account=WHO, amount=amount)
    with pytest.raises(Unreadable):
        form.read(log(AT, form.topic, *topics, body=body[:31]))
    if topics:
        with pytest.raises(Unreadable):
            form.read(log(AT, form.topic, *topics[1:], body=body))


@pytest.mark.parametrize("long", [True, False])
def test_a_gmx_liquidation_names_market_side_and_size_in_dollars(long: bool) -> None:
    form = lenders.lender("gmx_v2")
    assert form is not None
    said = form.read(gmx_log(AT, WHO, decrease(TOKEN, long=long, usd=2_500 * 10**30, tokens=10**18)))
    assert said == Liquidated(collateral=TOKEN, account=WHO, amount=10**18, long=long, usd=2_500.0)


def test_other_gmx_events_and_orders_are_no_liquidations() -> None:
    form = lenders.lender("gmx_v2")
    assert form is not None
    assert form.read(gmx_log(AT, WHO, decrease(TOKEN, order=6))) is None  # a stop loss
    assert form.read(gmx_log(AT, WHO, decrease(TOKEN), name=topic(9))) is None
    assert form.read(log(AT, form.topic, DECREASE, body=decrease(TOKEN))) is None


@pytest.mark.parametrize("left_out", ["market", "isLong", "sizeDeltaUsd"])
def test_a_gmx_liquidation_without_a_field_is_unreadable(left_out: str) -> None:
    form = lenders.lender("gmx_v2")
    assert form is not None
    with pytest.raises(Unreadable, match="a field is missing"):
        form.read(gmx_log(AT, WHO, decrease(TOKEN, left_out=left_out)))


def test_hostile_gmx_fields_are_refused() -> None:
    form = lenders.lender("gmx_v2")
    assert form is not None
    many = decrease(TOKEN, more=60)
    with pytest.raises(Unreadable, match="too many fields"):
        form.read(gmx_log(AT, WHO, many))
    whole = decrease(TOKEN)
    said, refused = form.read(gmx_log(AT, WHO, whole)), 0
    for cut in range(len(whole)):
        try:
            assert form.read(gmx_log(AT, WHO, whole[:cut])) == said
        except Unreadable:
            refused += 1
    assert refused > len(whole) // 2
