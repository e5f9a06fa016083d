"""Who makes a call when: rounds with made-up processes on a clock of their own."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from bench.machine.pages import KEEP_PAGES
from bench.measuring import conductor
from bench.measuring.conductor import (
    MAX_TURNS,
    MIN_TURNS,
    MIN_TURNS_ON_GPU,
    Player,
    measure_round,
)
from bench.measuring.forkserver import Ending
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status
from bench.results.statistics import MIN_PROCESSES
from tests.bench.example_records import ENVIRONMENT, make_job

RESULT = {"times_s": [1.0], "turns": [0]}
KILLED = Ending(None, -9, False, "")


@dataclass
class Stage:
    """All that happens, in order; ``costs_s`` is what a call of each network takes."""

    costs_s: Mapping[str, float]
    disturbed: frozenset[str] = frozenset()  # networks all of whose calls are
    dies_at: dict[str, int] = field(default_factory=dict)  # the turn of a network's death
    recovers: frozenset[str] = frozenset()  # those that die once
    interrupted_by: str = ""  # whose next call never ends, once it has died
    kills_server: frozenset[str] = frozenset()
    now_s: float = 0.0
    calls: list[tuple[int, str]] = field(default_factory=list)
    stops: dict[str, str] = field(default_factory=dict)
    servers: list["Server"] = field(default_factory=list)

    def turns_of(self, model: str) -> list[int]:
        return [turn for turn, name in self.calls if name == model]


class Server:
    """Stands in for the fork server."""

    stage: Stage

    def __init__(
        self,
        threads: int,
        preload: Sequence[str],
        root: Path | None,
        variables: Mapping[str, str] | None,
    ) -> None:
        self.threads, self.root, self.variables = threads, root, variables
        self.is_running = True
        self.stage.servers.append(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.is_running = False

    def start(self, request: Mapping[str, Any]) -> "Process":
        return Process(self, request["model"])


class Process:
    """Stands in for a forked process."""

    def __init__(self, server: Server, model: str) -> None:
        self._server, self._model = server, model
        self._answers: list[dict[str, Any] | None] = [{"ready": True}]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def send(self, message: Mapping[str, Any]) -> None:
        stage, model = self._server.stage, self._model
        if "turn" not in message:
            stage.stops[model] = message["stopped_by"]
            self._answers.append({"status": "ok", "reason": "", "result": RESULT})
            return
        if model == stage.interrupted_by and model not in stage.dies_at:
            raise KeyboardInterrupt
        stage.now_s += stage.costs_s[model]
        stage.calls.append((message["turn"], model))
        if stage.dies_at.get(model) == message["turn"]:
            if model in stage.recovers or model == stage.interrupted_by:
                del stage.dies_at[model]
            self._server.is_running &= model not in stage.kills_server
            self._answers.append(None)
        else:
            self._answers.append({"is_disturbed": model in stage.disturbed})

    def receive(self, deadline_s: float) -> dict[str, Any] | None:
        return self._answers.pop(0) if self._server.is_running else None

    def conclude(self, outcome: dict[str, Any] | None) -> Ending:
        return KILLED if outcome is None else Ending(outcome, 0, False, "")


class NoWait:
    """Quiet moments at once."""

    def __init__(self, budget_s: float) -> None:
        pass

    def wait(self) -> float:
        return 0.0


def play(
    monkeypatch: pytest.MonkeyPatch,
    stage: Stage,
    budgets_s: Mapping[str, float],
    reference: str,
    device: str = "cpu",
) -> list[Record]:
    """The records of a round of all networks of the budgets."""
    return list(playing(monkeypatch, stage, budgets_s, reference, device))


def playing(
    monkeypatch: pytest.MonkeyPatch,
    stage: Stage,
    budgets_s: Mapping[str, float],
    reference: str,
    device: str = "cpu",
) -> Iterator[Record]:
    monkeypatch.setattr(conductor, "ForkServer", type("Staged", (Server,), {"stage": stage}))
    monkeypatch.setattr(conductor, "QuietMoments", NoWait)
    monkeypatch.setattr(conductor, "time", SimpleNamespace(monotonic=lambda: stage.now_s))
    players = [
        Player(
            replace(make_job(model, device=device), budget_s=budget_s),
            ENVIRONMENT,
            is_reference=model == reference,
        )
        for model, budget_s in budgets_s.items()
    ]
    return measure_round(players)


def turns(stage: Stage) -> Iterator[list[str]]:
    for _, calls in groupby(stage.calls, key=lambda call: call[0]):
        yield [model for _, model in calls]


def test_each_is_in_every_turn_until_its_time_is_spent_and_the_reference_in_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage({"base": 0.1, "small": 0.03, "large": 1.0})
    play(monkeypatch, stage, {"base": 0.5, "small": 0.5, "large": 0.5}, "base")
    assert stage.turns_of("small") == list(range(17))  # 17 calls take 0.51 s
    assert stage.turns_of("large") == list(range(MIN_TURNS))
    assert stage.turns_of("base") == list(range(17))
    assert all(max(Counter(taking).values()) == 1 for taking in turns(stage))
    assert set(stage.stops.values()) == {"budget"}


def test_the_order_within_turns_is_random_and_the_same_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {"a": 0.1, "b": 0.1, "c": 0.1}
    stages = [Stage(names), Stage(names)]
    for stage in stages:
        play(monkeypatch, stage, dict.fromkeys(names, 6.0), "a")
    first, again = (list(turns(stage)) for stage in stages)
    assert first == again
    places = Counter(taking.index("a") for taking in first)
    assert min(places[place] for place in range(3)) >= 10  # of 60 turns


def test_a_disturbed_call_is_made_again_a_few_times_beyond_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage({"base": 0.1, "loud": 1.0}, disturbed=frozenset(["loud"]))
    play(monkeypatch, stage, {"base": 0.2, "loud": 0.5}, "base")
    assert len(stage.turns_of("loud")) == 2 * MIN_TURNS


@pytest.mark.parametrize(
    ("device", "cost_s", "n_turns"),
    [
        ("cuda", 0.4, MIN_TURNS_ON_GPU),
        ("cuda", 0.1, 6),
        ("cuda", 0.7, MIN_TURNS),
        ("cuda", 5.0, 1),
        ("cpu", 0.4, MIN_TURNS),
    ],
)
def test_on_a_gpu_three_processes_make_ten_calls_that_fit_into_their_time(
    monkeypatch: pytest.MonkeyPatch, device: str, cost_s: float, n_turns: int
) -> None:
    stage = Stage({"network": cost_s})
    play(monkeypatch, stage, {"network": 0.55}, "network", device)
    assert len(stage.turns_of("network")) == n_turns
    assert MIN_PROCESSES * MIN_TURNS_ON_GPU >= 10


def test_there_is_a_largest_number_of_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage({"tiny": 1e-9})
    play(monkeypatch, stage, {"tiny": 1.0}, "tiny")
    assert len(stage.turns_of("tiny")) == MAX_TURNS
    assert stage.stops == {"tiny": "turns"}


def test_one_that_dies_has_its_record_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage({"base": 0.1, "weak": 0.1, "sound": 0.1}, dies_at={"weak": 1})
    records = play(monkeypatch, stage, dict.fromkeys(stage.costs_s, 1.0), "base")
    assert [record.job.model for record in records] == ["base", "weak", "sound"]
    assert [record.status for record in records] == [Status.OK, Status.KILLED, Status.OK]
    assert stage.turns_of("weak") == [0, 1, 0, 1]  # the second time alone
    assert len(stage.turns_of("sound")) == 10


def test_who_was_killed_beside_others_is_measured_again_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their memory together may have been too much for the machine."""
    stage = Stage({"base": 0.1, "large": 0.1}, dies_at={"large": 1}, recovers=frozenset(["large"]))
    base, large = play(monkeypatch, stage, {"base": 1.0, "large": 1.0}, "base")
    assert (base.status, large.status) == (Status.OK, Status.OK)
    assert isinstance(large.result, LatencyTimes)
    assert large.result.turns is None


def test_an_interruption_of_one_that_is_measured_again_costs_no_others_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    costs_s = dict.fromkeys(("base", "large", "last"), 0.1)
    stage = Stage(costs_s, dies_at={"large": 1}, interrupted_by="large")
    round_ = playing(monkeypatch, stage, dict.fromkeys(stage.costs_s, 1.0), "base")
    records = [next(round_) for _ in range(3)]
    assert [record.status for record in records] == [Status.OK, Status.KILLED, Status.OK]
    with pytest.raises(KeyboardInterrupt):
        next(round_)


def test_who_loses_the_server_to_another_is_measured_again_without_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage(
        {"base": 0.1, "killer": 0.1}, dies_at={"killer": 1}, kills_server=frozenset(["killer"])
    )
    base, killer = play(monkeypatch, stage, {"base": 1.0, "killer": 1.0}, "base")
    assert (base.status, killer.status) == (Status.OK, Status.KILLED)
    assert isinstance(base.result, LatencyTimes)
    assert base.result.turns is None
    assert len(stage.servers) == 3  # of the round, and of each alone


def test_a_reference_that_dies_ends_no_round(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage({"base": 0.1, "other": 0.1}, dies_at={"base": 0})
    base, other = play(monkeypatch, stage, {"base": 0.95, "other": 0.95}, "base")
    assert (base.status, other.status) == (Status.KILLED, Status.OK)
    assert len(stage.turns_of("other")) == 10


def test_players_share_a_server_where_nothing_that_it_has_differs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stage = Stage(dict.fromkeys("abcdefg", 0.1))
    monkeypatch.setattr(conductor, "ForkServer", type("Staged", (Server,), {"stage": stage}))
    monkeypatch.setattr(conductor, "QuietMoments", NoWait)
    monkeypatch.setattr(conductor, "time", SimpleNamespace(monotonic=lambda: stage.now_s))
    players = [
        Player(make_job("a"), ENVIRONMENT),
        Player(make_job("b"), ENVIRONMENT),
        Player(make_job("c", threads=1), ENVIRONMENT),
        Player(make_job("d", keeps_pages=False), ENVIRONMENT),
        Player(make_job("e"), ENVIRONMENT, root=tmp_path),
        Player(make_job("f"), ENVIRONMENT, server=1),
        Player(make_job("g"), ENVIRONMENT, variables={"A": "1"}),
    ]
    assert len(list(measure_round(players))) == len(players)
    found = [(server.threads, server.root, server.variables) for server in stage.servers]
    assert found == [
        (2, None, KEEP_PAGES),
        (1, None, KEEP_PAGES),
        (2, None, None),
        (2, tmp_path, KEEP_PAGES),
        (2, None, KEEP_PAGES),
        (2, None, {"A": "1"}),
    ]


def test_interrupted_everyone_has_a_record_and_it_goes_on_raising(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage({"base": 0.1})  # the other's call is none that it can make
    monkeypatch.setattr(conductor, "ForkServer", type("Staged", (Server,), {"stage": stage}))
    monkeypatch.setattr(conductor, "QuietMoments", NoWait)
    measured = measure_round([Player(make_job(name), ENVIRONMENT) for name in ("base", "other")])
    statuses = [next(measured).status for _ in range(2)]
    assert statuses == [Status.INTERRUPTED] * 2
    with pytest.raises(KeyError, match="other"):
        next(measured)
