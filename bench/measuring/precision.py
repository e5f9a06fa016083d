"""How exactly a workload's network computes: autocast, and TF32 on a GPU."""

from collections.abc import Callable

import torch
from torch import Tensor

from bench.results.workload import Workload

Forward = Callable[[Tensor], Tensor]


def set_tf32(is_on: bool) -> None:
    """Let a GPU round the factors of float32 products to 10 bits of mantissa, or not.

    The same for convolutions, recurrent layers and matrix products: torch's defaults round in the
    first two and not in the third. Both of torch's interfaces are set, the older one first: it
    resets the newer one, and reading either raises where the two disagree
    (https://docs.pytorch.org/docs/stable/notes/cuda.html#tensorfloat-32-tf32-on-ampere-and-later-devices).
    """
    torch.backends.cuda.matmul.allow_tf32 = is_on
    torch.backends.cudnn.allow_tf32 = is_on
    # As torch.backends.cudnn.conv.fp32_precision and its like do, which torch's stubs do not have.
    for operator in ("matmul", "conv", "rnn"):
        torch._C._set_fp32_precision_setter("cuda", operator, "tf32" if is_on else "ieee")


def with_autocast(forward: Forward, workload: Workload, device: str) -> Forward:
    """The same forward, under autocast where the workload's dtype says so.

    Autocast does not reach the meta device: there the forward raises RuntimeError.
    """
    if workload.autocast_dtype is None:
        return forward
    dtype = getattr(torch, workload.autocast_dtype)

    def autocasting(mixture: Tensor) -> Tensor:
        with torch.autocast(device, dtype):
            return forward(mixture)

    return autocasting
