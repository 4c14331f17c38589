"""Inspects the real delegation target of an address on a real node: honest, hiding and unknown proxies."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chain.behaviour.declared import Finding
from chain.events import Address, NetworkId, ProbedBy, Role
from chain.inspection.inspect import Inspection, inspect
from chain.nodes.group import NodeGroup
from chain.nodes.web3_node import Web3Node
from monitor.cli.render.inspection import report
from tests.chain.behaviour.test_behaviour_on_a_real_node import HIDDEN, A, B, P, stage
from tests.chain.proxies.changing import CHANGING
from tests.chain.proxies.clones import CLONES
from tests.chain.proxies.making import Deployer
from tests.evm.anvil import Anvil, running
from tests.evm.rpc_relay import rpc_relay

NETWORK = NetworkId("local")


async def inspection_of(url: str, address: Address) -> Inspection:
    nodes = NodeGroup(NETWORK, [Web3Node(url, chain_id=31337)], lambda: datetime.now(UTC))
    try:
        return await inspect(nodes, NETWORK, address)
    finally:
        await nodes.close()


def words(found: Inspection) -> dict[str, str]:
    return {label: text for _, label, text in report(found)}


async def test_a_proxy_of_an_unknown_kind_is_shown_with_its_target_and_slot_in_three_requests() -> None:
    async with running() as anvil, rpc_relay(anvil.url) as counted:
        await stage(anvil, None, A)
        found = await inspection_of(counted.url, P)
        assert found.delegated.verdict is Finding.CUSTOM
        assert (found.delegated.target, found.delegated.slot, found.delegated.slot_of) == (A, HIDDEN, P)
        assert words(found)["custom proxy of"].startswith(A)
        assert f"slot {HIDDEN:#x}" in words(found)["custom proxy of"]
        assert counted.requests <= 4  # the first request reads the chain id


@pytest.mark.parametrize("refused", [set(), {"debug_traceCall"}])
async def test_a_proxy_that_hides_the_code_it_runs_is_shown_with_a_warning(refused: set[str]) -> None:
    async with running() as anvil, rpc_relay(anvil.url, refuses=refused) as node:
        await stage(anvil, A, B)
        found = await inspection_of(node.url, P)
        assert found.roles[Role.IMPLEMENTATION] == A
        assert (found.delegated.verdict, found.delegated.target) == (Finding.BROKEN, B)
        assert found.delegated.probed_by is (ProbedBy.SENTINEL if refused else ProbedBy.TRACE)
        assert B in words(found)["L4 WARNING"]
        assert "0x1234" in words(found)["L4 WARNING"]


async def test_a_node_that_answers_no_probe_leaves_the_result_unknown() -> None:
    refused = {"debug_traceCall", "eth_createAccessList"}
    async with running() as anvil, rpc_relay(anvil.url, refuses=refused) as node:
        await stage(anvil, None, A)
        found = await inspection_of(node.url, P)
        assert found.delegated.verdict is Finding.UNKNOWN
        assert not {"custom proxy of", "L4 WARNING"} & set(words(found))


async def every_kind(anvil: Anvil) -> dict[str, Address]:
    deployer = Deployer(anvil)
    deployed = {name: (await make(deployer)).address for name, make in CLONES.items()}
    return deployed | {name: (await make(deployer)).address for name, (make, _) in CHANGING.items()}


@pytest.mark.thorough
async def test_no_honest_proxy_of_any_kind_gets_a_warning() -> None:
    async with running() as anvil:
        deployed = await every_kind(anvil)
        async with rpc_relay(anvil.url, refuses={"debug_traceCall"}) as poor:
            for url in (anvil.url, poor.url):
                for name, address in deployed.items():
                    found = await inspection_of(url, address)
                    assert "L4 WARNING" not in words(found), name
                    assert found.delegated.verdict is not Finding.BROKEN, name
                    if url == anvil.url and name not in {
                        "eip7702",
                        "synthetix",
                        "eip1538",
                        "eip2535",
                        "eip7546",
                        "pendle",
                        "thirdweb",
                        "zero_ex",
                    }:
                        assert found.delegated.verdict is Finding.KEPT, name
