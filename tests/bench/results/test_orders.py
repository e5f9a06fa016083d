"""Orders of networks in several runs: how alike two are, and how stable over all, by counting."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.registry import TABLE1
from bench.results.record import Status
from bench.results.side_by_side import compare_orders, survey_orders
from bench.results.summary import NOT_MEASURED, RunSummary, Value, summarize
from tests.bench.made_up_runs import make_run, with_values

MEMORY = "peak_rss_bytes_inference"
TIME = "latency_s_inference"

ORDERED = summarize(make_run(TABLE1[:6]))
costs = st.lists(st.integers(1, 5), min_size=6, max_size=6)


@given(costs, costs)
@settings(max_examples=50)
def test_orders_agree_by_as_much_as_counted_pairs_do(first: list[int], second: list[int]) -> None:
    """Kendall's tau b: pairs in one order less those in the other, over roots of unequal pairs."""
    one, other = (
        with_values(ORDERED, MEMORY, [Value(float(cost)) for cost in drawn])
        for drawn in (first, second)
    )
    found = compare_orders(one, other, MEMORY)
    pairs = [
        (np.sign(first[a] - first[b]), np.sign(second[a] - second[b]))
        for a, b in combinations(range(6), 2)
    ]
    unequal = [sum(pair[side] != 0 for pair in pairs) for side in (0, 1)]
    assert found.n_networks == 6
    assert len(found.swapped) == sum(a * b < 0 for a, b in pairs)
    if 0 in unequal:
        assert found.tau is None
    else:
        expected = sum(a * b for a, b in pairs) / math.sqrt(unequal[0] * unequal[1])
        assert found.tau == pytest.approx(expected, abs=1e-12)


def test_the_same_order_agrees_and_the_opposite_one_does_not() -> None:
    backwards = with_values(ORDERED, TIME, [Value(float(cost)) for cost in range(6, 0, -1)])
    same, opposite = (compare_orders(ORDERED, run, TIME) for run in (ORDERED, backwards))
    assert same.tau == pytest.approx(1.0)
    assert same.swapped == ()
    assert opposite.tau == pytest.approx(-1.0)
    assert len(opposite.swapped) == 15


def test_one_pair_that_changed_places_is_named_in_the_registrys_order() -> None:
    swapped = with_values(ORDERED, MEMORY, [Value(float(v)) for v in (1, 2, 4, 3, 5, 6)])
    found = compare_orders(ORDERED, swapped, MEMORY)
    assert found.swapped == (("dprnn", "two-step-tdcn"),)
    assert found.tau == pytest.approx(1 - 2 / 15)


def test_ranges_and_gaps_have_no_place_in_an_order() -> None:
    gaps = [Value(None, span=(1.0, 9.0)), Value(None, Status.OOM, "Full."), NOT_MEASURED]
    kept = [Value(float(v)) for v in (1, 2, 3)]
    found = compare_orders(ORDERED, with_values(ORDERED, TIME, [*gaps, *kept]), TIME)
    assert found.n_networks == 3
    assert found.tau == pytest.approx(1.0)


TWO = summarize(make_run(TABLE1[:2]))


def test_two_networks_have_no_order_to_speak_of() -> None:
    found = compare_orders(ORDERED, TWO, MEMORY)
    assert (found.n_networks, found.tau) == (2, None)


def ordered(*costs: int) -> RunSummary:
    return with_values(ORDERED, MEMORY, [Value(float(cost)) for cost in costs])


def test_the_pair_of_runs_that_agrees_least_is_found_wherever_it_is() -> None:
    """Neither is the first; 15 pairs of networks, of which 1, 2 and 3 change places."""
    usual, one, two = (
        ordered(1, 2, 3, 4, 5, 6),
        ordered(2, 1, 3, 4, 5, 6),
        ordered(1, 2, 3, 5, 6, 4),
    )
    found = survey_orders([usual, one, two], MEMORY)
    assert found is not None
    assert (found.n_pairs, found.between) == (3, (1, 2))
    assert found.smallest == pytest.approx(1 - 2 * 3 / 15)
    assert found.mean == pytest.approx(1 - 2 * (1 + 2 + 3) / 15 / 3)


@given(st.permutations(range(4)))
def test_the_order_of_runs_does_not_change_how_stable_networks_are(order: list[int]) -> None:
    runs = [ordered(1, 2, 3, 4, 5, 6), ordered(2, 1, 3, 4, 5, 6), ordered(6, 5, 4, 3, 2, 1), TWO]
    found = survey_orders([runs[place] for place in order], MEMORY)
    assert found is not None
    assert found.n_pairs == 3  # with the run of two networks no other has an order
    assert found.smallest == pytest.approx(-1)
    assert {order[place] for place in found.between} == {0, 2}
    assert found.mean == pytest.approx((13 / 15 - 1 - 13 / 15) / 3)


def test_runs_without_an_order_have_no_stability() -> None:
    assert survey_orders([ORDERED, TWO, TWO], MEMORY) is None
    assert survey_orders([ORDERED], MEMORY) is None
