"""A form that is made, compared, and only then timed; runtimes are stand-ins."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from bench.measuring import form as forms
from bench.measuring.form import N_CALIBRATION, NewForm, compare
from bench.measuring.probes import latency
from bench.measuring.probes.latency import TimedStep, require_threads_used
from bench.results.record import CellError, Status
from bench.results.workload import Workload
from bench.runtimes.form import Asked, Prepared
from bench.runtimes.made_once import FOLDER_VARIABLE
from tests import fault_models
from tests.bench.example_records import make_job
from tests.bench.measuring.clock import Clock


def workload(dtype: str = "float32", runtime: str = "native") -> Workload:
    threads = torch.get_num_threads()
    return make_job(n_samples=400, threads=threads, dtype=dtype, runtime=runtime).workload


class StandIn:
    """A runtime whose estimates are off by a factor and by some noise."""

    def __init__(self, noise: float = 0.0) -> None:
        self.noise = noise
        self.asked: Asked | None = None

    def __call__(self, model: nn.Module, asked: Asked) -> Prepared:
        self.asked = asked

        def forward(mixture: Tensor) -> Tensor:
            estimates: Tensor = model(mixture)
            return estimates + self.noise * estimates.abs().max() * torch.randn_like(estimates)

        return Prepared(forward, "stand-in 1", "float32", "passive", 5.0, 77, True)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long calls: what threads of other tests use of this process is no share of them."""
    monkeypatch.setattr(latency, "time_on_host", Clock([60.0]).stopwatch)


def use(monkeypatch: pytest.MonkeyPatch, runtime: StandIn) -> StandIn:
    monkeypatch.setitem(forms.PREPARE, "native", runtime)
    return runtime


def test_a_form_is_timed_and_described(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = use(monkeypatch, StandIn())
    step = TimedStep(fault_models.healthy, workload(), "tests.fault_models:healthy")
    step.take_turn(0)
    found = step.finish("budget", 0.0)
    assert found.form is not None
    assert (found.form.version, found.form.file_bytes, found.form.any_length) == (
        "stand-in 1",
        77,
        True,
    )
    assert 5.0 <= found.form.preparation_s < 60.0  # what another process spent is in it
    assert found.form.parity.max_relative_error == 0.0
    assert found.form.parity.si_sdr_db == 200.0
    assert found.processor_s is not None
    assert len(found.processor_s) == len(found.times_s)
    assert runtime.asked is not None
    assert len(runtime.asked.speech) == N_CALIBRATION


def test_what_it_is_held_against_is_other_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    """A form that has learnt its input by heart is found out."""

    def learn(model: nn.Module, asked: Asked) -> Prepared:
        with torch.no_grad():
            known = model(asked.mixture)
        return Prepared(lambda mixture: known, "parrot 1", "float32", "passive")

    monkeypatch.setitem(forms.PREPARE, "native", learn)
    with pytest.raises(CellError, match="differ from those of eager float32") as refused:
        TimedStep(fault_models.healthy, workload())
    assert refused.value.status == Status.MISMATCH


@pytest.mark.parametrize(("noise", "is_near"), [(1e-5, True), (1e-2, False)])
def test_the_precision_decides_what_is_near(
    monkeypatch: pytest.MonkeyPatch, noise: float, is_near: bool
) -> None:
    use(monkeypatch, StandIn(noise))
    new = NewForm(fault_models.healthy(), workload(), "")
    if is_near:
        assert new.check().parity.max_relative_error < 1e-3
        return
    with pytest.raises(CellError, match="differ"):
        new.check()


def test_bad_estimates_have_the_status_of_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    short = Prepared(lambda mixture: mixture[..., 1:], "short 1", "float32", "passive")
    monkeypatch.setitem(forms.PREPARE, "native", lambda model, asked: short)
    with pytest.raises(CellError) as refused:
        TimedStep(fault_models.healthy, workload())
    assert refused.value.status == Status.BAD_SHAPE


def test_eager_float32_is_no_other_form() -> None:
    step = TimedStep(fault_models.healthy, workload(runtime="eager"))
    step.take_turn(0)
    assert step.finish("budget", 0.0).form is None


def test_without_instructions_for_bfloat16_there_is_no_such_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forms, "has_bfloat16", lambda: False)
    with pytest.raises(CellError, match="no instructions for bfloat16") as refused:
        TimedStep(fault_models.healthy, workload("bfloat16", "eager"))
    assert refused.value.status is Status.UNSUPPORTED


def test_eager_bfloat16_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "has_bfloat16", lambda: True)
    step = TimedStep(fault_models.healthy, workload("bfloat16", "eager"))
    step.take_turn(0)
    form = step.finish("budget", 0.0).form
    assert form is not None
    assert 0.0 < form.parity.max_relative_error < 0.1


def test_networks_of_a_run_have_folders_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime, seen = use(monkeypatch, StandIn()), set[Path]()
    for network, n_samples in (("a:b", 400), ("a:c", 400), ("a:b", 500), ("a:b", 400)):
        work = make_job(n_samples=n_samples, threads=1, runtime="native").workload
        NewForm(fault_models.healthy(), work, network)
        assert runtime.asked is not None
        seen.add(runtime.asked.folder)
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("used", "asked", "is_fair"),
    [(1.1, 1, True), (1.11, 1, False), (2.2, 2, True), (2.21, 2, False), (None, 1, True)],
)
def test_more_threads_than_asked_for_are_a_mismatch(
    used: float | None, asked: int, is_fair: bool
) -> None:
    if is_fair:
        require_threads_used(used, asked)
        return
    with pytest.raises(CellError, match="of processor time in each second") as refused:
        require_threads_used(used, asked)
    assert refused.value.status == Status.MISMATCH


@given(scale=st.floats(1e-3, 1e3), level_db=st.floats(0.0, 100.0))
def test_noise_of_a_level_is_measured_as_that_level(scale: float, level_db: float) -> None:
    """Noise orthogonal to the reference at so many dB below it; the scale of both cancels."""
    time = torch.arange(800) / 800
    reference = scale * torch.sin(2 * math.pi * 10 * time).expand(1, 2, -1).double()
    noise = scale * torch.cos(2 * math.pi * 10 * time).double() * 10 ** (-level_db / 20)
    found = compare(reference + noise, reference, reference)
    assert found.si_sdr_db == pytest.approx(level_db, abs=1e-3)
    assert found.max_relative_error == pytest.approx(10 ** (-level_db / 20), rel=1e-3)


def test_the_loss_is_against_the_sources() -> None:
    torch.manual_seed(0)
    sources = torch.randn(1, 2, 4000)
    near, far = sources + 0.1 * torch.randn(1, 2, 4000), sources + torch.randn(1, 2, 4000)
    assert compare(far, near, sources).si_sdr_loss_db == pytest.approx(20.0, abs=1.0)
    assert compare(near, far, sources).si_sdr_loss_db == pytest.approx(-20.0, abs=1.0)


def test_silence_is_near_silence() -> None:
    silence = torch.zeros(1, 2, 100)
    found = compare(silence, silence, torch.ones(1, 2, 100))
    assert (found.max_relative_error, found.si_sdr_db) == (0.0, 200.0)
