"""Who can change contracts that nobody here wrote (OpenZeppelin, Safe), on a real node: roles, queues, and what they are."""

from __future__ import annotations

from typing import Any

from eth_hash.auto import keccak

from chain.control.queue import PendingCall
from chain.events import Address
from chain.inspection.authority import Decider
from chain.inspection.inspect import Inspection
from tests.chain.following import low
from tests.chain.inspection.test_inspecting_on_a_real_node import Counted, inspection_of
from tests.chain.proxies.making import EMPTY, Deployer, up
from tests.evm.anvil import Anvil, running


def powers(found: Inspection) -> list[tuple[int, str, str, str]]:
    return [(one.depth, one.address, one.by, one.what) for one in found.authorities]


async def safe_of(deployer: Deployer, owners: list[str], threshold: int) -> Any:
    single = await deployer.new("safe/Safe.sol/Safe")
    address = await deployer.new("safe/proxies/SafeProxy.sol/SafeProxy", up(deployer, single))
    wallet = deployer.contract_at("safe/Safe.sol/Safe", address)
    await deployer.send(wallet.functions.setup(owners, threshold, EMPTY, b"", EMPTY, EMPTY, 0, EMPTY))
    return wallet


async def proxy_with_admin(anvil: Anvil) -> tuple[Any, Any]:
    admin = await anvil.deploy("ProxyAdmin")
    first = await anvil.deploy("WETH9")
    return await anvil.deploy("TransparentUpgradeableProxy", first.address, admin.address, b""), admin


async def test_a_timelock_with_a_safe_as_proposer_is_told_from_one_with_a_single_key() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        me, other, third = anvil.accounts[:3]
        safe = await safe_of(deployer, [me, other, third], 2)
        for proposer, decides in (
            (safe.address, Decider(address=low(safe), what="safe", keys=2, delay_s=3600)),
            (other, Decider(address=Address(other.lower()), what="account", keys=1, delay_s=3600)),
        ):
            proxy, admin = await proxy_with_admin(anvil)
            timelock = await deployer.deployed("five/TimelockController", 3600, [proposer], [EMPTY], EMPTY)
            await anvil.send(admin.functions.transferOwnership(timelock.address))
            relay = Counted(int(anvil.url.rsplit(":", 1)[1]))
            async with relay.open() as url:
                found = await inspection_of(url, proxy.address)
            roles = "PROPOSER_ROLE, CANCELLER_ROLE"
            what = "safe" if proposer == safe.address else "account"
            assert powers(found) == [
                (0, low(admin), "admin", "proxy_admin"),
                (1, low(timelock), "owner", "timelock"),
                (2, low(timelock), "DEFAULT_ADMIN_ROLE", "timelock"),
                (2, proposer.lower(), roles, what),
                (2, EMPTY, "EXECUTOR_ROLE", "anyone"),
            ]
            assert found.decided_by == decides
            assert relay.requests == 5, "the chain id, and four batches"


async def test_an_upgrade_that_waits_in_the_timelock_is_told_until_it_is_cancelled() -> None:
    async with running() as anvil:
        me = anvil.accounts[0]
        proxy, admin = await proxy_with_admin(anvil)
        second = await anvil.deploy("WETH9")
        timelock = await anvil.deploy("TimelockController", 3600, [me], [me], me)
        await anvil.send(admin.functions.transferOwnership(timelock.address))
        call = admin.encode_abi("upgrade", [proxy.address, second.address])
        operation = (admin.address, 0, call, bytes(32), bytes(32))
        sent = await anvil.send(timelock.functions.schedule(*operation, 7200))
        header = await anvil.web3.eth.get_block(sent["blockNumber"])
        [waits] = (await inspection_of(anvil.url, proxy.address)).pending
        assert (waits.timelock, waits.since_block, waits.confirmed) == (low(timelock), sent["blockNumber"], True)
        assert waits.eta is not None
        assert waits.eta.timestamp() == header["timestamp"] + 7200
        selector = f"0x{keccak(b'upgrade(address,address)')[:4].hex()}"
        assert waits.calls == (
            PendingCall(target=low(admin), selector=selector, function="upgrade(address,address)", new=low(second)),
        )
        itself = await inspection_of(anvil.url, timelock.address)
        assert ([one.operation for one in itself.pending], itself.what) == ([waits.operation], "timelock")
        assert itself.decided_by is not None
        assert (itself.decided_by.keys, itself.decided_by.delay_s) == (1, 3600)
        await anvil.send(timelock.functions.cancel(bytes.fromhex(waits.operation[2:])))
        assert (await inspection_of(anvil.url, proxy.address)).pending == ()


async def test_the_roles_of_a_token_are_told_by_name_and_a_revoked_one_is_gone() -> None:
    async with running() as anvil:
        me, other = anvil.accounts[:2]
        token = await anvil.deploy("ERC20PresetMinterPauser", "T", "T")
        await anvil.send(token.functions.grantRole(keccak(b"MINTER_ROLE"), other))
        await anvil.send(token.functions.grantRole(keccak(b"my own role"), other))
        await anvil.send(token.functions.revokeRole(keccak(b"PAUSER_ROLE"), me))
        found = await inspection_of(anvil.url, token.address)
        assert powers(found) == [
            (0, me.lower(), "DEFAULT_ADMIN_ROLE, MINTER_ROLE", "account"),
            (0, other.lower(), f"MINTER_ROLE, role 0x{keccak(b'my own role').hex()}", "account"),
        ]
        assert [one.decides for one in found.authorities] == [True, False]
        assert (found.what, found.switches) == ("token", ("pause()", "mint(address,uint256)"))


async def test_a_beacon_governed_by_an_access_manager_is_followed_to_the_members_with_their_delays() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        me, other = anvil.accounts[:2]
        manager = await deployer.deployed("five/AccessManager", me)
        first = await anvil.deploy("WETH9")
        beacon = await anvil.deploy("UpgradeableBeacon", first.address)
        proxy = await anvil.deploy("BeaconProxy", beacon.address, b"")
        await anvil.send(beacon.functions.transferOwnership(manager.address))
        await anvil.send(manager.functions.grantRole(7, other, 600))
        await anvil.send(manager.functions.grantRole(0, other, 900))
        await anvil.send(manager.functions.revokeRole(0, me))
        found = await inspection_of(anvil.url, proxy.address)
        assert powers(found) == [
            (0, low(manager), "owner of the beacon", "access_manager"),
            (1, other.lower(), "ADMIN_ROLE, role 7", "account"),
        ]
        assert found.decided_by == Decider(address=Address(other.lower()), what="account", keys=1, delay_s=600)


async def test_an_address_that_is_no_proxy_is_named() -> None:
    async with running() as anvil:
        deployer = Deployer(anvil)
        me = anvil.accounts[0]
        target = await anvil.deploy("WETH9")
        safe = await safe_of(deployer, [me], 1)
        wanted = {
            me: "account",
            target.address: "token",
            (await anvil.deploy("ProxyAdmin")).address: "proxy_admin",
            (await anvil.deploy("UpgradeableBeacon", target.address)).address: "beacon",
            (await deployer.deployed("five/UpgradeableBeacon", target.address, me)).address: "beacon",
            (await deployer.deployed("five/ProxyAdmin", me)).address: "proxy_admin",
            (await deployer.deployed("five/AccessManager", me)).address: "access_manager",
            (await anvil.deploy("TimelockController", 60, [me], [me], me)).address: "timelock",
            (await anvil.deploy("UniswapV2Factory", me)).address: "pool_factory",
            safe.address: "safe",
            "0x" + "ab" * 20: "account",
        }
        found = {address: (await inspection_of(anvil.url, address)).what for address in wanted}
        assert found == wanted


async def test_a_long_chain_of_owners_is_cut_and_costs_a_bounded_number_of_requests() -> None:
    async with running() as anvil:
        proxy, admin = await proxy_with_admin(anvil)
        for _ in range(8):
            above = await anvil.deploy("ProxyAdmin")
            await anvil.send(admin.functions.transferOwnership(above.address))
            admin = above
        relay = Counted(int(anvil.url.rsplit(":", 1)[1]))
        async with relay.open() as url:
            found = await inspection_of(url, proxy.address)
    assert [one.depth for one in found.authorities] == list(range(6))
    assert found.decided_by is not None
    assert (found.decided_by.what, found.decided_by.keys) == ("proxy_admin", None), "not known who is behind"
    assert relay.requests <= 10


async def test_an_inspection_says_by_which_name_events_call_its_kind() -> None:
    async with running() as anvil:
        proxy, admin = await proxy_with_admin(anvil)
        found = await inspection_of(anvil.url, proxy.address)
        plain = await inspection_of(anvil.url, admin.address)
    assert (found.kind, found.event_kind) == ("eip1967_transparent", "eip1967")
    assert (plain.kind, plain.event_kind) == (None, None)
