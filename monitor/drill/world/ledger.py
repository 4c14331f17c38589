"""Scripts a chain: a block each second, a token behind an EIP-1967 proxy with its timelock, and two Uniswap V2 pools.

Pure: time is given. Logs are as the real contracts emit them, in their order. Hashes are SHA-256 of a block's content:
consistent by parent, but not those of an RLP header. Amounts are in the tokens' smallest units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from monitor.drill.scenario import ChainKind, ChainStep
from monitor.drill.world import abi

PAST_BLOCKS = 64
"""The number of blocks when the world begins."""
MAX_BLOCKS = 8192
MIN_DELAY_S = 30
SUPPLY = 1_000_000_000
"""Of the token, at the begin, in whole units."""
POOL_USD = (4_000_000, 1_000_000)
TOKEN_DECIMALS, USD_DECIMALS = 18, 6

TOKEN = abi.address("token")
USD = abi.address("stablecoin")
TIMELOCK = abi.address("timelock")
ADMIN = abi.address("proxy admin")
OLD_CODE = abi.address("implementation 1")
NEW_CODE = abi.address("implementation 2")
ROUTER = abi.address("router")
TRADER = abi.address("trader")
OWNER = abi.address("liquidity provider")
POOLS = (abi.address("pool 1"), abi.address("pool 2"))
TOKEN0, TOKEN1 = sorted((TOKEN, USD))
OPERATION = "0x4ac8d280c09018601f7d1a9d178c70207ca9c4b603850338828c825ae2937e0e"
"""The timelock's id of the upgrade: keccak256(abi.encode(target, value, data, predecessor 0, salt 0))."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLog:
    """A log that is not in a block yet."""

    address: str
    topics: tuple[str, ...]
    body: str = "0x"
    """The log's data field, in hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A transaction: its hash, sender, receiver and logs."""

    hash: str
    sender: str
    to: str
    logs: tuple[PendingLog, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool's reserves of TOKEN0 and TOKEN1, and its supply of shares (all held by OWNER)."""

    reserve0: int
    reserve1: int
    supply: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The storage after a block."""

    implementation: str = OLD_CODE
    pools: dict[str, Pool] = field(default_factory=dict)
    supply: int = SUPPLY * 10**TOKEN_DECIMALS
    """The token's."""
    removed: tuple[int, int] = (0, 0)
    """The amounts that the owner removed and has not added back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block, with the state after it. `time_s` is unix seconds."""

    number: int
    hash: str
    parent: str
    time_s: int
    transactions: tuple[Transaction, ...]
    state: State


class Ledger:
    """The canonical chain. Block n is mined at genesis + n seconds, and as much later as it was halted before."""

    def __init__(self, price: float, now_s: float, steps: Sequence[ChainStep]) -> None:
        self._genesis_s = int(now_s) - PAST_BLOCKS
        self._steps = list(steps)
        self._queued = False
        pools = {pool: _pool(usd, price) for pool, usd in zip(POOLS, POOL_USD, strict=True)}
        self.blocks: dict[int, Block] = {}
        self.by_hash: dict[str, Block] = {}
        self.head = self._mine(0, "0x" + "0" * 64, (), State(pools=pools))
        self.advance(now_s, None)

    def advance(self, now_s: float, scenario_s: float | None, *, halted: bool = False) -> None:
        """Mine every block due by now, none while halted; steps due by `scenario_s` go into the first of them."""
        if halted:
            self._genesis_s = max(int(now_s) - self.head.number, self._genesis_s)
            return
        while self.head.time_s < int(now_s):
            number, state = self.head.number + 1, self.head.state
            sent: list[Transaction] = []
            while scenario_s is not None and self._steps and self._steps[0].at_s <= scenario_s:
                step = self._steps.pop(0)
                state, to, logs = self._apply(step, state)
                name = f"transaction {number} {len(sent)}"
                sender = OWNER if to == ROUTER else abi.address("operator")
                sent.append(Transaction(hash=_hash(name), sender=sender, to=to, logs=tuple(logs)))
            self.head = self._mine(number, self.head.hash, tuple(sent), state)

    def _mine(self, number: int, parent: str, transactions: tuple[Transaction, ...], state: State) -> Block:
        name = f"block {number} {parent} {self._genesis_s} {[one.hash for one in transactions]}"
        block = Block(
            number=number,
            hash=_hash(name),
            parent=parent,
            time_s=self._genesis_s + number,
            transactions=transactions,
            state=state,
        )
        self.blocks[number] = self.by_hash[block.hash] = block
        if len(self.blocks) > MAX_BLOCKS:
            old = self.blocks.pop(min(self.blocks))
            del self.by_hash[old.hash]
        return block

    def _apply(self, step: ChainStep, state: State) -> tuple[State, str, list[PendingLog]]:
        actions: dict[ChainKind, Callable[[], tuple[State, str, list[PendingLog]]]] = {
            ChainKind.QUEUE: lambda: self._queue(state),
            ChainKind.UPGRADE: lambda: self._upgrade(state),
            ChainKind.REMOVE_LIQUIDITY: lambda: _remove(state, step.share),
            ChainKind.ADD_LIQUIDITY: lambda: _add(state, step.share),
            ChainKind.MINT: lambda: _make(state, step.share),
            ChainKind.SWAP: lambda: _swap(state, step.share),
            ChainKind.TAKE: lambda: _take(state, step.share),
        }
        return actions[step.kind]()

    def _queue(self, state: State) -> tuple[State, str, list[PendingLog]]:
        self._queued = True
        call = abi.upgrade_call(TOKEN, NEW_CODE)
        head = abi.words(ADMIN, 0, 0xA0, 0, MIN_DELAY_S)
        topics = (abi.CALL_SCHEDULED, OPERATION, abi.topic(0))
        return state, TIMELOCK, [PendingLog(address=TIMELOCK, topics=topics, body=head + abi.padded(call))]

    def _upgrade(self, state: State) -> tuple[State, str, list[PendingLog]]:
        """Upgrade through the timelock if the upgrade was queued, else by the admin's owner at once."""
        logs = [PendingLog(address=TOKEN, topics=(abi.UPGRADED, abi.topic(NEW_CODE)))]
        if self._queued:
            call = abi.words(ADMIN, 0, 0x60) + abi.padded(abi.upgrade_call(TOKEN, NEW_CODE))
            topics = (abi.CALL_EXECUTED, OPERATION, abi.topic(0))
            logs.append(PendingLog(address=TIMELOCK, topics=topics, body=call))
        return replace(state, implementation=NEW_CODE), TIMELOCK if self._queued else ADMIN, logs


def _hash(name: str) -> str:
    return "0x" + sha256(name.encode()).hexdigest()


def _pool(usd: int, price: float) -> Pool:
    amounts = {TOKEN: int(usd / price) * 10**TOKEN_DECIMALS, USD: usd * 10**USD_DECIMALS}
    return Pool(reserve0=amounts[TOKEN0], reserve1=amounts[TOKEN1], supply=usd * 10**12)


def _transfer_log(token: str, sender: str, to: str, amount: int) -> PendingLog:
    return PendingLog(
        address=token, topics=(abi.TRANSFER, abi.topic(sender), abi.topic(to)), body=abi.words(amount)
    )  # fmt: skip


def _sync_log(address: str, pool: Pool) -> PendingLog:
    return PendingLog(address=address, topics=(abi.SYNC,), body=abi.words(pool.reserve0, pool.reserve1))


def _remove(state: State, share: float) -> tuple[State, str, list[PendingLog]]:
    """Call UniswapV2Pair.burn by the router, for OWNER, in the first pool."""
    address, pool = POOLS[0], state.pools[POOLS[0]]
    parts = int(share * 10_000)
    out0, out1, burnt = (one * parts // 10_000 for one in (pool.reserve0, pool.reserve1, pool.supply))
    left = Pool(reserve0=pool.reserve0 - out0, reserve1=pool.reserve1 - out1, supply=pool.supply - burnt)
    logs = [
        _transfer_log(address, OWNER, address, burnt),
        _transfer_log(address, address, abi.ZERO, burnt),
        _transfer_log(TOKEN0, address, OWNER, out0),
        _transfer_log(TOKEN1, address, OWNER, out1),
        _sync_log(address, left),
        PendingLog(
            address=address, topics=(abi.BURN, abi.topic(ROUTER), abi.topic(OWNER)), body=abi.words(out0, out1)
        ),
    ]  # fmt: skip
    removed = (state.removed[0] + out0, state.removed[1] + out1)
    return replace(state, pools={**state.pools, address: left}, removed=removed), ROUTER, logs


def _add(state: State, share: float) -> tuple[State, str, list[PendingLog]]:
    """Call UniswapV2Pair.mint by the router, for OWNER, in the second pool; of its own reserves if nothing was removed."""
    address, pool = POOLS[1], state.pools[POOLS[1]]
    parts = int(share * 10_000)
    source = state.removed if any(state.removed) else (pool.reserve0, pool.reserve1)
    in0, in1 = (one * parts // 10_000 for one in source)
    minted = min(in0 * pool.supply // pool.reserve0, in1 * pool.supply // pool.reserve1)
    grown = Pool(reserve0=pool.reserve0 + in0, reserve1=pool.reserve1 + in1, supply=pool.supply + minted)
    logs = [
        _transfer_log(TOKEN0, OWNER, address, in0),
        _transfer_log(TOKEN1, OWNER, address, in1),
        _transfer_log(address, abi.ZERO, OWNER, minted),
        _sync_log(address, grown),
        PendingLog(address=address, topics=(abi.MINT, abi.topic(ROUTER)), body=abi.words(in0, in1)),
    ]
    removed = tuple(max(have - one, 0) for have, one in zip(state.removed, (in0, in1), strict=True))
    return replace(state, pools={**state.pools, address: grown}, removed=(removed[0], removed[1])), ROUTER, logs


def _make(state: State, share: float) -> tuple[State, str, list[PendingLog]]:
    """Make so many units of the token from nothing, for TRADER."""
    made = state.supply * int(share * 10_000) // 10_000
    return replace(state, supply=state.supply + made), TOKEN, [_transfer_log(TOKEN, abi.ZERO, TRADER, made)]


def _swap(state: State, share: float) -> tuple[State, str, list[PendingLog]]:
    """Call UniswapV2Pair.swap by the router, for TRADER: sell the token for this share of the first pool's stablecoin.

    The fee of 0.3 % stays in the pool.
    """
    address, pool = POOLS[0], state.pools[POOLS[0]]
    reserves = {TOKEN0: pool.reserve0, TOKEN1: pool.reserve1}
    out = reserves[USD] * int(share * 10_000) // 10_000
    paid = reserves[TOKEN] * out * 1000 // ((reserves[USD] - out) * 997) + 1
    left = {TOKEN: reserves[TOKEN] + paid, USD: reserves[USD] - out}
    after = replace(pool, reserve0=left[TOKEN0], reserve1=left[TOKEN1])
    amounts = [{TOKEN: paid}.get(one, 0) for one in (TOKEN0, TOKEN1)]
    amounts += [{USD: out}.get(one, 0) for one in (TOKEN0, TOKEN1)]
    logs = [
        _transfer_log(TOKEN, TRADER, address, paid),
        _transfer_log(USD, address, TRADER, out),
        _sync_log(address, after),
        PendingLog(address=address, topics=(abi.SWAP, abi.topic(ROUTER), abi.topic(TRADER)), body=abi.words(*amounts)),
    ]
    return replace(state, pools={**state.pools, address: after}), ROUTER, logs


def _take(state: State, share: float) -> tuple[State, str, list[PendingLog]]:
    """Both tokens leave the first pool for TRADER, and no log of it says swap or removal."""
    address, pool = POOLS[0], state.pools[POOLS[0]]
    out0, out1 = (one * int(share * 10_000) // 10_000 for one in (pool.reserve0, pool.reserve1))
    after = replace(pool, reserve0=pool.reserve0 - out0, reserve1=pool.reserve1 - out1)
    logs = [
        _transfer_log(TOKEN0, address, TRADER, out0),
        _transfer_log(TOKEN1, address, TRADER, out1),
        _sync_log(address, after),
    ]
    return replace(state, pools={**state.pools, address: after}), abi.address("drainer"), logs
