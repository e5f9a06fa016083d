"""Networks for sweeps in real processes."""

import os
import signal

from torch import Tensor, nn


class KilledAt2000(nn.Module):
    """One convolution, ``[batch, 1, time] -> [batch, 2, time]``; at one length it is killed."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3, padding=1)

    def forward(self, mixture: Tensor) -> Tensor:
        if mixture.shape[-1] == 2000 and mixture.device.type != "meta":
            os.kill(os.getpid(), signal.SIGKILL)
        estimates: Tensor = self.conv(mixture)
        return estimates
