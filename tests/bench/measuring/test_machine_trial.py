"""What two processes tell of a machine, with rounds that are made up."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bench.errors import UsageError
from bench.machine.lock import measuring_alone
from bench.machine.trial import Trial
from bench.measuring.conductor import Player
from bench.measuring.machine_trial import NETWORK, PlayRound, try_machine
from bench.registry import REGISTRY
from bench.results.contention import CallContention
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status
from tests.bench.example_records import ENVIRONMENT, fail, make_record
from tests.bench.example_results import undisturbed

N_TURNS = 4
UNKNOWN = Trial(NETWORK.display_name, threads=2)


def busy(n_calls: int) -> CallContention:
    """The own threads waited for a second in every call."""
    return replace(undisturbed(n_calls), wait_s=(1.0,) * n_calls)


def times_of(player: Player, **fields: Any) -> LatencyTimes:
    """Calls that take 1.5 times as long and fault where pages are given back.

    Later turns are slower for both, and each process made its calls in another order.
    """
    keeps_pages = player.job.workload.keeps_pages
    turns = tuple(range(N_TURNS)) if keeps_pages else tuple(reversed(range(N_TURNS)))
    scale = 0.1 if keeps_pages else 0.15
    known: dict[str, Any] = {
        "times_s": tuple(scale * (1 + turn) for turn in turns),
        "turns": turns,
        "page_faults": (0,) * N_TURNS if keeps_pages else (6000, 6054, 6054, 9000),
        "thread_gain": 1.3 if keeps_pages else 1.1,
        "contention": undisturbed(N_TURNS),
    }
    return LatencyTimes(**known | fields)


def playing(**fields: Any) -> PlayRound:
    """Rounds in which both processes end well, with some of what they say replaced."""
    return lambda players: [make_record(p.job, times_of(p, **fields)) for p in players]


def test_the_two_processes_differ_in_what_they_keep_and_use_all_processors() -> None:
    asked: list[Player] = []

    def play(players: Sequence[Player]) -> Iterable[Record]:
        asked.extend(players)
        return playing()(players)

    try_machine(ENVIRONMENT, play)
    plain, kept = (player.job for player in asked)
    assert (plain.workload.keeps_pages, kept.workload.keeps_pages) == (False, True)
    assert replace(plain.workload, keeps_pages=True) == kept.workload
    assert replace(plain, workload=kept.workload) == kept
    assert plain.workload.threads == ENVIRONMENT.machine.n_available_cpus
    assert plain.factory == REGISTRY[plain.model].factory


def test_the_cost_is_the_ratio_of_the_calls_of_one_turn() -> None:
    trial = try_machine(ENVIRONMENT, playing())
    assert trial.time_ratio == pytest.approx(1.5, rel=1e-12)
    assert (trial.page_faults, trial.kept_page_faults) == (6054, 0)
    assert trial.thread_gain == pytest.approx(1.2)
    assert (trial.network, trial.threads) == ("SuDoRM-RF 0.25x", 2)
    assert trial.problem == ""


def test_without_an_undisturbed_call_the_faults_are_known_and_the_time_is_not() -> None:
    trial = try_machine(ENVIRONMENT, playing(contention=busy(N_TURNS)))
    assert trial.time_ratio is None
    assert (trial.page_faults, trial.kept_page_faults) == (6054, 0)
    assert trial.problem == "Other processes disturbed every call."


def test_what_a_process_does_not_tell_is_not_known() -> None:
    trial = try_machine(ENVIRONMENT, playing(page_faults=None, thread_gain=None))
    assert trial.page_faults is trial.kept_page_faults is trial.thread_gain is None
    assert trial.time_ratio == pytest.approx(1.5, rel=1e-12)


def test_a_process_that_fails_is_said_and_the_other_still_tells() -> None:
    def play(players: Sequence[Player]) -> Iterable[Record]:
        plain, kept = playing()(players)
        return fail(plain, Status.KILLED, "The kernel did it."), kept

    trial = try_machine(ENVIRONMENT, play)
    assert trial == replace(
        UNKNOWN, thread_gain=1.3, kept_page_faults=0, problem="The kernel did it."
    )


@pytest.mark.parametrize("error", [UsageError("No process starts."), OSError("No process starts.")])
def test_a_round_that_can_not_be_held_is_a_problem_and_no_error(error: Exception) -> None:
    def play(players: Sequence[Player]) -> Iterable[Record]:
        raise error

    assert try_machine(ENVIRONMENT, play) == replace(UNKNOWN, problem="No process starts.")


def test_nothing_is_measured_beside_another_run() -> None:
    def play(players: Sequence[Player]) -> Iterable[Record]:
        raise AssertionError("measured beside another run")

    with measuring_alone():
        trial = try_machine(ENVIRONMENT, play)
    assert trial.problem.startswith("Another run is measuring on this machine")


def test_nobody_else_measures_meanwhile() -> None:
    def play(players: Sequence[Player]) -> Iterable[Record]:
        with pytest.raises(UsageError, match="Another run is measuring"), measuring_alone():
            pass
        return playing()(players)

    assert try_machine(ENVIRONMENT, play).problem == ""
