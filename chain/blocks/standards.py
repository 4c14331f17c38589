"""Knows the addresses, storage slots and log topics that standards fix. Pure.

Sources: EIP-20, EIP-721, EIP-1967; Compound's Unitroller and CErc20Delegator for NewImplementation.
"""

from __future__ import annotations

from chain.events import Address

NOBODY = Address("0x" + "0" * 40)
"""The zero address: tokens are minted from it and burned to it, and calls without a sender come from it."""

IMPLEMENTATION_SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
BEACON_SLOT = 0xA3F0AD74E5423AEBFD80D3EF4346578335A9A72AEAEE59FF6CB3582B35133D50
ADMIN_SLOT = 0xB53127684A568B3173AE13B9F8A6016E243E63B6E8EE1178D6A717850B5D6103
"""EIP-1967: keccak-256 of "eip1967.proxy.implementation", ".beacon" and ".admin", less one."""

UPGRADED = "0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b"
"""EIP-1967: Upgraded(address)."""
BEACON_UPGRADED = "0x1cf3b03a6cf19fa2baba4df148e9dcabedea7f8a5c07840e207e5c089be95d3e"
"""EIP-1967: BeaconUpgraded(address)."""
ADMIN_CHANGED = "0x7e644d79422f17c01e4894b5f4f588d331ebfa28653d42ae832dc59e38c9798f"
"""EIP-1967: AdminChanged(address,address)."""
NEW_IMPLEMENTATION = "0xd604de94d45953f9138079ec1b82d533cb2160c906d1076d1f7ed54befbca97a"
"""Compound: NewImplementation(address,address)."""
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""EIP-20 and EIP-721: Transfer(address,address,uint256)."""
