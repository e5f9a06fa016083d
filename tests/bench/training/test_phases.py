"""Two-Step TDCN trains in its two steps, each its own parameters only."""

from pathlib import Path

import torch
from torch import nn

from bench.results.training import METRICS_NAME, read_training
from bench.training.folder import TrainingFolder
from bench.training.loop import run_training
from bench.training.phases import plan_phases
from bench.training.settings import Limits
from tests.bench import tiny_corpora as tiny
from tests.bench.tiny_corpora import mixtures, training


def changed(before: dict[str, torch.Tensor], model: nn.Module) -> set[str]:
    after = model.state_dict()
    return {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}


def copy(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_any_other_network_has_one_phase() -> None:
    (phase,) = plan_phases(model := tiny.masker())
    assert list(phase.parameters) == list(model.parameters())


def test_each_step_trains_its_own_parameters(tmp_path: Path) -> None:
    one = training(limits=Limits(steps=8), build=tiny.two_step)
    data = mixtures(one.settings).train(0, 0)
    before = copy(one.model)
    one.update(*next(data))
    assert changed(before, one.model) == {"encoder", "decoder"}
    one.update(*next(data))  # a quarter of eight steps
    one.advance_phase()
    before = copy(one.model)
    one.update(*next(data))
    assert changed(before, one.model) == {"bottleneck", "blocks", "mask_head"}


def test_ideal_latents_of_a_lone_source_are_the_mixtures() -> None:
    """A silent other source has a latent of zero everywhere: masks are sigmoids of the latents."""
    model = tiny.two_step()
    source = torch.randn(1, 1, 400)
    latents = model.ideal_latents(source, torch.cat([source, torch.zeros_like(source)], 1))
    encoded = model.encoder[0](torch.cat([source, torch.zeros_like(source)])).relu()
    torch.testing.assert_close(latents.sum(1), encoded[:1])
    share = (encoded[:1] - encoded[1:]).sigmoid()
    torch.testing.assert_close(latents[:, 0], share * encoded[:1])


def test_both_steps_learn_and_are_told_apart(tmp_path: Path) -> None:
    one = training(limits=Limits(epochs=40), build=tiny.two_step, learning_rate=1e-2)
    run_training(one, mixtures(one.settings), TrainingFolder(tmp_path), (), 1e9)
    lines = read_training(tmp_path / METRICS_NAME)
    by_phase = {
        name: [line.si_sdri_db for line in lines if line.phase == name and line.si_sdri_db]
        for name in ("filterbank", "separation")
    }
    assert len(by_phase["filterbank"]) == 10
    for values_db in by_phase.values():
        assert values_db[-1] > values_db[0]
    assert one.position.best_db == max(by_phase["separation"])


def test_a_state_of_the_second_step_is_taken_up_there(tmp_path: Path) -> None:
    limits = Limits(steps=9)
    straight = training(limits=limits, build=tiny.two_step)
    run_training(straight, mixtures(straight.settings), TrainingFolder(tmp_path), (), 1e9)
    halves = tmp_path / "halves"
    halves.mkdir()
    first = training(limits=limits, build=tiny.two_step)
    first.wants_stop = lambda: first.position.step == 4
    run_training(first, mixtures(first.settings), TrainingFolder(halves), (), 1e9)
    assert first.phase_name == "separation"
    second = training(limits=limits, build=tiny.two_step)
    TrainingFolder(halves).resume(second)
    run_training(second, mixtures(second.settings), TrainingFolder(halves), (), 1e9)
    assert not changed(copy(straight.model), second.model)
