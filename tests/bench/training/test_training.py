"""A training learns, goes on after an interruption as if there had been none, and stops well."""

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench.errors import TrainingStoppedError, UsageError
from bench.networks.trained import load_trained
from bench.results.training import METRICS_NAME, TrainingLine, read_training
from bench.training.folder import MODEL_NAME, TrainingFolder
from bench.training.loop import run_training
from bench.training.settings import Limits, learning_rate
from bench.training.training import Position
from tests.bench import tiny_corpora as tiny
from tests.bench.tiny_corpora import SETTINGS, mixtures, training
from tests.bench.training.running import assert_equal, other_masker, run, weights, without_time


def test_validation_rises(tmp_path: Path) -> None:
    run(training(limits=Limits(epochs=30), learning_rate=1e-2), tmp_path)
    lines = [line for line in read_training(tmp_path / METRICS_NAME) if line.si_sdri_db is not None]
    assert len(lines) == 30
    first, last = lines[0].si_sdri_db, lines[-1].si_sdri_db
    assert first is not None
    assert last is not None
    assert last > first + 1  # a mask of 16 filters gets far more out of a low and a high noise
    assert lines[-1].step == 90
    assert lines[-1].macs == 90 * 1000
    assert lines[-1].flops == 90 * 3000
    assert lines[-1].audio_s == 90 * 4 * 400 / 8000


class KilledError(Exception):
    """In place of kill -9: nothing after it runs."""


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kill_at=st.integers(1, 9), save_every=st.integers(1, 4))
def test_killed_at_any_step_it_ends_with_the_same_weights(
    tmp_path_factory: pytest.TempPathFactory, kill_at: int, save_every: int
) -> None:
    folder = tmp_path_factory.mktemp("killed")
    straight = run(training(), folder / "straight")
    killed = training()
    steps = 0

    def clock() -> float:
        """Asked once after each step, and once before the first."""
        nonlocal steps
        steps += 1
        if steps > kill_at:
            raise KilledError
        return float(steps)

    (folder / "killed").mkdir()
    place = TrainingFolder(folder / "killed")
    with pytest.raises(KilledError):
        run_training(killed, mixtures(SETTINGS), place, (), save_every, clock)
    resumed = training(build=other_masker)
    if not place.resume(resumed):
        resumed = training()
    run(resumed, folder / "killed")
    assert_equal(weights(straight.model), weights(resumed.model))
    assert without_time(read_training(folder / "straight" / METRICS_NAME)) == without_time(
        read_training(folder / "killed" / METRICS_NAME)
    )
    best = [
        load_trained(folder / name / MODEL_NAME, tiny.FACTORY) for name in ("straight", "killed")
    ]
    assert_equal(weights(best[0].model), weights(best[1].model))


def test_a_wish_to_stop_is_granted_between_steps(tmp_path: Path) -> None:
    straight = run(training(), tmp_path / "straight")
    stopped = training()
    stopped.wants_stop = lambda: stopped.position.step == 4
    run(stopped, tmp_path / "stopped")
    assert stopped.position.step == 5  # the one during which the wish came
    resumed = training()
    TrainingFolder(tmp_path / "stopped").resume(resumed)
    run(resumed, tmp_path / "stopped")
    assert_equal(weights(straight.model), weights(resumed.model))


def test_a_wish_during_validation_breaks_it_off(tmp_path: Path) -> None:
    stopped = training()
    stopped.wants_stop = lambda: not stopped.model.training
    run(stopped, tmp_path)
    assert stopped.position.step == 3
    assert not (tmp_path / METRICS_NAME).exists()
    resumed = training()
    TrainingFolder(tmp_path).resume(resumed)
    run(resumed, tmp_path)
    straight = run(training(), tmp_path / "straight")
    assert_equal(weights(straight.model), weights(resumed.model))
    assert len(read_training(tmp_path / METRICS_NAME)) == 3


def test_what_a_folder_holds_is_said(tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path)
    assert "No state was saved before" in folder.describe()
    one = training()
    folder.save(one)
    assert folder.describe() == f"{tmp_path} holds the state of step 0."
    other = TrainingFolder(tmp_path)
    other.resume(training())
    assert other.describe() == folder.describe()


def test_the_mean_of_the_weights_is_judged_kept_and_resumed(tmp_path: Path) -> None:
    limits = Limits(steps=3)
    straight = run(training(limits=limits, average=True), tmp_path / "straight")
    plain = run(training(limits=limits), tmp_path / "plain")
    assert_equal(weights(straight.model), weights(plain.model))  # it changes no step
    mean = weights(straight.kept)
    kept = load_trained(tmp_path / "straight" / MODEL_NAME, tiny.FACTORY).model
    assert_equal(mean, weights(kept))
    assert any(not torch.equal(mean[name], value) for name, value in weights(plain.model).items())
    stopped = training(limits=limits, average=True)
    stopped.wants_stop = lambda: stopped.position.step == 1
    run(stopped, tmp_path / "stopped")
    resumed = training(build=other_masker, limits=limits, average=True)
    TrainingFolder(tmp_path / "stopped").resume(resumed)
    run(resumed, tmp_path / "stopped")
    assert_equal(mean, weights(resumed.kept))


class Notes:
    """An observer that keeps what it is told of validations."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int]] = []

    def step(self, position: Position, audio_s: float) -> None:
        self.heard.append((position.step, 0))

    def validating(self, n_done: int, n_mixtures: int) -> None:
        self.heard.append((n_done, n_mixtures))

    def line(self, line: TrainingLine) -> None:
        pass


def test_a_validation_tells_of_its_progress(tmp_path: Path) -> None:
    notes = Notes()
    one = training(limits=Limits(epochs=1))
    run_training(one, mixtures(SETTINGS), TrainingFolder(tmp_path), (notes,), 1e9)
    assert notes.heard == [(1, 0), (2, 0), (3, 0), (0, 6), (4, 6), (6, 6)]


def test_a_loss_that_is_not_finite_stops_before_the_weights_change(tmp_path: Path) -> None:
    one = training()
    before = weights(one.model)
    mixture = torch.full((4, 1, 400), torch.nan)
    with pytest.raises(TrainingStoppedError, match=r"At step 1 the loss is nan .*No step was made"):
        one.update(mixture, torch.ones(4, 2, 400))
    assert_equal(before, weights(one.model))
    assert one.position.step == 0


class LostInValidation(tiny.Masker):
    """NaN where it is not trained."""

    def forward(self, mixture: Tensor) -> Tensor:
        estimates: Tensor = super().forward(mixture)
        return estimates if self.training else estimates * torch.nan


def test_estimates_that_are_not_finite_stop_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(TrainingStoppedError, match=r"after step 3: The estimates contain NaN"):
        run(training(build=LostInValidation), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_state_of_older_code_without_a_setting_is_accepted() -> None:
    state = training().state()
    del state["settings"]["recordings"]
    training(recordings="abc").load(state)
    with pytest.raises(UsageError, match="other recordings"):
        training(recordings="abc").load(training().state())


def test_a_full_disk_keeps_the_last_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(training(limits=Limits(steps=2)), tmp_path)
    full = training()
    folder = TrainingFolder(tmp_path)
    folder.resume(full)

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(TrainingStoppedError, match=r"No space left on device.*Free some space"):
        run_training(full, mixtures(SETTINGS), folder, (), 1e9)
    monkeypatch.undo()
    assert folder.describe() == (
        f"{tmp_path} holds the state of step 2 and the weights of the best validation."
    )
    resumed = training(limits=Limits(steps=5))
    assert folder.resume(resumed)
    assert resumed.position.step == 2
    run(resumed, tmp_path)
    straight = run(training(limits=Limits(steps=5)), tmp_path / "straight")
    assert_equal(weights(straight.model), weights(resumed.model))


def test_a_state_of_other_settings_is_refused(tmp_path: Path) -> None:
    run(training(limits=Limits(steps=1)), tmp_path)
    with pytest.raises(UsageError, match=r"batch 4, not 2; .*--output"):
        TrainingFolder(tmp_path).resume(training(batch=2, seed=1))


def test_gradients_are_cut_to_the_norm() -> None:
    """Adam's step is blind to a gradient's scale, so the gradients themselves are looked at."""
    one = training(max_norm=1e-3)
    one.update(*next(mixtures(SETTINGS).train(0, 0)))
    gradients = [p.grad for p in one.model.parameters() if p.grad is not None]
    norm = torch.stack([gradient.square().sum() for gradient in gradients]).sum().sqrt()
    assert float(norm) == pytest.approx(1e-3, rel=1e-3)


def test_the_rate_follows_the_schedule(tmp_path: Path) -> None:
    one = training(schedule="cosine", limits=Limits(steps=6))
    data = mixtures(SETTINGS).train(0, 0)
    for step in range(3):
        one.update(*next(data))
        assert one.position.learning_rate == learning_rate(one.settings, 0, step / 6)
        assert one.optimiser.param_groups[0]["lr"] == one.position.learning_rate


def test_the_file_of_weights_names_the_rate_that_was_asked_for(tmp_path: Path) -> None:
    one = run(training(schedule="cosine", limits=Limits(steps=6)), tmp_path)
    metadata = load_trained(tmp_path / MODEL_NAME, tiny.FACTORY).metadata
    assert metadata is not None
    assert metadata["learning_rate"] == one.settings.learning_rate
    assert one.position.learning_rate < one.settings.learning_rate


def test_bfloat16_trains_float32_weights(tmp_path: Path) -> None:
    one = run(training(precision="bfloat16", limits=Limits(steps=2)), tmp_path)
    assert {p.dtype for p in one.model.parameters()} == {torch.float32}
    exact = run(training(limits=Limits(steps=2)), tmp_path / "exact")
    apart = [
        float((a - b).detach().abs().max())
        for a, b in zip(one.model.parameters(), exact.model.parameters(), strict=True)
    ]
    assert 0 < max(apart) < 5e-3  # two steps of at most about 1e-3 each, the same way mostly
