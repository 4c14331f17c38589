"""Declares the ABI constants of the scripted chain: topics and selectors, each with the signature it is the Keccak-256 of.

A test recomputes each of them. Words are 32 bytes in hex; addresses are lower case.
"""

from __future__ import annotations

from hashlib import sha256

UPGRADED = "0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b"
"""Upgraded(address)"""
CALL_SCHEDULED = "0x4cf4410cc57040e44862ef0f45f3dd5a5e02db8eb8add648d4b0e236f1d07dca"
"""CallScheduled(bytes32,uint256,address,uint256,bytes,bytes32,uint256)"""
CALL_EXECUTED = "0xc2617efa69bab66782fa219543714338489c4e9e178271560a91b82c3f612b58"
"""CallExecuted(bytes32,uint256,address,uint256,bytes)"""
BURN = "0xdccd412f0b1252819cb1fd330b93224ca42612892bb3f4f789976e6d81936496"
"""Burn(address,uint256,uint256,address)"""
MINT = "0x4c209b5fc8ad50758f13e2e1088ba56a560dff690a1c6fef26394f4c03821c4f"
"""Mint(address,uint256,uint256)"""
SYNC = "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1"
"""Sync(uint112,uint112)"""
SWAP = "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822"
"""Swap(address,uint256,uint256,uint256,uint256,address)"""
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""Transfer(address,address,uint256)"""

TOKEN0 = "0x0dfe1681"
"""token0()"""
TOKEN1 = "0xd21220a7"
"""token1()"""
GET_RESERVES = "0x0902f1ac"
"""getReserves()"""
TOTAL_SUPPLY = "0x18160ddd"
"""totalSupply()"""
DECIMALS = "0x313ce567"
"""decimals()"""
GET_MIN_DELAY = "0xf27a0c92"
"""getMinDelay()"""
UPGRADE_AND_CALL = "0x9623609d"
"""upgradeAndCall(address,address,bytes)"""

IMPLEMENTATION_SLOT = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
"""keccak256("eip1967.proxy.implementation") − 1"""
ADMIN_SLOT = "0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103"
"""keccak256("eip1967.proxy.admin") − 1"""

ZERO = "0x" + "0" * 40


def address(name: str) -> str:
    """The address of a named account of the drill."""
    return "0x" + sha256(f"stormwatch drill {name}".encode()).hexdigest()[:40]


def word(value: int | str) -> str:
    """One 32-byte word, without 0x: a number, or a hex text padded on the left (addresses)."""
    return f"{value:064x}" if isinstance(value, int) else value.removeprefix("0x").rjust(64, "0")


def topic(value: int | str) -> str:
    """A word as an indexed argument."""
    return "0x" + word(value)


def words(*values: int | str) -> str:
    """Static arguments one after another, as a log's `data` or a call's answer."""
    return "0x" + "".join(word(one) for one in values)


def padded(hex_bytes: str) -> str:
    """A dynamic `bytes` argument's tail: its length, then its bytes padded to whole words."""
    body = hex_bytes.removeprefix("0x")
    return word(len(body) // 2) + body.ljust((len(body) + 63) // 64 * 64, "0")


def upgrade_call(proxy: str, implementation: str) -> str:
    """Call data of ProxyAdmin.upgradeAndCall(proxy, implementation, "")."""
    return UPGRADE_AND_CALL + word(proxy) + word(implementation) + word(0x60) + padded("")
