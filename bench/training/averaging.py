"""A running mean of the weights, which is better than the weights while the rate is high.

B. Polyak and A. Juditsky, "Acceleration of stochastic approximation by averaging", SIAM Journal on
Control and Optimization 30 (1992); with exponential weights as in A. Tarvainen and H. Valpola,
"Mean teachers are better role models", NeurIPS 2017.
"""

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

LONGEST = 0.999
"""Of the mean, what stays at a step: in the end it reaches over about a thousand steps."""
WARM_UP = 10
"""Before that it reaches over a tenth of the steps so far: the first weights are soon forgotten."""


def average_weights(network: nn.Module) -> AveragedModel:
    """A copy of a network that ``update_parameters`` brings nearer to it after each step."""
    return AveragedModel(network, avg_fn=approach)


def approach(mean: Tensor, weights: Tensor, n_steps: Tensor | int) -> Tensor:
    """The mean after another step; the first time it is the weights, without this."""
    n = float(n_steps)
    return mean.lerp(weights.to(mean), 1 - min(LONGEST, (1 + n) / (WARM_UP + n)))
