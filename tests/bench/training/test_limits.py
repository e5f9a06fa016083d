"""What ends a training, and when it validates before that."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.results.training import METRICS_NAME, read_training
from bench.training.costs import Meter, Spent
from bench.training.folder import TrainingFolder
from bench.training.settings import Limits
from bench.training.training import Training
from tests.bench.tiny_corpora import SETTINGS, training, two_step
from tests.bench.training.running import assert_equal, other_masker, run, weights, without_time


@pytest.mark.parametrize(
    ("limits", "steps"),
    [
        (Limits(epochs=2), 6),
        (Limits(steps=4), 4),
        (Limits(macs=4500), 5),
        (Limits(wall_s=1e-9), 1),
        (Limits(cpu_s=1e-9), 1),
    ],
)
def test_it_ends_at_its_first_limit(limits: Limits, steps: int, tmp_path: Path) -> None:
    one = run(training(limits=limits), tmp_path)
    assert one.position.step == steps
    assert read_training(tmp_path / METRICS_NAME)[-1].si_sdri_db is not None


def test_a_finished_training_goes_on_with_a_later_limit(tmp_path: Path) -> None:
    straight = run(training(limits=Limits(steps=5)), tmp_path / "straight")
    run(training(limits=Limits(steps=4)), tmp_path / "longer")
    longer = training(limits=Limits(steps=5))
    assert TrainingFolder(tmp_path / "longer").resume(longer)
    run(longer, tmp_path / "longer")
    assert_equal(weights(straight.model), weights(longer.model))


@pytest.mark.parametrize("kill_at", [2, 4, 7])
def test_validations_come_at_equal_shares_whatever_the_epoch(kill_at: int, tmp_path: Path) -> None:
    """Of 8 steps, in epochs of 3, after 2, 4, 6 and 8; the same after a kill."""
    limits = Limits(steps=8)
    straight = run(training(limits=limits, validations=4), tmp_path / "straight")
    lines = read_training(tmp_path / "straight" / METRICS_NAME)
    assert [(line.step, line.epoch, line.share) for line in lines] == [
        (2, 0, 0.25),
        (4, 1, 0.5),
        (6, 1, 0.75),
        (8, 2, 1.0),
    ]
    killed = training(limits=limits, validations=4)
    killed.wants_stop = lambda: killed.position.step == kill_at - 1  # saved before a validation
    run(killed, tmp_path / "killed")
    resumed = training(build=other_masker, limits=limits, validations=4)
    TrainingFolder(tmp_path / "killed").resume(resumed)
    run(resumed, tmp_path / "killed")
    assert_equal(weights(straight.model), weights(resumed.model))
    again = read_training(tmp_path / "killed" / METRICS_NAME)
    assert without_time(lines) == without_time(again)


def test_processor_time_stops_a_training_and_changes_no_rate(tmp_path: Path) -> None:
    """Steps of a second: five of them are ten steps' first five to the bit, and not its whole."""
    limits = Limits(steps=10, cpu_s=5.0)
    one = training(limits=limits, schedule="cosine", validations=1)
    one.meter = Ticks(one)
    run(one, tmp_path / "spent")
    assert (one.position.step, one.position.share) == (5, 0.5)
    assert read_training(tmp_path / "spent" / METRICS_NAME)[-1].share == 0.5
    long = training(limits=Limits(steps=10), schedule="cosine", validations=1)
    long.wants_stop = lambda: long.position.step == 4
    run(long, tmp_path / "long")
    assert_equal(weights(one.model), weights(long.model))
    resumed = training(limits=limits, schedule="cosine", validations=1)
    TrainingFolder(tmp_path / "spent").resume(resumed)
    run(resumed, tmp_path / "spent")
    assert resumed.position.step == 5
    assert len(read_training(tmp_path / "spent" / METRICS_NAME)) == 1


class Ticks(Meter):
    """A step takes a second, each batch of a validation two."""

    def __init__(self, one: Training) -> None:
        super().__init__([])
        self.training = one

    def read(self) -> Spent:
        wall_s = 1.0 if self.training.model.training else 2.0
        return Spent(wall_s, wall_s, None)


def test_a_later_limit_leaves_validations_at_equal_shares(tmp_path: Path) -> None:
    """After 2 and 4 steps of 4; of 12 steps a third is behind then, and 6 and 12 are to come."""
    run(training(limits=Limits(steps=4), validations=2), tmp_path)
    longer = training(limits=Limits(steps=12), validations=2)
    TrainingFolder(tmp_path).resume(longer)
    run(longer, tmp_path)
    lines = read_training(tmp_path / METRICS_NAME)
    assert [line.step for line in lines] == [2, 4, 6, 12]


def test_a_later_limit_begins_the_rate_of_a_phase_where_it_is(tmp_path: Path) -> None:
    """The second of two phases, under a limit of which a twentieth is behind."""
    settings = replace(SETTINGS, schedule="cosine", n_samples=800)
    short = training(settings, Limits(steps=5), two_step)
    short.wants_stop = lambda: short.position.step == 2
    run(short, tmp_path)
    assert short.position.phase == 1
    assert short.position.phase_began > 0.1
    longer = training(settings, Limits(steps=60), two_step)
    TrainingFolder(tmp_path).resume(longer)
    assert longer.position.phase_began == longer.position.share == 3 / 60


def test_a_validation_is_not_repeated_for_the_time_that_it_took(tmp_path: Path) -> None:
    """Validations of 4 s at each tenth of 40 s, with steps of 1 s: a step is between any two."""
    one = training(limits=Limits(wall_s=40.0), validations=10)
    one.meter = Ticks(one)
    one.position.validation_s = 1.0
    run(one, tmp_path)
    lines = [line for line in read_training(tmp_path / METRICS_NAME) if line.si_sdri_db is not None]
    steps = [line.step for line in lines]
    assert steps == sorted(set(steps))
    assert len(steps) > 3


def test_a_budget_holds_the_last_validation_too(tmp_path: Path) -> None:
    """Two epochs of 3 s with validations of 4 s, then 2 s of steps and the last 4 s."""
    one = training(limits=Limits(wall_s=20.0))
    one.meter = Ticks(one)
    one.position.validation_s = 1.0  # as an earlier, shorter one
    run(one, tmp_path)
    assert (one.position.step, one.position.wall_s) == (8, 20.0)
    assert one.position.validation_s == 4.0
    lines = [line for line in read_training(tmp_path / METRICS_NAME) if line.si_sdri_db is not None]
    assert [line.step for line in lines] == [3, 6, 8]


def test_no_step_is_made_where_only_a_validation_still_fits(tmp_path: Path) -> None:
    """After the epoch's validation 3.5 s are left, less than another one takes."""
    one = training(limits=Limits(wall_s=10.5))
    one.meter = Ticks(one)
    one.position.validation_s = 1.0
    run(one, tmp_path)
    assert (one.position.step, one.position.wall_s) == (3, 7.0)


def test_the_first_validation_is_expected_to_take_half_of_what_training_took() -> None:
    """Per second of audio: six mixtures of 4 s, where 0.2 s of audio took a second."""
    one = training()
    assert one.expect_validation_s() == 0
    one.position.step, one.position.wall_s = 1, 1.0
    assert one.expect_validation_s() == pytest.approx(6 * 4 / 0.2 / 2)
    one.position.validation_s = 7.0
    assert one.expect_validation_s() == 7.0
