from dataclasses import replace
from pathlib import Path

import pytest

from bench.render.terminal.announcements import (
    Beginning,
    describe_beginning,
    describe_ending,
    describe_interruption,
    describe_resumption,
)
from bench.training.settings import Limits, Standing, TrainingSettings

SETTINGS = TrainingSettings(model="dprnn", factory="a.b:c", corpus="WSJ0-2mix")
BEGINNING = Beginning(11_572, 2_600_000, {"separation": 12_300_000_000}, "cpu", 1, 1, Path("runs"))


def test_a_banner_says_what_is_trained_on_what_at_what_cost_and_how_long() -> None:
    text = describe_beginning(SETTINGS, Limits(), BEGINNING)
    for part in (
        "Training dprnn (2,600,000 parameters) on WSJ0-2mix (11,572 recordings), on cpu with 1 th",
        "a training step: 4 mixtures of 2 sources and 4 s, 12.3 GMAC\n",
        "an epoch: 5,000 steps and a validation on 3,000 mixtures",
        "ends at 120 epochs (600,000 steps)",
    ):
        assert part in text


def test_a_banner_names_all_limits_and_the_cost_of_both_phases() -> None:
    limits = Limits(epochs=2, steps=400, macs=10**15, wall_s=7200)
    macs = {"filterbank": 10**9, "separation": 4 * 10**9}
    text = describe_beginning(
        replace(SETTINGS, n_src=3), limits, replace(BEGINNING, step_macs=macs)
    )
    assert "3 sources and 4 s, 1.00 GMAC (filterbank), then 4.00 GMAC (separation)" in text
    assert (
        "the first of 2 epochs (10,000 steps); 400 steps; 1.00 PMAC; 7,200 s, with the last "
        "validation" in text
    )


def test_a_banner_of_several_processes_says_so() -> None:
    text = describe_beginning(SETTINGS, Limits(), replace(BEGINNING, n_threads=3, n_processes=2))
    assert "on cpu, 2 processes with 3 threads each, into runs\n" in text


def test_other_code_is_named_at_a_resumption() -> None:
    assert describe_resumption(1200, "abc", "abc") == "Going on from step 1,200."
    assert "written by commit abc, this is def" in describe_resumption(1200, "abc", "def")


@pytest.mark.parametrize(
    ("limits", "raised"),
    [
        (Limits(epochs=4), "--epochs 4"),
        (Limits(steps=320), "--max-steps 320"),
        (Limits(macs=1000), "--max-macs 1000"),
        (Limits(wall_s=60.0), "--budget-s 60"),
    ],
)
def test_an_ending_names_the_limit_to_raise(limits: Limits, raised: str) -> None:
    at = Standing(step=320, steps_per_epoch=80, macs=1000, wall_s=60.0, validation_s=8.0)
    text = describe_ending(at, limits, 3.094)
    assert text == (
        f"Complete at step 320: raise {raised} to go on. The best validation has an SI-SDRi of "
        "3.09 dB."
    )
    assert "best" not in describe_ending(at, limits, None)


def test_processor_time_ends_a_training_that_is_not_complete() -> None:
    at = Standing(step=58, steps_per_epoch=80, macs=1000, wall_s=60.0, cpu_s=3600.5)
    limits = Limits(macs=4000, cpu_s=3600.0)
    assert describe_ending(at, limits, None) == (
        "Ended at step 58: raise --max-cpu-s 3600 to go on."
    )
    complete = describe_ending(at._replace(macs=4000), limits, None)
    assert complete == "Complete at step 58: raise --max-macs 4000 to go on."


def test_a_banner_says_when_validations_come() -> None:
    settings = replace(SETTINGS, validations=6)
    text = describe_beginning(settings, Limits(cpu_s=3600), BEGINNING)
    assert "5,000 steps; validations on 3,000 mixtures after 6 equal shares of the tr" in text
    assert "the first of 120 epochs (600,000 steps); 3,600 s of processor time" in text


def test_a_validation_longer_than_the_budget_is_named() -> None:
    at = Standing(step=1, steps_per_epoch=80, macs=1000, wall_s=903.0, validation_s=900.0)
    text = describe_ending(at, Limits(wall_s=60.0), None)
    assert "It took 903 s, of which a validation takes 900 s; --validation asks for fewer" in text


def test_an_interruption_says_where_it_goes_on() -> None:
    assert describe_interruption(17) == "Saved at step 17; the same command goes on from there."
