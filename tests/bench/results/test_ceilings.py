"""Laws of floors, on made-up runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.results.ceilings import (
    BandwidthCeiling,
    Ceilings,
    ProductCeiling,
    ProductShape,
    RepeatedTimes,
)
from tests.bench.example_results import undisturbed

seconds = st.floats(1e-6, 1.0)


def runs(call_s: float, repeats: int = 2) -> RepeatedTimes:
    return RepeatedTimes(repeats, (repeats * call_s,) * 3, undisturbed(3))


def make_ceilings(
    products: list[tuple[int, float]],
    compulsory_bytes: int = 1000,
    moves: tuple[tuple[str, int, float], ...] = (("copy", 100, 1e-3),),
) -> Ceilings:
    """Products of 6 multiply-adds by their calls and the seconds of one."""
    return Ceilings(
        dtype="float32",
        macs=6 * sum(calls for calls, _ in products) + 7,
        bytes_moved=24,
        compulsory_bytes=compulsory_bytes,
        products=tuple(
            ProductCeiling(ProductShape(1, 2, 3), calls, runs(call_s)) for calls, call_s in products
        ),
        peaks=(),
        bandwidths=tuple(BandwidthCeiling(work, n, runs(call_s)) for work, n, call_s in moves),
    )


@given(st.lists(st.tuples(st.integers(1, 50), seconds), max_size=6), st.integers(1, 10**9))
def test_floors_add_up(products: list[tuple[int, float]], n_bytes: int) -> None:
    """The products one after another, or the bytes; whichever takes longer."""
    found = make_ceilings(products, n_bytes)
    assert found.products_s == pytest.approx(sum(calls * call_s for calls, call_s in products))
    assert found.compulsory_s == pytest.approx(n_bytes * 1e-3 / 100)
    assert found.floor_s == max(found.products_s, found.compulsory_s)
    assert found.other_macs == 7


@pytest.mark.parametrize(("n_bytes", "rate"), [(50, 1e6), (100, 1e6), (999, 1e6), (10**4, 1e5)])
def test_bytes_move_at_the_rate_of_the_largest_size_that_is_no_larger(
    n_bytes: int, rate: float
) -> None:
    """The faster way of that size: a copy of 100 bytes is, a read of 1000."""
    moves = (
        ("copy", 100, 100 / 1e6),
        ("read", 100, 100 / 4e5),
        ("copy", 1000, 1000 / 5e4),
        ("read", 1000, 1000 / 1e5),
    )
    assert make_ceilings([], n_bytes, moves).compulsory_s == pytest.approx(n_bytes / rate)


def test_a_floor_rests_on_the_part_with_the_fewest_undisturbed_runs() -> None:
    found = make_ceilings([(1, 0.1), (1, 0.2)])
    assert found.n_undisturbed == 3
    disturbed = undisturbed(3)
    waits = type(disturbed)(**{**vars(disturbed), "wait_s": (1.0, 1.0, 0.0)})
    times = RepeatedTimes(10, (1.0, 5.0, 2.0), waits)
    assert times.undisturbed_s == [0.2]
    assert times.call_s == 0.2
    worse = ProductCeiling(ProductShape(1, 2, 3), 1, times)
    assert Ceilings(**{**vars(found), "products": (worse,)}).n_undisturbed == 1
