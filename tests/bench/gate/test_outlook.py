"""How much longer an open verdict needs."""

import pytest

from bench.gate.outlook import Allowance, Progress, advise, advise_first, needed_rounds


@pytest.mark.parametrize(("margin", "n_rounds"), [(0.04, 10), (0.02, 40), (0.08, 2.5)])
def test_half_an_interval_shrinks_with_the_root_of_the_rounds(
    margin: float, n_rounds: float
) -> None:
    assert needed_rounds(10, 0.04, margin) == pytest.approx(n_rounds)


@pytest.mark.parametrize("margin", [0.0, -0.01])
def test_an_estimate_on_the_border_needs_for_ever(margin: float) -> None:
    needed = needed_rounds(10, 0.04, margin)
    assert advise(Progress(10, 10**9, 120.0, 12.0), needed) == "more time would hardly settle it"


@pytest.mark.parametrize(
    ("n_needed", "round_s", "advice"),
    [
        (30.0, 12.0, "about 4 min more would settle it (--time 370)"),
        (10.2, 12.0, "about 10 s more would settle it (--time 140)"),
        (3.0, 12.0, "about 10 s more would settle it (--time 140)"),  # it can only be one round
        (64.0, 12.0, "about 11 min more would settle it (--time 770)"),
        (64.1, 12.0, "more time would hardly settle it"),  # than the last look would allow
        (64.0, 70.0, "more time would hardly settle it"),  # than an hour
    ],
)
def test_advice_is_in_time_and_as_an_option(n_needed: float, round_s: float, advice: str) -> None:
    assert advise(Progress(10, 64, 121.0, round_s), n_needed) == advice


def test_before_the_first_interval_the_first_look_is_what_it_takes() -> None:
    advice = advise_first(Progress(1, 64, 12.0, 12.0), 4)
    assert advice == "it takes 4 rounds at least, about 40 s more (--time 50)"


def test_the_option_is_written_as_the_user_gives_it() -> None:
    progress = Progress(10, 64, 121.0, 12.0, "time_s={}")
    assert advise(progress, 30.0) == "about 4 min more would settle it (time_s=370)"


def test_an_allowance_counts_from_its_beginning() -> None:
    now_s = 100.0
    allowance = Allowance(10.0, lambda: now_s)
    assert (allowance.spent_s, allowance.is_left) == (0.0, True)
    now_s = 110.0
    assert (allowance.spent_s, allowance.is_left) == (10.0, False)
