"""Networks of other shapes, adapted in a line: the estimates are those of the network inside."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import bench

BATCH, N_SAMPLES = 3, 50
SCALES = torch.tensor([2.0, -1.0])


class Scaled(nn.Module):
    """Two scaled copies of the mixture, returned as ``form`` gives them."""

    def __init__(self, form: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.form = form
        self.seen: tuple[int, ...] = ()

    def forward(self, data: Tensor) -> Any:
        self.seen = tuple(data.shape)
        mixture = data if data.ndim == 2 else data.mean(1)
        return self.form(mixture[:, None] * SCALES[:, None])


FORMS: dict[str, tuple[Callable[[Tensor], Any], dict[str, Any]]] = {
    "as the contract has it": (lambda y: y, {}),
    "list": (lambda y: [y[:, 0], y[:, 1]], {}),
    "list with an axis for channels": (lambda y: [y[:, :1], y[:, 1:]], {}),
    "tuple": (lambda y: (y[:, 0], y[:, 1]), {}),
    "dictionary": (lambda y: {"voice": y[:, 0], "rest": y[:, 1]}, {}),
    "with something else": (lambda y: (y, y.mean()), {"pick": 0}),
    "under a key": (lambda y: {"loss": None, "estimates": y}, {"pick": "estimates"}),
    "of each stage": (lambda y: [0 * y, y], {"pick": -1}),
    "with channels": (lambda y: torch.stack([y + 1, y - 1], 2), {}),
    "turned": (lambda y: y.transpose(1, 2), {}),
    "longer": (lambda y: torch.cat([y, y], 2), {}),
}


@pytest.mark.parametrize(("form", "options"), FORMS.values(), ids=FORMS)
def test_every_form_becomes_the_contract(
    form: Callable[[Tensor], Any], options: dict[str, Any]
) -> None:
    mixture = torch.randn(BATCH, 1, N_SAMPLES, generator=torch.Generator().manual_seed(0))
    estimates = bench.adapt(Scaled(form), **options)(mixture)
    torch.testing.assert_close(estimates, mixture * SCALES[:, None], rtol=0, atol=1e-6)


def test_one_source_may_have_no_axis() -> None:
    estimates = bench.adapt(Scaled(lambda y: y[:, 0]))(torch.ones(BATCH, 1, N_SAMPLES))
    assert estimates.shape == (BATCH, 1, N_SAMPLES)


def test_what_is_too_short_ends_with_zeros() -> None:
    estimates = bench.adapt(Scaled(lambda y: y[..., :-7]))(torch.ones(BATCH, 1, N_SAMPLES))
    assert torch.equal(estimates[..., -7:], torch.zeros(BATCH, 2, 7))
    assert bool((estimates[..., :-7] != 0).all())


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({"takes": "[batch, time]"}, (BATCH, N_SAMPLES)),
        ({"channels": 2}, (BATCH, 2, N_SAMPLES)),
        ({}, (BATCH, 1, N_SAMPLES)),
    ],
)
def test_the_network_is_given_what_it_takes(options: dict[str, Any], seen: tuple[int, ...]) -> None:
    network = Scaled(lambda y: y)
    bench.adapt(network, **options)(torch.ones(BATCH, 1, N_SAMPLES))
    assert network.seen == seen


@pytest.mark.parametrize(
    "options",
    [{"takes": "[time, batch]"}, {"channels": 0}, {"takes": "[batch, time]", "channels": 2}],
)
def test_what_means_nothing_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"takes must be|can't have"):
        bench.adapt(nn.Identity(), **options)


@pytest.mark.parametrize("form", [lambda y: 3.0, lambda y: [y, 3.0], lambda y: y[..., None, None]])
def test_what_holds_no_estimates_is_refused(form: Callable[[Tensor], Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=r"must be tensors|holds no estimates"):
        bench.adapt(Scaled(form))(torch.ones(BATCH, 1, N_SAMPLES))
