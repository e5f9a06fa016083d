"""A network of torch in another dtype, with float32 at both ends."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from bench.results.workload import AMP


class Cast(nn.Module):
    """A copy of a network that computes in a dtype, whatever its input has.

    ``amp-`` before the dtype leaves the parameters in float32 and lets autocast choose.
    """

    def __init__(self, model: nn.Module, dtype: str) -> None:
        super().__init__()
        self.autocast = getattr(torch, dtype.removeprefix(AMP)) if dtype.startswith(AMP) else None
        self.dtype = torch.float32 if self.autocast else getattr(torch, dtype)
        self.model = deepcopy(model).to(self.dtype)

    def forward(self, mixture: Tensor) -> Tensor:
        """From a mixture ``[batch, 1, time]`` to estimates ``[batch, n_src, time]``, float32."""
        with torch.autocast(mixture.device.type, self.autocast, enabled=self.autocast is not None):
            estimates: Tensor = self.model(mixture.to(self.dtype))
        return estimates.float()
