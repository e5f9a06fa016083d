"""Which processes each design lets live side by side, and for how long; rounds are made up."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from bench import designs
from bench.designs import ALONE_S, DESIGNS, Design, run_design
from bench.machine.pages import KEEP_PAGES
from bench.measuring.conductor import Player
from bench.registry import TABLE1
from bench.results.measurements import LatencyTimes
from bench.results.record import Record
from tests.bench.example_records import ENVIRONMENT, make_record

BASE, *OTHERS = (entry.name for entry in TABLE1[:3])
N_CPUS = ENVIRONMENT.machine.n_available_cpus


class Rounds:
    """Stands in for the conductor; each round takes the next of ``lengths_s``, by its clock."""

    def __init__(self, lengths_s: Sequence[float] = (10.0,)) -> None:
        self.lengths_s = list(lengths_s)
        self.now_s = 100.0
        self.groups: list[list[Player]] = []
        self.began_s: list[float] = []
        self.waits: set[bool] = set()

    def clock(self) -> float:
        return self.now_s

    def __call__(self, players: Sequence[Player], waits_for_quiet: bool = True) -> Iterator[Record]:
        self.waits.add(waits_for_quiet)
        self.began_s.append(self.now_s - 100.0)
        self.now_s += self.lengths_s[min(len(self.groups), len(self.lengths_s) - 1)]
        self.groups.append(list(players))
        for player in players:
            yield make_record(player.job, LatencyTimes((1.0,), turns=(0,)), player.environment)


Run = Callable[..., list[Record]]


@pytest.fixture
def rounds() -> Rounds:
    return Rounds()


@pytest.fixture
def run(rounds: Rounds, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(designs, "measure_round", rounds)

    def run(design: Design, time_s: float) -> list[Record]:
        return list(run_design(design, TABLE1[:3], ENVIRONMENT, time_s, rounds.clock))

    return run


def seated(rounds: Rounds) -> list[tuple[int, list[str]]]:
    """The round and the networks of each group."""
    found = []
    for group in rounds.groups:
        (index,) = {player.job.round for player in group}
        found.append((index, [player.job.model for player in group]))
    return found


@pytest.mark.parametrize("design", DESIGNS.values(), ids=list(DESIGNS))
def test_the_networks_of_each_group(design: Design, rounds: Rounds, run: Run) -> None:
    run(design, 60.0)
    expected: dict[str, list[tuple[int, list[str]]]] = {
        "all": [(k, [BASE, *OTHERS]) for k in range(6)],
        "pairs": [(k, [BASE, OTHERS[k % 2]]) for k in range(6)],
        "none": [(k, [name]) for k in range(2) for name in (BASE, *OTHERS)],
    }
    assert seated(rounds) == expected[design.together]
    assert [[p.is_reference for p in group] for group in rounds.groups] == [
        [True, *[False] * (len(group) - 1)] for group in rounds.groups
    ]


@pytest.mark.parametrize("design", DESIGNS.values(), ids=list(DESIGNS))
def test_allocator_threads_and_calls_of_each_process(
    design: Design, rounds: Rounds, run: Run
) -> None:
    run(design, 10.0)
    for player in rounds.groups[0]:
        work = player.job.workload
        assert work.threads == (N_CPUS if design.name.endswith("-all") else 1)
        assert work.keeps_pages == (design.name in KEEPING)
        assert (work.phase, work.device, work.n_samples) == ("inference", "cpu", 8000)
        assert player.job.budget_s == design.budget_s
        without_huge = {k: v for k, v in KEEP_PAGES.items() if k != "GLIBC_TUNABLES"}
        assert player.variables == (without_huge if design.name == "turns-small" else None)


KEEPING = {"turns", "processes-pages", "pairs", "turns-small", "turns-all"}


def test_whole_processes_are_measured_as_in_version_0_2(rounds: Rounds, run: Run) -> None:
    """Without waiting for quiet moments, for a second each, and they took no turns."""
    records = run(DESIGNS["processes"], 30.0)
    assert rounds.waits == {False}
    assert {record.job.budget_s for record in records} == {ALONE_S}
    assert {turns_of(record) for record in records} == {None}


def test_processes_side_by_side_wait_for_quiet_and_keep_their_turns(
    rounds: Rounds, run: Run
) -> None:
    records = run(DESIGNS["turns"], 30.0)
    assert rounds.waits == {True}
    assert {turns_of(record) for record in records} == {(0,)}


def turns_of(record: Record) -> tuple[int, ...] | None:
    assert isinstance(record.result, LatencyTimes)
    return record.result.turns


@pytest.mark.parametrize(
    ("lengths_s", "began_s"),
    [
        ([10.0], [0.0, 10.0, 20.0]),
        ([15.0], [0.0, 15.0]),
        ([16.0], [0.0]),
        ([5.0, 20.0, 1.0], [0.0, 5.0]),  # the longest one so far is what the next may take
        ([40.0], [0.0]),  # the first is always tried
    ],
)
def test_no_group_begins_that_would_end_beyond_the_time(
    lengths_s: list[float], began_s: list[float], rounds: Rounds, run: Run
) -> None:
    rounds.lengths_s = lengths_s
    run(DESIGNS["turns"], 30.0)
    assert rounds.began_s == began_s


def test_every_design_has_a_text_of_its_own() -> None:
    assert len({design.text for design in DESIGNS.values()}) == len(DESIGNS)
    assert list(DESIGNS) == [design.name for design in DESIGNS.values()]
