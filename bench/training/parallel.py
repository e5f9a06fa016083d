"""Several processes that train one network: torchrun starts them, each takes its share of a batch.

Gradients are averaged in one message after the backward pass. torch's
DistributedDataParallel would overlap the two, and would need to be told which parameters a
network never uses.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn

from bench.errors import UsageError


class Group(NamedTuple):
    """This process among those of its training."""

    rank: int
    size: int

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files and speaks."""
        return self.rank == 0


def local_rank() -> int:
    """The number of this process on its machine."""
    return int(os.environ.get("LOCAL_RANK", "0"))


@contextmanager
def join_group(device: torch.device) -> Iterator[Group]:
    """The group that torchrun's environment names; a group of one without it."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Group(0, 1)
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Group(dist.get_rank(), size)
    finally:
        dist.destroy_process_group()


def share_of_batch(batch: int, group: Group) -> slice:
    """The items of a batch that this process takes.

    Raises:
        UsageError: the processes can't have equal shares.
    """
    if batch % group.size:
        raise UsageError(
            f"A batch of {batch} can't be shared by {group.size} processes. "
            "Choose a --batch that their number divides."
        )
    share = batch // group.size
    return slice(group.rank * share, (group.rank + 1) * share)


def average_gradients(parameters: Iterable[nn.Parameter], group: Group) -> None:
    """Give all processes the mean of their gradients: that of the whole batch."""
    if group.size == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= group.size
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def sum_over_processes(values: Tensor, group: Group) -> Tensor:
    """The sums, the same in all processes."""
    if group.size > 1:
        dist.all_reduce(values)
    return values
