"""Settings are read and checked as a whole: every mistake is reported at once, and none that only follows from another."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.errors import OperatorError, each
from monitor.settings import Settings, load_settings
from monitor.settings.load import MAX_BYTES
from monitor.settings.toml_text import as_toml


def mistakes_of(folder: Path, text: str, **env: str) -> list[str]:
    """The keys of all mistakes, sorted."""
    path = folder / "stormwatch.toml"
    path.write_text(text)
    with pytest.raises(OperatorError) as caught:
        load_settings(path, env)
    return sorted(one.key for one in each(caught.value))


def test_mistakes_of_every_kind_and_table_are_told_at_once(tmp_path: Path) -> None:
    text = """
    vantage = ""
    colour = "red"
    [store]
    foldr = "x"
    retention_days = "many"
    [assets.btc]
    [assets.ETH]
    contracts = [{ network = "ethereum", address = "0x12" }]
    [venues.bybitt]
    [venues.okx]
    timeout_s = -1
    every_s = { book = "5s" }
    [venues.okx.hosts]
    rest = "ftp://x"
    rset = "https://x"
    [networks.ethereal]
    nodes = [{ url = "http//x" }, {}, 3]
    quorum = 0
    [correlator]
    prior = 3.0
    [controls]
    every_s = "5 parsecs"
    targets = { a = "x" }
    [explorer]
    calls_per_s = 0.0
    [sinks.webhook]
    assets = ["DOGE"]
    """
    assert mistakes_of(tmp_path, text, STORMWATCH_WEB__PRT="1") == sorted(
        [
            "vantage", "colour", "store.foldr", "store.retention_days", "assets", "assets.ETH.contracts",
            "assets.ETH.contracts", "venues", "venues.okx.timeout_s", "venues.okx", "venues.okx.hosts.rest",
            "venues.okx.hosts", "networks", *(f"networks.ethereal.nodes[{index}]" for index in range(3)),
            "networks.ethereal.quorum", "correlator", "controls.every_s", "controls.targets.a",
            "explorer", "sinks.webhook.assets[0]", "web.prt",
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("[assets]\nBTC = 3\n[venues.okx]\nassets = ['BTC']", ["assets.BTC"]),
        ("assets = 3\n[venues.okx]\nassets = ['BTC']", ["assets"]),
        ("[networks.local]\nnodes = ['x']\n[assets.BTC]\ntokens = [{ network = 'local', address = '0x1' }]",
         ["assets.BTC.tokens", "networks.local.nodes[0]"]),
        ("[networks.local]\n[assets.BTC]\ntokens = [{ network = 'local', address = '0x1' }]",
         ["assets.BTC.tokens", "networks.local.nodes"]),
        ("[targets.a]\nurl = 3\n[venues.okxx]", ["targets.a.url", "venues"]),
    ],
)  # fmt: skip
def test_what_only_follows_from_another_mistake_is_not_told(tmp_path: Path, text: str, keys: list[str]) -> None:
    found = mistakes_of(tmp_path, text)
    assert [one for one in found if one != "targets.a.url"] == [one for one in keys if one != "targets.a.url"]
    assert set(keys) == set(found)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "stormwatch.toml"
    path.write_bytes(b'\xef\xbb\xbfvantage = "here"\r\n')
    assert load_settings(path, {}).vantage == "here"


@pytest.mark.parametrize("content", [b"\xff\xfev\x00", b"vantage = '\x80'", b"\x00", b"#" * (MAX_BYTES + 1)])
def test_what_is_no_text_in_utf_8_or_has_no_bound_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "stormwatch.toml"
    path.write_bytes(content)
    with pytest.raises(OperatorError, match="TOML"):
        load_settings(path, {})


LEAVES = st.one_of(
    st.integers(), st.booleans(), st.floats(allow_nan=False), st.sampled_from(["", "BTC", "5s", "https://x"])
)
KEYS = st.sampled_from(
    ["BTC", "okx", "local", "nodes", "url", "contracts", "network", "address", "hosts", "events", "where", "a.b", "targets",
     "conditions", "start", "end", "console", "pools", "wallets", "every_s", "[0]", ""]
)  # fmt: skip
TREES: st.SearchStrategy[Any] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from(sorted(Settings.__dataclass_fields__)) | KEYS, TREES, max_size=5))
def test_any_tree_of_values_is_read_or_refused_in_the_operators_words(tmp_path: Path, tree: dict[str, Any]) -> None:
    path = tmp_path / "stormwatch.toml"
    path.write_text(as_toml(tree))
    with suppress(OperatorError):
        load_settings(path, {})
