"""Rounds of processes that live side by side and take turns, call by call.

The conductor builds and warms all of them, one after another, and then lets one at a time make its
call, in random order. It sleeps while one does. What slows the machine for longer than a turn hits
neighbours alike, and cancels in their ratio. Each call finds the others' data in the caches.
"""

import math
import time
from collections.abc import Generator, Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random

from bench.machine.pages import malloc_variables
from bench.measuring.endings import preload_for, to_record
from bench.measuring.forkserver import Child, Ending, ForkServer
from bench.measuring.quiet import QuietMoments
from bench.results.environment import Environment
from bench.results.measurements import LatencyTimes
from bench.results.record import Job, Record, Status
from bench.results.statistics import LONG_CALL_S, MIN_PROCESSES

MIN_TURNS = 2
"""In which a process was not disturbed, one of a long call; or twice as many in all."""
MIN_TURNS_ON_GPU = math.ceil(10 / MIN_PROCESSES)
"""The same on a GPU, of calls that fit into the budget: a network has ten of them in all."""
MAX_TURNS = 300
MAYBE_ANOTHERS_FAULT = frozenset({Status.OOM, Status.KILLED})
LEAST_WAIT_S = 3.0
"""For quiet moments in a round, however short its calls are."""


@dataclass(frozen=True)
class Player:
    """One process of a round: its job, what it says of its environment, where its sources are.

    Players of one ``server`` are forked by one process and share the layout of its address space.
    ``job.budget_s`` is how long its calls may take in this round, loading and warm-up left out.
    A reference takes part in every turn, whatever it has spent: others are compared with it.
    """

    job: Job
    environment: Environment
    root: Path | None = None  # None: this project and the current folder
    server: int = 0
    is_reference: bool = False
    variables: Mapping[str, str] | None = None  # of its environment; None: as its workload says

    @property
    def home(self) -> Hashable:
        """What players of one server process have in common."""
        workload = self.job.workload
        variables = frozenset((self.variables or {}).items())
        return self.server, self.root, workload.threads, workload.keeps_pages, variables


@dataclass
class _Seat:
    """A player's process, and what it has done so far."""

    player: Player
    started_at: datetime
    server: ForkServer
    child: Child | None = None
    ending: Ending | None = None  # once it has one
    is_orphan: bool = False  # another player ended their server
    elapsed_s: float = 0.0  # loading, calls, and the waits before them
    spent_s: float = 0.0  # in calls
    waited_s: float = 0.0
    n_turns: int = 0
    n_undisturbed: int = 0

    @property
    def stopped_by(self) -> str:
        """Why it wants no further turn; empty while it does."""
        if self.ending is not None:
            return "failure"
        if self.n_turns >= MAX_TURNS:
            return "turns"
        is_tried = self.n_undisturbed >= self._least or self.n_turns >= 2 * self._least
        return "budget" if is_tried and self.spent_s >= self.player.job.budget_s else ""

    @property
    def _least(self) -> int:
        """Undisturbed turns without which it has too few calls."""
        job = self.player.job
        turn_s = self.spent_s / max(1, self.n_turns)
        if job.workload.device == "cuda" and turn_s <= job.budget_s:
            return MIN_TURNS_ON_GPU
        return 1 if turn_s > LONG_CALL_S else MIN_TURNS


def measure_round(
    players: Sequence[Player], waits_for_quiet: bool = True
) -> Generator[Record, None, None]:
    """One record of each player, in their order, whatever happens in any of them.

    Every turn is one call of each player that wants one and of the references. A round ends when
    none wants any. Whom the memory of the others may have cost its process is measured again
    alone. Interrupted, it yields a record of each and then goes on raising.
    """
    seats: list[_Seat] = []
    interruption: BaseException | None = None
    with ExitStack() as stack:
        try:
            seats += _start_servers(players, stack)
            _seat_all(seats, stack)
            _take_turns(seats, waits_for_quiet)
            for seat in seats:
                _finish(seat)
        except BaseException as error:
            interruption = error
    for seat in seats:
        job, environment = seat.player.job, seat.player.environment
        record = to_record(job, environment, seat.ending, seat.started_at, seat.elapsed_s)
        is_others_fault = record.status in MAYBE_ANOTHERS_FAULT and len(seats) > 1
        if (seat.is_orphan or is_others_fault) and not interruption:
            try:
                (record,) = measure_round([seat.player])
                record = _without_turns(record)
            except BaseException as error:
                interruption = error
        yield record
    if interruption:
        raise interruption


def _without_turns(record: Record) -> Record:
    """One that was measured again alone has no neighbours."""
    if not isinstance(record.result, LatencyTimes):
        return record
    return replace(record, result=replace(record.result, turns=None))


def _start_servers(players: Sequence[Player], stack: ExitStack) -> Iterator[_Seat]:
    """Start all servers, which import torch at the same time, and give each player its seat."""
    servers: dict[Hashable, ForkServer] = {}
    for player in players:
        if player.home not in servers:
            jobs = [other.job for other in players if other.home == player.home]
            workload, variables = player.job.workload, player.variables
            if variables is None:
                variables = malloc_variables(workload)
            server = ForkServer(workload.threads, preload_for(jobs), player.root, variables)
            servers[player.home] = stack.enter_context(server)
        yield _Seat(player, datetime.now(UTC), servers[player.home])


def _seat_all(seats: Sequence[_Seat], stack: ExitStack) -> None:
    """Start the processes one after another, until each is warm."""
    for seat in seats:
        start = time.monotonic()
        job = seat.player.job
        was_running = seat.server.is_running
        seat.child = stack.enter_context(seat.server.start(asdict(job)))
        _hear(seat, was_running)
        seat.elapsed_s += time.monotonic() - start


def _take_turns(seats: Sequence[_Seat], waits_for_quiet: bool) -> None:
    """Turns until nobody wants one; disturbed calls cost time too, and are made again in others."""
    wait_s = max(LEAST_WAIT_S, sum(seat.player.job.budget_s for seat in seats))
    quiet = QuietMoments(budget_s=wait_s if waits_for_quiet else 0.0)
    order = Random(seats[0].player.job.round)  # the same order when it is measured again
    for turn in count():
        wanting = {id(seat) for seat in seats if not seat.stopped_by}
        if not wanting:
            return
        taking = [s for s in seats if id(s) in wanting or (s.player.is_reference and not s.ending)]
        for seat in order.sample(taking, len(taking)):
            _call(seat, turn, quiet)


def _call(seat: _Seat, turn: int, quiet: QuietMoments) -> None:
    start = time.monotonic()
    seat.waited_s += quiet.wait()
    called = time.monotonic()
    answer = _ask(seat, {"turn": turn})
    ended = time.monotonic()
    seat.spent_s += ended - called
    seat.elapsed_s += ended - start
    seat.n_turns += 1
    seat.n_undisturbed += answer is not None and not answer["is_disturbed"]


def _ask(seat: _Seat, message: dict[str, object]) -> dict[str, object] | None:
    """Tell the process something, and hear its answer."""
    assert seat.child is not None
    was_running = seat.server.is_running
    seat.child.send(message)
    return _hear(seat, was_running)


def _hear(seat: _Seat, was_running: bool) -> dict[str, object] | None:
    """The process's answer; None when it has come to its end, which is then kept.

    Whoever is at work when a server ends has ended it; ``was_running``: it had not ended before.
    """
    assert seat.child is not None
    message = seat.child.receive(seat.player.job.deadline_s)
    if message is None or "status" in message:
        seat.ending = seat.child.conclude(message)
        seat.is_orphan = message is None and not was_running
        return None
    return message


def _finish(seat: _Seat) -> None:
    """Let it write what it has measured."""
    if seat.ending is None and seat.child is not None:
        start = time.monotonic()
        _ask(seat, {"stopped_by": seat.stopped_by, "waited_s": seat.waited_s})
        seat.elapsed_s += time.monotonic() - start
