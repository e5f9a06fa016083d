"""A training of the native form is one of the same network, faster."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from bench.errors import UsageError
from bench.networks.trained import load_trained
from bench.training.folder import MODEL_NAME, TrainingFolder
from bench.training.loop import run_training
from bench.training.settings import Form, Limits, TrainingSettings
from bench.training.start import start_training
from bench.training.training import Training
from tests.bench.tiny_corpora import ALONE, SETTINGS, mixtures

SMALL = replace(
    SETTINGS,
    model="sudormrf-0.25x",
    factory="models.sudormrf:sudormrf_0_25x",
    n_samples=1000,
    batch=2,
    epoch_size=4,
    n_validation=1,
)


def has_native_blocks(network: nn.Module) -> bool:
    return any(type(module).__name__ == "NativeUConvBlock" for module in network.modules())


def start(settings: TrainingSettings, runtime: Form) -> Training:
    settings = replace(settings, runtime=runtime)
    device = torch.device("cpu")
    return start_training(settings, Limits(steps=2), device, ALONE, lambda: False)


def test_the_native_form_starts_from_the_same_weights_and_makes_the_same_steps() -> None:
    """Adam turns a gradient's rounding near 0 into a whole step, so losses are compared."""
    eager, native = start(SMALL, "eager"), start(SMALL, "native")
    assert (has_native_blocks(eager.model), has_native_blocks(native.model)) == (False, True)
    assert eager.operations == native.operations
    for name, value in eager.model.state_dict().items():
        assert torch.equal(value, native.model.state_dict()[name]), name
    for number, tolerance in enumerate((1e-5, 1e-3)):
        batch = next(mixtures(SMALL).train(0, number))
        losses = []
        for one in (eager, native):
            one.update(*batch)
            losses.append(one.mean_loss())
        assert losses[0] == pytest.approx(losses[1], rel=tolerance)


def test_its_weights_are_those_of_the_network_in_any_form(tmp_path: Path) -> None:
    native = start(SMALL, "native")
    run_training(native, mixtures(SMALL), TrainingFolder(tmp_path), (), 1e9)
    loaded, _, metadata, _ = load_trained(tmp_path / MODEL_NAME)
    assert metadata is not None
    assert metadata["runtime"] == "native"
    assert (has_native_blocks(loaded), has_native_blocks(native.model)) == (False, True)
    mixture = torch.randn(1, 1, 1000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs, ours = native.model.eval()(mixture), loaded.eval()(mixture)
    assert float((theirs - ours).norm() / ours.norm()) < 1e-5


def test_native_steps_in_bfloat16_are_refused_before_the_first(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--runtime native has no kernels .*bfloat16"):
        start(replace(SMALL, precision="bfloat16"), "native")


def test_a_network_without_a_native_form_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--runtime native: tiny has no such form .*eager\.$"):
        start(SETTINGS, "native")
