"""Grades the hourly accounts of a token's liquidity: how much of its ±2 % depth left, and where it went.

20, 40 and 70 % of the depth over the watched pools are grades 1, 2 and 3. Unexplained liquidity is a drain: if a fifth of the
depth is unexplained the grade rises by one. Each hour one account counts, that of the asset's own token: the token in most of
its pools, and if several are, the one that lost less. `liquidity.py` handles only pools whose depth is unknown, so no removal
counts twice. A reorg that undoes an account withdraws its evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.correlator.producer import EvidenceBoard, Finding, brief, graded
from monitor.incidents import Leg
from monitor.signals import Scalar, Signal, SignalKind, Subject
from monitor.signals.amounts import amount_of

SHARES = (0.20, 0.40, 0.70, 1.01)
WINDOW_S = 3600.0
MAX_ACCOUNTS = 128
MAX_TOKENS = 256
MAX_POOLS = 64
MIGRATION, GONE, DRAINED = "migration", "liquidity_gone", "liquidity_drained"


@dataclass(frozen=True, slots=True)
class _Account:
    """One account; shares are of the token's depth."""

    event_id: str
    token: str
    at_s: float
    subject: Subject
    left: float
    unexplained: float
    attributes: dict[str, Scalar]

    @property
    def name(self) -> str:
        """The name of the evidence, by where most of it went."""
        if 2 * self.unexplained >= self.left:
            return DRAINED
        return MIGRATION if 2 * _number(self.attributes.get("readded")) >= 1 else GONE

    @property
    def grade(self) -> int:
        """The grade by what left, one more for a drain."""
        grade = graded(self.left, SHARES)
        return min(grade + (self.unexplained >= SHARES[0]), 4) if grade else 0


class LiquidityAccountsEvidence:
    """The accounts of each asset on each network, and which tokens its pools have."""

    kinds = frozenset({SignalKind.LIQUIDITY_ACCOUNTED, SignalKind.POOL_DEPTH, SignalKind.RETRACTION})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._accounts: dict[tuple[str, str], list[_Account]] = {}
        self._pools: dict[tuple[str, str], dict[str, dict[str, None]]] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take an account, a pool's tokens, or a retraction."""
        asset, network = signal.subject.asset, signal.subject.network
        if signal.kind is SignalKind.RETRACTION:
            self._retract(str(signal.attributes.get("retracts", "")))
            return
        if asset is None or network is None:
            return
        where = (asset, network)
        tokens = [signal.attributes.get(one) for one in ("token", "token0", "token1")]
        self._learn(where, str(signal.subject.pool), [str(one) for one in tokens if one])
        depth_share = signal.attributes.get("depth_share")
        if signal.kind is SignalKind.LIQUIDITY_ACCOUNTED and isinstance(depth_share, int | float):
            account = _Account(
                event_id=str(signal.attributes.get("event_id", "")),
                token=str(tokens[0]),
                at_s=at_s,
                subject=signal.subject,
                left=float(depth_share),
                unexplained=signal.value * float(depth_share),
                attributes=dict(signal.attributes),
            )
            accounts = self._accounts.setdefault(where, [])
            accounts[:] = [one for one in accounts[-MAX_ACCOUNTS + 1 :] if at_s - one.at_s <= WINDOW_S] + [account]
            self._judge(where)

    def _learn(self, where: tuple[str, str], pool: str, tokens: list[str]) -> None:
        known = self._pools.setdefault(where, {})
        for token in tokens:
            while len(known) >= MAX_TOKENS and token not in known:
                del known[next(iter(known))]
            pools = known.setdefault(token, {})
            if len(pools) < MAX_POOLS:
                pools[pool] = None

    def _judge(self, where: tuple[str, str], *, retracted: bool = False) -> None:
        """Report the newest account of the asset's own token, and withdraw the evidence that it replaces."""
        newest = {one.token: one for one in self._accounts.get(where, ())}
        known = self._pools.get(where, {})
        account = min(
            newest.values(), key=lambda one: (-len(known.get(one.token, ())), one.left, one.token), default=None
        )
        active = [(name, self._board.get(f"{name}:{where[0]}:{where[1]}")) for name in (MIGRATION, GONE, DRAINED)]
        for name, evidence in active:
            stale = account is not None and (
                name != account.name or (evidence is not None and evidence.grade > account.grade)
            )
            if evidence is not None and (account is None or stale):
                self._board.withdraw(evidence.id, retracted=retracted)
        if account is None or not account.grade:
            return
        own = [one for one in self._accounts[where] if one.token == account.token]
        # an account that repeats the same loss does not renew the evidence
        risen = next(one for one in own if one.left >= account.left)
        self._board.put(
            Finding(
                name=account.name,
                leg=Leg.MIGRATION,
                subject=Subject(asset=where[0], network=where[1]),
                key=where[1],
                grade=account.grade,
                onset_s=own[0].at_s,
                at_s=risen.at_s,
                half_life_s=self._board.settings.liquidity_half_life_s,
                value=account.left,
                normal=0.0,
                unit="share of ±2 % depth",
                said=_words(where[0], account),
            )
        )

    def _retract(self, event_id: str) -> None:
        for where, accounts in self._accounts.items():
            left = [one for one in accounts if one.event_id != event_id]
            if len(left) != len(accounts):
                accounts[:] = left
                self._judge(where, retracted=True)

    def on_second(self, now_s: float) -> None:
        """Does nothing: the evidence depends on signals alone."""


def _words(asset: str, account: _Account) -> str:
    """Where the liquidity left and where it went, in shares of the token's depth."""
    attributes, left = account.attributes, account.left
    to_pool, to_share = _number(attributes.get("to_share")), _number(attributes.get("readded"))
    parts = []
    if to_pool:
        successor = f" of its successor {brief(attributes['successor'])}" if attributes.get("successor") else ""
        parts.append((to_pool, f"to {attributes.get('to_kind')} {brief(attributes.get('to_pool'))}{successor}"))
    more = int(_number(attributes.get("to_pools"))) - 1
    parts += [
        (to_share - to_pool, f"to {more} other pool{'s' if more > 1 else ''}"),
        (_number(attributes.get("to_wallets")), "to wallets"),
        (_number(attributes.get("to_bridges")), "over bridges"),
        (_number(attributes.get("open")), "to a holder not known yet"),
        (account.unexplained / left if left else 0.0, "unexplained"),
    ]
    went = ", ".join(f"{share * left:.0%} {words}" for share, words in parts if share * left >= 0.005)
    source = f"{attributes.get('from_kind')} {brief(account.subject.pool)}"
    amount = amount_of(attributes)
    return f"{left:.0%} of {asset}'s ±2 % depth{f' ({amount})' if amount else ''} left {source}: {went}"


def _number(value: Scalar | None) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


PRODUCER = LiquidityAccountsEvidence
