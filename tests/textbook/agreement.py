"""How a network is made ready for comparison, and how far apart two results are."""

from collections.abc import Callable, Iterator, Mapping

import pytest
import torch
from torch import Tensor, nn

Reference = Callable[[Mapping[str, Tensor], Tensor], Tensor]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Small products gain nothing from threads, and lose tenfold where cores are busy."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def randomised(model: nn.Module, seed: int = 0) -> nn.Module:
    """The model in float64 with every parameter drawn anew, so that none hides at its start.

    Norms start as the identity and PReLU slopes are all alike: left so, a forgotten or swapped
    one would go unseen. Weights are drawn small enough that no mask saturates.
    """
    generator = torch.Generator().manual_seed(seed)
    model = model.double()
    with torch.no_grad():
        for parameter in model.parameters():
            fan_in = parameter[0].numel() if parameter.ndim else 1
            parameter.normal_(std=fan_in**-0.5, generator=generator)
    return model


def noise(*shape: int, seed: int = 1) -> Tensor:
    """White noise in float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def relative_error(estimates: Tensor, reference: Tensor) -> float:
    """``||a - b|| / ||b||``; of two shapes that differ, infinite."""
    if estimates.shape != reference.shape:
        return float("inf")
    return float((estimates - reference).norm() / reference.norm())


def disagreement(model: nn.Module, reference: Reference, n_samples: int) -> float:
    """The relative error of the randomised model's estimates, for two mixtures of noise."""
    parameters = dict(randomised(model).named_parameters())
    mixture = noise(2, 1, n_samples)
    with torch.no_grad():
        return relative_error(model(mixture), reference(parameters, mixture))


def gradient_disagreement(model: nn.Module, reference: Reference, n_samples: int) -> float:
    """The relative error of the gradient: of the mixture's and the parameters' all together.

    Together, because some are zero: of a bias that a norm takes out again, say.
    """
    parameters = dict(randomised(model).named_parameters())
    mixture = noise(2, 1, n_samples).requires_grad_()
    gradients = []
    for estimates in (model(mixture), reference(parameters, mixture)):
        weighted = (estimates * noise(*estimates.shape, seed=2)).sum()
        parts = torch.autograd.grad(weighted, [mixture, *parameters.values()])
        gradients.append(torch.cat([part.flatten() for part in parts]))
    return relative_error(*gradients)


def count_parameters(model: nn.Module) -> int:
    """All of them, to the unit."""
    return sum(parameter.numel() for parameter in model.parameters())
