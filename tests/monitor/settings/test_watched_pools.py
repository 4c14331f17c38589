"""The operator's table of pools and bridges: read, checked, and passed to the networks' watchers."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain.events import Address
from chain.watch import WatchedPool
from monitor.daemon.assembly import intake_of, watcher_settings
from monitor.errors import OperatorError
from monitor.settings.load import load_settings
from monitor.settings.tree import AssetSettings, ContractRef, NetworkSettings, Settings, TokenRef

ID, TOKEN, MANAGER, BRIDGE = "0x" + "Ff" * 32, "0x" + "Cc" * 20, "0x" + "Dd" * 20, "0x" + "Bb" * 20
TABLE = f"""
[assets.ETH]
pools = [{{ network = "ethereum", address = "{ID}", kind = "uniswap_v4", token0 = "{BRIDGE}", token1 = "{TOKEN}", \
manager = "{MANAGER}", tick_spacing = 60, fee_ppm = 2500 }}]
[networks.ethereum]
nodes = [{{ url = "http://127.0.0.1:8545" }}]
bridges = ["{BRIDGE}"]
"""


def written(folder: Path, table: str) -> Path:
    path = folder / "stormwatch.toml"
    path.write_text(table)
    return path


def test_pools_and_bridges_reach_the_watcher_of_their_network(tmp_path: Path) -> None:
    watch = watcher_settings(load_settings(written(tmp_path, TABLE), {}), "ethereum", {}).watch
    low = [Address(one.lower()) for one in (ID, BRIDGE, TOKEN, MANAGER)]
    assert watch.bridges == (low[1],)
    assert watch.pools == (
        WatchedPool(
            address=low[0], kind="uniswap_v4", token0=low[1], token1=low[2], manager=low[3], tick_spacing=60,
            fee_ppm=2500,
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('kind = "uniswap_v4"', 'kind = "uniswap_v3"'),
        ("tick_spacing = 60", "tick_spacing = 0"),
        ("fee_ppm = 2500", "fee_ppm = 1000000"),
        (f'manager = "{MANAGER}"', 'manager = "0x12"'),
        (f'bridges = ["{BRIDGE}"]', 'bridges = ["bridge"]'),
    ],
)
def test_an_invalid_pool_or_bridge_is_named(tmp_path: Path, right: str, wrong: str) -> None:
    assert right in TABLE
    with pytest.raises(OperatorError, match=r"pools|bridges"):
        load_settings(written(tmp_path, TABLE.replace(right, wrong)), {})


def test_the_tokens_that_the_operator_names_are_known_in_reports_of_depth_and_one_of_two_names_is_none() -> None:
    token, other, dollar, twice = (f"0x{number:040X}" for number in (0xAA, 0xBB, 0xCC, 0xDD))
    settings = Settings(
        assets={
            "ETH": AssetSettings(tokens=(TokenRef(network="ethereum", address=token),)),
            "UNI": AssetSettings(
                contracts=(ContractRef(network="ethereum", address=other),),
                tokens=(TokenRef(network="ethereum", address=twice),),
            ),
        },
        networks={"ethereum": NetworkSettings(nodes=(), dollars=(dollar, twice))},
    )
    assert intake_of(settings)._tickers == {
        ("ethereum", token.lower()): "ETH",
        ("ethereum", other.lower()): "UNI",
        ("ethereum", dollar.lower()): "USD",
    }


def test_a_dollar_that_is_no_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"networks\.ethereum\.dollars"):
        load_settings(written(tmp_path, TABLE + 'dollars = ["USDC"]\n'), {})
