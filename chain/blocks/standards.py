"""Knows the addresses, storage slots and log topics that standards fix. Pure.

Sources: EIP-20, EIP-721, EIP-1967.
"""

from __future__ import annotations

from chain.events import Address

NOBODY = Address("0x" + "0" * 40)
"""The zero address."""
