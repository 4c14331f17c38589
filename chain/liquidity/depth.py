"""Computes how much a pool can trade until its price has moved by some basis points, and how spread a token's depth is.

Exact for constant products and for concentrated liquidity (the initialised ticks are walked); for weighted pools by
their formula, for stable-swap pools by solving the invariant. The price is the pool's own before fees; fees
are added to what must be paid. `bps` runs from 1 to 9999. Sources: Liao and Robinson 2022, "The Dominance of Uniswap v3
Liquidity"; Lehar, Parlour, Zoican, arXiv 2307.13772; Balancer and Curve white papers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt

from chain.liquidity.tick_math import BASIS, amount0_between, amount1_between, moved_price, sqrt_price_at

DEPTHS_BPS = (100, 200, 500)
"""The price moves that depth is reported for: ±1, 2 and 5 %."""
NEAR_BPS = 200
"""Levels and shares are computed from the depth within ±2 %."""
MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """The state of concentrated liquidity: the square root of the price (Q64.96), its tick, the liquidity active there."""

    sqrt_price: int
    tick: int
    liquidity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """The trades that move the price of token0 (in token1) up and down by `bps`; amounts in smallest units, fees included.

    Up: `paid1` of token1 buys `bought0` of token0. Down: `paid0` of token0 sells for `got1` of token1.
    """

    bps: int
    paid1: int
    bought0: int
    paid0: int
    got1: int

    @property
    def of_tokens(self) -> tuple[int, int]:
        """Each token's depth: what leaves the pool on one side and enters it on the other."""
        return self.bought0 + self.paid0, self.got1 + self.paid1


def with_fee(amount: int, fee_ppm: int) -> int:
    """The payment that leaves this amount after a fee in millionths, rounded up."""
    return -(-amount * MILLION // (MILLION - fee_ppm))


def constant_product(x: int, y: int, fee_ppm: int, bps: int) -> Depth:
    """The depth of a pool of reserves x and y with x·y constant; zero where it is empty."""
    if x <= 0 or y <= 0:
        return Depth(bps=bps, paid1=0, bought0=0, paid0=0, got1=0)
    root = isqrt(x * y << 192)  # L, Q96
    up, down = moved_price(isqrt((y << 192) // x), bps), moved_price(isqrt((y << 192) // x), -bps)
    return Depth(
        bps=bps,
        paid1=with_fee(max((root * up >> 192) - y, 0), fee_ppm),
        bought0=max(x - root // up, 0),
        paid0=with_fee(max(root // down - x, 0) if down else 0, fee_ppm),
        got1=max(y - (root * down >> 192), 0),
    )


def concentrated(spot: Spot, net: Mapping[int, int], fee_ppm: int, bps: int) -> Depth:
    """The depth of concentrated liquidity: `net` gives liquidityNet of each initialised tick within the range.

    Ticks beyond ±bps do not matter and may be missing.
    """
    sqrt_price, liquidity = spot.sqrt_price, spot.liquidity
    up, down = moved_price(sqrt_price, bps), moved_price(sqrt_price, -bps)
    above = sorted((sqrt_price_at(tick), change) for tick, change in net.items() if tick > spot.tick)
    below = sorted(((sqrt_price_at(tick), change) for tick, change in net.items() if tick <= spot.tick), reverse=True)
    paid1 = bought0 = paid0 = got1 = 0
    at, active = sqrt_price, liquidity
    for price, change in [*(one for one in above if one[0] <= up), (up, 0)]:
        paid1 += amount1_between(at, price, active)
        bought0 += amount0_between(at, price, active)
        at, active = price, active + change
    at, active = sqrt_price, liquidity
    for price, change in [*(one for one in below if one[0] >= down), (down, 0)]:
        paid0 += amount0_between(price, at, active)
        got1 += amount1_between(price, at, active)
        at, active = price, active - change
    return Depth(bps=bps, paid1=with_fee(paid1, fee_ppm), bought0=bought0, paid0=with_fee(paid0, fee_ppm), got1=got1)


def weighted(balances: Sequence[int], weights: Sequence[int], token: int, fee_ppm: int, bps: int) -> int:
    """The depth of one token of a weighted pool against all others: out when its price rises, in when it falls.

    Trading token i against the rest of the basket, its price goes with B_i^(−1/(1−w_i)) at constant invariant.
    """
    weight = weights[token] / sum(weights)
    out = balances[token] * (1 - (1 + bps / BASIS) ** -(1 - weight))
    paid = balances[token] * ((1 - bps / BASIS) ** -(1 - weight) - 1)
    return int(out) + with_fee(int(paid), fee_ppm)


def stable(scaled: Sequence[int], amplification: int, token: int, fee_ppm: int, bps: int) -> int:
    """The depth of one token of a stable-swap pool against the largest other: out when its price rises, in when it falls.

    `scaled` are balances brought to one unit of value; the answer is in that unit. `amplification` is Curve's A·n^(n−1)
    (as its `A()` answers). Solved by bisection on the marginal price, to one part in 10⁹.
    """
    other = max((at for at in range(len(scaled)) if at != token), key=lambda at: scaled[at])
    balances = [float(one) for one in scaled]
    if min(balances) <= 0:
        return 0
    invariant = _invariant(balances, amplification)
    price = _marginal(balances, amplification, invariant, token, other)

    def balance_at(target: float) -> float:
        low, high = math.log(balances[token]) - 30.0, math.log(balances[token]) + 30.0
        for _ in range(80):
            middle = (low + high) / 2
            trial = list(balances)
            trial[token] = math.exp(middle)
            trial[other] = _solved(trial, amplification, invariant, other)
            if _marginal(trial, amplification, invariant, token, other) > target:
                low = middle
            else:
                high = middle
        return math.exp((low + high) / 2)

    out = balances[token] - balance_at(price * (1 + bps / BASIS))
    paid = balance_at(price * (1 - bps / BASIS)) - balances[token]
    return int(max(out, 0.0)) + with_fee(int(max(paid, 0.0)), fee_ppm)


def _invariant(balances: Sequence[float], amplification: int) -> float:
    n, total = len(balances), sum(balances)
    found, ann = total, amplification * len(balances)
    for _ in range(128):  # Newton's; far more than it needs
        product = found
        for one in balances:
            product = product * found / (one * n)
        found = (ann * total + product * n) * found / ((ann - 1) * found + (n + 1) * product)
    return found


def _solved(balances: Sequence[float], amplification: int, invariant: float, unknown: int) -> float:
    """The balance of `unknown` that keeps the invariant: the positive root of y² + (b − D)·y = c."""
    n, ann = len(balances), amplification * len(balances)
    c, total = invariant, 0.0
    for at, one in enumerate(balances):
        if at != unknown:
            total += one
            c = c * invariant / (one * n)
    c = c * invariant / (ann * n)
    b = total + invariant / ann - invariant
    root = math.sqrt(b * b + 4 * c)
    return 2 * c / (b + root) if b > 0 else (root - b) / 2


def _marginal(balances: Sequence[float], amplification: int, invariant: float, token: int, other: int) -> float:
    """The price of `token` in `other`: the ratio of the invariant's two slopes."""
    n, ann = len(balances), amplification * len(balances)
    product = invariant
    for one in balances:
        product = product * invariant / (one * n)
    return (ann + product / balances[token]) / (ann + product / balances[other])


def concentration(depths: Iterable[int]) -> float:
    """Herfindahl–Hirschman index Σ sᵢ² of these depths: 1 where one pool holds all, 1/n where n share alike; 0 of nothing."""
    held = [one for one in depths if one > 0]
    total = sum(held)
    return sum((one / total) ** 2 for one in held)
