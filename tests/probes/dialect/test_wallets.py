"""A network has a name, whichever of its fields gives it."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from probes import dialect as d
from probes.readings import VenueId, WalletStatus
from probes.venue import Context, Malformed

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CONTEXT = Context(venue=VenueId("any"), check="wallet_status", received_at=NOW)
READ = d.answer(d.Rows(says=(d.Wallets(symbol="coin", network=("new", "old"), deposits="open"),)))


@pytest.mark.parametrize("body", [b'{"coin":"BTC","new":"BSC","open":true}', b'{"coin":"BTC","old":"BSC","open":true}'])
def test_a_network_is_named_by_the_first_field_that_is_given(body: bytes) -> None:
    (one,) = READ(body, CONTEXT)
    assert isinstance(one, WalletStatus)
    assert (one.asset, one.network, one.deposits) == ("BTC", "BSC", True)


@pytest.mark.parametrize("body", [b'{"coin":"BTC","new":1,"open":true}', b'{"coin":"BTC","old":true,"open":true}'])
def test_a_network_whose_name_is_no_text_is_malformed(body: bytes) -> None:
    with pytest.raises((Malformed, msgspec.ValidationError)):
        READ(body, CONTEXT)
