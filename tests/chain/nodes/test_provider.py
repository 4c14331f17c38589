"""Checks which party a node counts for: hosts by the public suffix list, addresses, this machine, and what the operator says."""

from __future__ import annotations

import socket

import pytest

from chain.nodes.provider import provider_of
from chain.sync.settings import WatcherSettings, open_nodes, utc_now
from chain.watch import Watch
from tests.chain.following import LOCAL


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://eth-mainnet.g.alchemy.com/v2/key", "alchemy.com"),
        ("wss://base-mainnet.g.alchemy.com/v2/key", "alchemy.com"),
        ("https://user:word@small-name.ethereum-mainnet.quiknode.pro:443/key/", "quiknode.pro"),
        ("https://RPC.Ankr.com./eth", "ankr.com"),
        ("https://rpc.desk.co.uk", "desk.co.uk"),
        ("https://rpc.desk.com.au", "desk.com.au"),
        ("https://one.onrender.com", "one.onrender.com"),
        ("http://co.uk:8545", "co.uk"),
        ("http://203.0.113.7:8545", "203.0.113.7"),
        ("http://[2001:DB8::1]:8545", "2001:db8::1"),
        ("http://localhost:8545", "127.0.0.1"),
        ("http://[::1]:8545", "127.0.0.1"),
        ("ws://127.0.0.1:8546", "127.0.0.1"),
        ("http://geth:8545", "geth"),
        ("http://node.corp.internal:8545", "node.corp.internal"),
    ],
)
def test_the_provider_of_a_node_is_the_registrable_name_of_its_host_or_the_host(url: str, provider: str) -> None:
    assert provider_of(url) == provider


def test_no_suffix_list_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    provider_of.__globals__["_names"].cache_clear()
    assert provider_of("https://rpc.desk.co.uk") == "desk.co.uk"


async def test_the_operator_names_providers_and_nodes_whose_urls_differ_in_their_key_alone_are_told_apart() -> None:
    urls = ("https://a.infura.io/v3/one", "https://a.infura.io/v3/two", "http://127.0.0.1:1", "http://127.0.0.1:2")
    nodes = open_nodes(WatcherSettings(network=LOCAL, nodes=urls, watch=Watch(), providers=("", "", "Desk ")), utc_now)
    assert dict(nodes.providers) == {
        "https://a.infura.io": "infura.io",
        "https://a.infura.io#2": "infura.io",
        "http://127.0.0.1:1": "desk",
        "http://127.0.0.1:2": "127.0.0.1",
    }
    await nodes.close()
