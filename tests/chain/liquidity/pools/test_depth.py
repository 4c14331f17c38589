"""Checks the depth arithmetic: against brute force, between pool kinds, and at the limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.liquidity.depth import Spot, concentrated, concentration, constant_product, stable, weighted
from chain.liquidity.tick_math import MAX_TICK, Q96, amounts_of, moved_price, sqrt_price_at, tick_at

AMOUNTS = st.integers(10**15, 10**27)
BPS = st.sampled_from((100, 200, 500))


@given(AMOUNTS, AMOUNTS, BPS)
def test_a_constant_product_pool_pays_what_its_product_allows(x: int, y: int, bps: int) -> None:
    found = constant_product(x, y, 3000, bps)
    paid = found.paid1 * 997 // 1000
    assert x * paid // (y + paid) == pytest.approx(found.bought0, rel=1e-6, abs=2)
    assert (y + paid) / (x - found.bought0) == pytest.approx(y / x * (1 + bps / 10_000), rel=1e-6)
    sold = found.paid0 * 997 // 1000
    assert y * sold // (x + sold) == pytest.approx(found.got1, rel=1e-6, abs=2)


def test_an_empty_pool_has_no_depth() -> None:
    assert constant_product(0, 10**18, 3000, 200).of_tokens == (0, 0)
    assert stable((0, 10**18), 100, 0, 400, 200) == 0


@given(AMOUNTS, BPS)
def test_full_range_liquidity_is_a_constant_product(amount: int, bps: int) -> None:
    spot = Spot(sqrt_price=Q96, tick=0, liquidity=amount)
    ranged = concentrated(spot, {-887_220: amount, 887_220: -amount}, 3000, bps)
    assert ranged.of_tokens == pytest.approx(constant_product(amount, amount, 3000, bps).of_tokens, rel=1e-9, abs=9)


def test_a_tick_crossed_on_the_way_down_is_not_counted_again() -> None:
    at = sqrt_price_at(60)
    below = Spot(sqrt_price=at, tick=59, liquidity=10**20)  # the price is on tick 60 and came from above
    above = Spot(sqrt_price=at, tick=60, liquidity=10**20 + 10**21)
    net = {60: 10**21}
    assert concentrated(below, net, 0, 100) == concentrated(above, net, 0, 100)


@given(AMOUNTS, AMOUNTS, BPS)
def test_equal_weights_are_a_constant_product(x: int, y: int, bps: int) -> None:
    exact = constant_product(x, y, 3000, bps).of_tokens
    assert weighted((x, y), (1, 1), 0, 3000, bps) == pytest.approx(exact[0], rel=1e-6)
    assert weighted((x, y), (5, 5), 1, 3000, bps) == pytest.approx(
        exact[1], rel=5e-3
    )  # ±bps of its own price, not of the other's


def curve_y(x: float, balances: tuple[float, float], amplification: float, invariant: float) -> float:
    """Returns the other balance with Curve's iteration for two coins."""
    ann = amplification * 2
    c = invariant**3 / (x * 4 * ann)
    b = x + invariant / ann
    y = invariant
    for _ in range(300):
        y = (y * y + c) / (2 * y + b - invariant)
    return y


@pytest.mark.parametrize("amplification", [1, 100, 2000])
@pytest.mark.parametrize("balances", [(1e24, 1e24), (3e24, 1e24), (1e23, 1e24)])
@pytest.mark.parametrize("bps", [100, 500])
def test_the_depth_of_a_stable_swap_moves_its_price_by_the_stated_share(
    amplification: int, balances: tuple[float, float], bps: int
) -> None:
    ann, (x, y) = amplification * 2, balances
    low, high = 0.0, 2 * (x + y)
    for _ in range(200):  # the invariant by bisection: another way than Newton's
        middle = (low + high) / 2
        if ann * (x + y) + middle > ann * middle + middle**3 / (4 * x * y):
            low = middle
        else:
            high = middle
    invariant = (low + high) / 2

    def price(held: float) -> float:
        step = held * 1e-6
        up, down = (curve_y(held + sign * step, balances, amplification, invariant) for sign in (1, -1))
        return (down - up) / (2 * step)

    found = stable((int(x), int(y)), amplification, 0, 0, bps)
    start = price(x)
    low, high = x, x * 1e6
    for _ in range(200):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if price(middle) > start * (1 - bps / 10_000) else (low, middle)
    paid = low - x
    low, high = x * 1e-6, x
    for _ in range(200):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if price(middle) > start * (1 + bps / 10_000) else (low, middle)
    assert found == pytest.approx(paid + x - low, rel=5e-3)


def test_a_one_sided_pool_is_solved_too() -> None:
    lean = stable((10**26, 10**22), 200, 0, 400, 200)
    rich = stable((10**22, 10**26), 200, 0, 400, 200)
    assert 0 < rich < lean


def test_depth_over_many_pools_is_less_concentrated() -> None:
    assert concentration([]) == 0.0
    assert concentration([5, 0]) == 1.0
    assert concentration([1, 1, 1, 1]) == 0.25


@given(st.integers(-MAX_TICK, MAX_TICK))
def test_a_tick_is_recovered_from_its_price(tick: int) -> None:
    assert tick_at(sqrt_price_at(tick)) == tick
    assert tick_at(sqrt_price_at(tick) - 1) == max(tick - 1, -MAX_TICK)
    assert sqrt_price_at(tick) / Q96 == pytest.approx(1.0001 ** (tick / 2), rel=1e-9)


def test_prices_are_bounded_by_the_first_and_last_tick() -> None:
    with pytest.raises(ValueError, match="887273"):
        sqrt_price_at(MAX_TICK + 1)
    assert sqrt_price_at(-MAX_TICK) == 4295128739  # TickMath.MIN_SQRT_RATIO
    assert sqrt_price_at(MAX_TICK) == 1461446703485210103287273052203988822378723970342  # MAX_SQRT_RATIO


def test_a_position_outside_the_price_holds_only_one_token() -> None:
    assert amounts_of(Q96, 60, 120, 10**18)[1] == 0
    assert amounts_of(Q96, -120, -60, 10**18)[0] == 0
    assert moved_price(Q96, 0) == Q96
