"""The neighbour: its bursts, and its end."""

import subprocess
from itertools import islice

import pytest

from bench import neighbour
from bench.neighbour import LONGEST_S, SHORTEST_S, schedule

N_BURSTS = 2000


def test_it_is_busy_half_of_the_time_in_bursts_of_all_lengths() -> None:
    """Uniform between the ends: mean and deviation within four standard errors."""
    bursts = list(islice(schedule(0), N_BURSTS))
    mean, deviation = (SHORTEST_S + LONGEST_S) / 2, (LONGEST_S - SHORTEST_S) / 12**0.5
    for lengths in zip(*bursts, strict=True):
        assert min(lengths) >= SHORTEST_S
        assert max(lengths) <= LONGEST_S
        found = sum(lengths) / N_BURSTS
        assert found == pytest.approx(mean, abs=4 * deviation / N_BURSTS**0.5)
    busy = sum(burst.busy_s for burst in bursts)
    assert busy / (busy + sum(burst.pause_s for burst in bursts)) == pytest.approx(0.5, abs=0.02)


def test_a_seed_is_a_schedule() -> None:
    first, again, other = (list(islice(schedule(seed), 5)) for seed in (1, 1, 2))
    assert first == again != other


def test_it_lives_for_as_long_as_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def note(command: list[str]) -> subprocess.Popen[bytes]:
        started.append(start(command))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", note)
    with neighbour.neighbour(False, seed=0):
        assert started == []

    def interrupted() -> None:
        with neighbour.neighbour(True, seed=3):
            assert started[0].poll() is None
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    (process,) = started
    assert process.returncode is not None
    assert process.returncode < 0
