"""Checks the EIP-55 checksum, which is written in the case of the letters of an address."""

from __future__ import annotations

import pytest

from chain.blocks.abi import checksummed

OF_THE_EIP = (
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)
"""EIP-55, section "Test Cases": all upper case, all lower case, and mixed."""


@pytest.mark.parametrize("right", OF_THE_EIP)
def test_the_addresses_in_the_eip_get_their_documented_checksums(right: str) -> None:
    assert checksummed(right.lower()) == right
    assert checksummed("0x" + right[2:].upper()) == right
