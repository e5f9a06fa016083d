import importlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from baselines.asteroid_models import conv_tasnet, dprnn
from tests.textbook.agreement import count_parameters, noise, randomised, relative_error

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("asteroid") is None,
    reason="asteroid is not installed: pip install '.[asteroid]'",
)

Factory = Callable[[], Any]

# What the paper measured, in asteroid's words; nothing is left to asteroid's defaults.
ANY_NETWORK: dict[str, Any] = {
    "fb_name": "FreeFB",
    "sample_rate": 8000,
    "encoder_activation": None,
    "n_src": 2,
    "norm_type": "gLN",
}
CONV_TASNET: dict[str, Any] = ANY_NETWORK | {
    "n_filters": 512,  # <N>
    "kernel_size": 16,  # <L>
    "stride": 8,
    "in_chan": 512,
    "out_chan": 512,
    "bn_chan": 128,  # <B>
    "hid_chan": 512,  # <H>
    "skip_chan": 128,  # <Sc>
    "conv_kernel_size": 3,  # <P>
    "n_blocks": 8,  # <X>
    "n_repeats": 3,  # <R>
    "mask_act": "sigmoid",
    "causal": False,
}
DPRNN: dict[str, Any] = ANY_NETWORK | {
    "n_filters": 256,
    "kernel_size": 2,
    "stride": 1,
    "in_chan": 256,
    "out_chan": 256,
    "bn_chan": 64,
    "hid_size": 128,
    "chunk_size": 250,
    "hop_size": 125,
    "n_repeats": 6,
    "mask_act": "relu",
    "bidirectional": True,
    "rnn_type": "LSTM",
    "num_layers": 1,
    "dropout": 0,
    "use_mulcat": False,
}

both_networks = pytest.mark.parametrize(
    ("factory", "class_name", "model_args"),
    [(conv_tasnet, "ConvTasNet", CONV_TASNET), (dprnn, "DPRNNTasNet", DPRNN)],
    ids=["conv_tasnet", "dprnn"],
)


def asteroid_class(name: str) -> Callable[..., nn.Module]:
    """One of asteroid's classes."""
    found: Callable[..., nn.Module] = getattr(importlib.import_module("asteroid.models"), name)
    return found


@pytest.mark.parametrize(
    ("factory", "n_parameters"), [(conv_tasnet, 5_050_545), (dprnn, 2_633_793)]
)
def test_published_sizes(factory: Factory, n_parameters: int) -> None:
    with torch.device("meta"):
        assert count_parameters(factory()) == n_parameters


@both_networks
def test_configuration_is_what_the_paper_measured(
    factory: Factory, class_name: str, model_args: dict[str, Any]
) -> None:
    model = factory()
    assert type(model).__name__ == class_name
    assert model.get_model_args() == model_args


@both_networks
def test_equals_asteroid(factory: Factory, class_name: str, model_args: dict[str, Any]) -> None:
    model = randomised(factory())
    reference = asteroid_class(class_name)(**model_args).double()
    reference.load_state_dict(model.state_dict())
    mixture = noise(2, 1, 401)
    with torch.no_grad():
        assert relative_error(model(mixture), reference(mixture)) < 1e-10


def run_fresh(script: str, folder: Path) -> None:
    """A process of its own, because here asteroid has been imported already."""
    search_path = os.pathsep.join([str(folder), *sys.path])
    completed = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": search_path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert completed.returncode == 0, completed.stderr


@pytest.mark.thorough
def test_packages_that_neither_network_needs_may_be_broken(tmp_path: Path) -> None:
    for package in ("torchaudio", "soundfile"):
        (tmp_path / f"{package}.py").write_text("raise OSError('a library is missing')\n")
    script = """
import sys
from baselines.asteroid_models import conv_tasnet, dprnn
conv_tasnet(), dprnn()
assert not {"torchaudio", "soundfile"} & sys.modules.keys()
"""
    run_fresh(script, tmp_path)


@pytest.mark.thorough
def test_what_neither_network_needs_takes_no_memory(tmp_path: Path) -> None:
    """torchaudio would, where it can be imported."""
    (tmp_path / "torchaudio.py").touch()
    script = """
import sys
from baselines.asteroid_models import conv_tasnet
conv_tasnet()
assert "torchaudio" not in sys.modules
assert "soundfile" in sys.modules
import torchaudio
"""
    run_fresh(script, tmp_path)


def test_asteroid_and_what_it_wants_can_be_imported_by_anybody(tmp_path: Path) -> None:
    """In the environment that make installs: for a network of one's own, or in a notebook."""
    script = """
import torch
from asteroid.models import ConvTasNet
from asteroid.losses import SingleSrcNegSTOI
import torchaudio, torchmetrics
assert ConvTasNet(n_src=2, n_blocks=1, n_repeats=1)(torch.zeros(1, 1, 400)).shape == (1, 2, 400)
assert torchaudio.transforms.Resample(16000, 8000)(torch.zeros(1, 800)).shape == (1, 400)
"""
    run_fresh(script, tmp_path)
