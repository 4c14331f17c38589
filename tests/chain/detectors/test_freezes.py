"""Freezes of watched pools and hot wallets by a token's issuer: by log and by the token's own list, each told once."""

from __future__ import annotations

import pytest

from chain.blocks.block import Log
from chain.blocks.reads import UNKNOWN_FUNCTION, AnyRead, CallWord, CodeHash
from chain.detectors import freezes
from chain.events import Address, ControlSeen, HolderFrozen
from chain.liquidity.pools import balancer_v2
from chain.watch import Watch, WatchedPool, WatchedWallet
from tests.chain.builders import address, block, log, topic, words

USDT, USDC, RIFT = address(0xAA), address(0xBB), address(0xCC)
POOL, WALLET, STRANGER = address(0xF00), address(0x222), address(0x333)
VAULTED = Address(f"{address(0xF01)}{2:04x}{0:020x}")
ADDED, REMOVED = (
    "0x42e160154868087d6bfdc0ca23d96a1c1cfa32f1b72ba9ba27b69b98a0d819dc",
    "0xd7e9ec6e6ecd65492dce6bf513cd6867560d49544421d0783ddf06e76c24470c",
)
DESTROYED = "0x61e6e66b0d6339b2980aecc6ccc0039736791f0ccde9ed512e789a7fbdd698c6"
"""USDT's AddedBlackList, RemovedBlackList and DestroyedBlackFunds, as they are on the chain."""
BLACKLISTED, UNBLACKLISTED = (
    "0xffa4e6181777692565cf28528fc88fd1516ea86b56da075235fa575af6a4b855",
    "0x117e3210bb9aa7d9baff172026820255c6f6c30ba8999d1c2fd88e2848137c4e",
)
"""USDC's."""


def watch() -> Watch:
    pair = WatchedPool(address=POOL, kind="uniswap_v2", token0=RIFT, token1=USDT)
    vaulted = WatchedPool(address=VAULTED, kind="balancer_v2", tokens=(USDC, USDT))
    odd = WatchedPool(address=address(0xF02), kind="nothing we know", token0=USDC)
    wallets = (
        WatchedWallet(venue="bybit", asset="USDT", address=WALLET, token=USDT),
        WatchedWallet(venue="bybit", asset="ETH", address=WALLET),
    )
    return Watch(pools=(pair, vaulted, odd), wallets=wallets)


def on_list(token: Address, holder: Address, getter: str = "0xe47d6060") -> CallWord:
    return CallWord(token, f"{getter}{int(holder, 16):064x}")


def listed(**frozen: int) -> dict[AnyRead, object]:
    """USDT's list as it is read: the pair, the vault, the wallet."""
    holders = {"pool": POOL, "vault": balancer_v2.VAULT, "wallet": WALLET}
    return {CodeHash(USDT): 0xC0DE} | {on_list(USDT, at): frozen.get(name, 0) for name, at in holders.items()}


def seen(detector: freezes.Freezes, number: int, *logs: Log, **state: int) -> list[HolderFrozen]:
    found = detector.on_block(block(number, *logs, state=listed(**state)), ())
    return [one for one in found if isinstance(one, HolderFrozen)]


def test_a_frozen_pool_is_told_once_by_its_log_which_explains_the_list() -> None:
    detector = freezes.make(watch())
    assert not seen(detector, 1)
    [frozen] = seen(detector, 2, log(USDT, ADDED, body=words(int(POOL, 16)), index=4), pool=1)
    assert (frozen.token, frozen.holder, frozen.frozen, frozen.seen_by) == (USDT, POOL, True, ControlSeen.LOG)
    assert (frozen.pools, frozen.wallets, frozen.destroyed) == ((POOL,), (), None)
    assert not seen(detector, 3, pool=1)
    [lifted] = seen(detector, 4, log(USDT, REMOVED, body=words(int(POOL, 16))))
    assert (lifted.frozen, lifted.seen_by) == (False, ControlSeen.LOG)


def test_what_the_list_shows_without_a_log_is_told_too() -> None:
    detector = freezes.make(watch())
    assert not seen(detector, 1, wallet=1), "the first reading tells nothing"
    [lifted] = seen(detector, 2)
    assert (lifted.holder, lifted.frozen, lifted.seen_by) == (WALLET, False, ControlSeen.STATE)
    [frozen] = seen(detector, 3, vault=1)
    assert (frozen.holder, frozen.pools, frozen.place.transaction) == (balancer_v2.VAULT, (VAULTED,), None)
    assert frozen.event_id != lifted.event_id


def test_a_log_that_the_list_denies_is_followed_by_the_list() -> None:
    detector = freezes.make(watch())
    seen(detector, 1)
    first, second = seen(detector, 2, log(USDT, ADDED, body=words(int(POOL, 16))))
    assert (first.frozen, first.seen_by) == (True, ControlSeen.LOG)
    assert (second.frozen, second.seen_by) == (False, ControlSeen.STATE)


def test_destroyed_funds_of_a_hot_wallet_state_the_units_and_the_venue() -> None:
    detector = freezes.make(watch())
    [one] = seen(detector, 1, log(USDT, DESTROYED, body=words(int(WALLET, 16), 77), index=2), wallet=1)
    assert (one.destroyed, one.frozen, one.wallets) == (77, True, (("bybit", "USDT"),))


@pytest.mark.parametrize(("signature", "frozen"), [(BLACKLISTED, True), (UNBLACKLISTED, False)])
def test_usdcs_logs_name_the_holder_as_a_topic(signature: str, frozen: bool) -> None:
    [one] = seen(freezes.make(watch()), 1, log(USDC, signature, topic(int(balancer_v2.VAULT, 16))))
    assert (one.holder, one.frozen) == (balancer_v2.VAULT, frozen)


def test_strangers_other_logs_and_other_tokens_are_passed_over() -> None:
    logs = (
        log(USDT, ADDED, body=words(int(STRANGER, 16))), log(USDT), log(USDT, topic(1)), log(STRANGER, ADDED),
    )  # fmt: skip
    assert not freezes.make(watch()).on_block(block(1, *logs), ())


def test_only_the_list_that_answers_is_read_on_and_none_of_a_token_that_answers_anything() -> None:
    detector = freezes.make(watch())
    first = detector.reads()
    assert {on_list(USDC, balancer_v2.VAULT), on_list(USDC, balancer_v2.VAULT, "0xfe575a87")} <= first.state
    assert first.addresses == {USDT, USDC, RIFT}
    vault = balancer_v2.VAULT
    answers: dict[AnyRead, object] = {on_list(USDC, vault, "0xfe575a87"): 0, on_list(RIFT, POOL): 1}
    answers |= {CallWord(RIFT, UNKNOWN_FUNCTION): 1, on_list(USDT, POOL): 7}
    answers |= {CodeHash(token): 0xC0DE for token in (USDT, USDC, RIFT)}
    assert not detector.on_block(block(1, state=answers), ())
    left = detector.reads()
    assert on_list(USDC, vault, "0xfe575a87") in left.state
    assert on_list(USDC, vault) not in left.state
    assert not any(read.address == RIFT for read in left.state)
    assert detector.reads() is left
    assert left.state == left.deferrable
    assert not freezes.make(Watch()).reads().topics


def test_a_token_without_a_list_is_asked_once_and_again_only_if_nothing_was_read() -> None:
    detector = freezes.make(watch())
    assert not detector.on_block(block(1, state={CodeHash(USDC): 0xC0DE}), ())
    left = detector.reads()
    assert not any(read.address == USDC for read in left.state)
    assert CodeHash(USDT) in left.state
    assert not detector.on_block(block(2, state={CodeHash(USDC): 0xC0DE}), ())
    assert detector.reads() is left


def test_the_lists_are_remembered_over_a_restart() -> None:
    detector = freezes.make(watch())
    seen(detector, 1, pool=1)
    again = freezes.make(watch())
    again.recall(detector.memory())
    assert again.memory() == detector.memory()
    assert again.reads() == detector.reads()
    assert [one.frozen for one in seen(again, 2)] == [False]
