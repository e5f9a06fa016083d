"""Laws of every kind of network that is registered, whatever its architecture."""

import copy
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from baselines.asteroid_models import conv_tasnet, dprnn
from baselines.demucs import Demucs, demucs
from baselines.two_step_tdcn import two_step_tdcn
from models.causal_v3 import causal_v3_config
from models.groupcomm import groupcomm_config
from models.past import Gain
from models.streaming import StreamingSuDoRMRF, sudormrf_causal_0_25x
from models.sudormrf import SuDoRMRF, sudormrf_0_5x, sudormrf_0_25x, sudormrf_1_0x
from models.table2 import improved
from tests.textbook.agreement import noise, relative_error
from tests.textbook.agreement import one_thread as one_thread

N_SRC = 2


def narrow_demucs() -> nn.Module:
    """Demucs with 4 instead of 80 channels: the published one has 1.7 GB of weights."""
    with torch.device("meta"):
        published = demucs().config
    return Demucs(replace(published, channels=4))


def narrow_dprnn() -> nn.Module:
    """DPRNN with fewer and narrower layers: the published one takes seconds for 4001 samples."""
    with torch.device("meta"):
        published: Any = dprnn()
    sizes = {"n_filters": 8, "in_chan": 8, "out_chan": 8, "bn_chan": 4, "hid_size": 3}
    narrow = published.get_model_args() | sizes | {"n_repeats": 2}
    model: nn.Module = type(published)(**narrow)
    return model


def opened_causal_v3() -> nn.Module:
    """With gains that let its blocks through: at the start they are zero."""
    network = StreamingSuDoRMRF(replace(causal_v3_config(), n_blocks=2))
    for part in network.modules():
        if isinstance(part, Gain):
            nn.init.constant_(part.gain, 0.5)
    return network


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "sudormrf_1_0x": sudormrf_1_0x,
    "sudormrf_0_5x": sudormrf_0_5x,
    "sudormrf_0_25x": sudormrf_0_25x,
    "sudormrf_improved": partial(
        improved, bn_chan=128, n_blocks=4, kernel_size=17, n_resamplings=2
    ),
    "sudormrf_causal_0_25x": sudormrf_causal_0_25x,
    "sudormrf_groupcomm": lambda: SuDoRMRF(groupcomm_config(bn_chan=256, n_blocks=2)),
    "sudormrf_causal_v3": opened_causal_v3,
    "conv_tasnet": conv_tasnet,
    "dprnn": narrow_dprnn,
    "demucs": narrow_demucs,
    "two_step_tdcn": two_step_tdcn,
}
OF_ASTEROID = ("conv_tasnet", "dprnn")
# asteroid's encoders do not pad: a mixture has at least one kernel's samples.
SHORTEST = {"conv_tasnet": 16, "dprnn": 2}
# asteroid computes the last block's residual and then takes only its skip connection.
WITHOUT_GRADIENT = {"conv_tasnet": {"masker.TCN.23.res_conv.weight", "masker.TCN.23.res_conv.bias"}}
# asteroid notes the mixture's shape and the axes of its norms in small tensors on the CPU;
# they are read there and never copied.
CPU_NOTES = {"aten.lift_fresh.default", "aten.arange.start"}

needs_asteroid = pytest.mark.skipif(
    importlib.util.find_spec("asteroid") is None,
    reason="asteroid is not installed: pip install '.[asteroid]'",
)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")


def named(names: Sequence[str]) -> list[Any]:
    return [
        pytest.param(name, marks=needs_asteroid if name in OF_ASTEROID else ()) for name in names
    ]


every_network = pytest.mark.parametrize("name", named(list(NETWORKS)))
every_device = pytest.mark.parametrize(
    "device", ["meta", pytest.param("cuda", marks=[pytest.mark.cuda, needs_cuda])]
)


def build(name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return NETWORKS[name]()


def gradients(model: nn.Module) -> dict[str, Tensor]:
    """Of the parameters that something non-zero has reached."""
    return {
        name: parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().sum() != 0
    }


class Strangers(TorchDispatchMode):
    """The operators that touch a tensor of another device than the one expected."""

    def __init__(self, device: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.device = device
        self.operators: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        touched = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)]
        if any(tensor.device.type != self.device for tensor in touched):
            self.operators.add(str(func))
        return result


@every_network
@pytest.mark.parametrize("n_samples", [1, 7, 401, 4001])
def test_every_source_is_as_long_as_the_mixture(name: str, n_samples: int) -> None:
    n_samples = max(n_samples, SHORTEST.get(name, 1))
    with torch.no_grad():
        estimates = build(name)(noise(3, 1, n_samples).float())
    assert estimates.shape == (3, N_SRC, n_samples)
    assert estimates.isfinite().all()


@pytest.mark.parametrize("name", named(list(SHORTEST)))
def test_a_mixture_shorter_than_the_kernel_is_refused(name: str) -> None:
    with pytest.raises(RuntimeError, match=r"[Kk]ernel size"):
        build(name)(torch.zeros(1, 1, SHORTEST[name] - 1))


@every_network
def test_mixtures_of_a_batch_do_not_see_each_other(name: str) -> None:
    model = build(name).double()
    mixtures = noise(3, 1, 401) * torch.tensor([1.0, 0.1, 10.0]).reshape(3, 1, 1)
    with torch.no_grad():
        together = model(mixtures)
        alone = torch.cat([model(mixture) for mixture in mixtures.chunk(3)])
    assert relative_error(together, alone) < 1e-9


@every_network
def test_gradient_reaches_every_parameter(name: str) -> None:
    model = build(name).double()
    estimates = model(noise(1, 1, 401))
    (estimates * noise(*estimates.shape, seed=2)).sum().backward()
    everything = {parameter_name for parameter_name, _ in model.named_parameters()}
    assert everything - set(gradients(model)) == WITHOUT_GRADIENT.get(name, set())


@every_network
def test_silence_stays_finite(name: str) -> None:
    model = build(name)
    mixture = torch.zeros(1, 1, 401, requires_grad=True)
    estimates = model(mixture)
    estimates.sum().backward()
    assert estimates.isfinite().all()
    assert mixture.grad is not None
    assert mixture.grad.isfinite().all()
    assert all(gradient.isfinite().all() for gradient in gradients(model).values())


@every_network
def test_double_precision_is_kept_and_agrees_with_single(name: str) -> None:
    model = build(name)
    mixture = noise(1, 1, 4001)
    with torch.no_grad():
        single = model(mixture.float())
        double = copy.deepcopy(model).double()(mixture)
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    assert relative_error(single.double(), double) < 1e-3


@every_network
@every_device
def test_no_operator_touches_another_device(name: str, device: str) -> None:
    model = build(name).to(device)
    mixture = torch.zeros(1, 1, 401, device=device)
    with Strangers(device) as strangers:
        estimates = model(mixture)
    assert estimates.device.type == device
    assert strangers.operators <= (CPU_NOTES if name in OF_ASTEROID else set())


@every_network
@pytest.mark.cuda
@needs_cuda
def test_cuda_agrees_with_the_cpu(name: str) -> None:
    model = build(name)
    mixture = noise(1, 1, 4001).float()
    with torch.no_grad():
        reference = model(mixture)
        estimates = copy.deepcopy(model).to("cuda")(mixture.to("cuda"))
    assert relative_error(estimates.cpu(), reference) < 1e-3


@every_network
def test_the_seed_alone_decides_the_weights(name: str) -> None:
    first, again, other = build(name), build(name), build(name, seed=1)
    torch.testing.assert_close(again.state_dict(), first.state_dict(), rtol=0, atol=0)
    differing = [
        key
        for key, tensor in other.state_dict().items()
        if not tensor.equal(first.state_dict()[key])
    ]
    assert differing


@every_network
def test_the_same_mixture_gives_the_same_estimates(name: str) -> None:
    model, mixture = build(name), noise(2, 1, 401).float()
    with torch.no_grad():
        torch.testing.assert_close(model(mixture), model(mixture), rtol=0, atol=0)
