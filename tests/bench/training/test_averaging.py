"""The running mean of the weights against its definition."""

import pytest
import torch
from torch import nn

from bench.training.averaging import average_weights


def test_it_is_the_mean_of_its_definition() -> None:
    """m(1) = w(1); then m(t) = d m(t-1) + (1 - d) w(t), with d = min(0.999, t / (t + 9))."""
    network = nn.Linear(1, 1, bias=False)
    averaged = average_weights(network)
    mean = 0.0
    for step in range(1, 40):
        with torch.no_grad():
            network.weight.fill_(float(step % 7))
        averaged.update_parameters(network)
        keep = 0.0 if step == 1 else min(0.999, step / (step + 9))
        mean = keep * mean + (1 - keep) * (step % 7)
        assert averaged.module.state_dict()["weight"].item() == pytest.approx(mean, rel=1e-5)


def test_weights_that_stay_are_their_own_mean() -> None:
    network = nn.Linear(3, 2)
    averaged = average_weights(network)
    for _ in range(5):
        averaged.update_parameters(network)
    assert torch.equal(averaged.module.state_dict()["weight"], network.weight)
