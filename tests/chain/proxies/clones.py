"""Creates clones with their libraries, or else from their documented runtime code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.chain.proxies.making import DeployedProxy, Deployer

ARGUMENTS = bytes(range(40))
LIBRARY = {  # kind -> the function of the cloner and its further arguments
    "eip1167": ("openZeppelin",),
    "eip6551": ("tokenBound", b"\x07" * 32, 1, "0x" + "11" * 20, 5),
    "more_minimal": ("solady",),
    "solady_push0": ("soladyPush0",),
    "eip1167_args": ("soladyWithArguments", ARGUMENTS),
    "cwia": ("immutableArguments", ARGUMENTS),
}
DOCUMENTED = {  # kind -> runtime code with {} for the target; no published library creates these
    "eip7511": "365f5f375f5f365f73{}5af43d5f5f3e5f3d91602a57fd5bf3",
    "eip3448": "363d3d373d3d3d3d60368038038091363936013d73{}5af43d3d93803e603457fd5bf3" + "ab" * 64,
    "vyper": "366000600037611000600036600073{}5af4602c57600080fd5b6110006000f3",
    "vyper_beta": "366000600037611000600036600073{}5af41558576110006000f3",
    "splits": "36603057343d52307f830d2d700a97af574b186c80d40429385d24241565b08a7c559ba283a964d9b160203da23d3df35b"
    "3d3d3d3d363d3d37363d73{}5af43d3d93803e605b57fd5bf3",
    "cwia_call": "363d3d3761002a603836393d3d3d3661002a013d73{}5af43d82803e903d91603657fd5bf3" + "cd" * 42,
    "cwia_sudoswap": "3d3d3d3d363d3d37605160353639366051013d73{}5af43d3d93803e603357fd5bf3" + "ef" * 0x51,
    "cwia_solady": "36602c57343d527f9e4ac34f21c619cefc926c8bd93b54bf5a39c7ab2127a895af1cc0691d7e3dff593da1005b"
    "363d3d373d3d3d3d610020806062363936013d73{}5af43d3d93803e606057fd5bf3" + "12" * 32,
    "cwia_splits": "36602f57343d527f9e4ac34f21c619cefc926c8bd93b54bf5a39c7ab2127a895af1cc0691d7e3dff60203da13d3df35b"
    "3d3d3d3d363d3d37610020606736393661" + "0020013d73{}5af43d3d93803e606557fd5bf3" + "34" * 32,
    "fixed_target": "5f5f365f5f37365f73{}5af4503d5f5f3e3d5ff3",
}


def library(how: str, *more: object) -> Callable[[Deployer], Awaitable[DeployedProxy]]:
    async def make(deployer: Deployer) -> DeployedProxy:
        target = await deployer.target()
        checked = deployer.anvil.web3.to_checksum_address(target)
        return DeployedProxy(await deployer.cloned(how, checked, *more), {"implementation": target})

    return make


def documented(code: str) -> Callable[[Deployer], Awaitable[DeployedProxy]]:
    async def make(deployer: Deployer) -> DeployedProxy:
        target = await deployer.target()
        return DeployedProxy(await deployer.raw(code.format(target[2:])), {"implementation": target})

    return make


CLONES: dict[str, Callable[[Deployer], Awaitable[DeployedProxy]]] = {
    **{name: library(*how) for name, how in LIBRARY.items()},  # type: ignore[arg-type]
    **{name: documented(code) for name, code in DOCUMENTED.items()},
}
