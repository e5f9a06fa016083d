"""Counts a network's parameters, on the meta device."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from bench.results.measurements import ParameterCount
from bench.results.workload import Workload


def count_parameters(model: nn.Module) -> ParameterCount:
    """Numbers of parameters (shared ones once) and the bytes of the weights with the buffers."""
    parameters, buffers = list(model.parameters()), list(model.buffers())
    return ParameterCount(
        n_params=_count(parameters),
        n_trainable_params=_count(p for p in parameters if p.requires_grad),
        n_buffer_elements=_count(buffers),
        weight_bytes=sum(t.numel() * t.element_size() for t in (*parameters, *buffers)),
    )


def _count(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> ParameterCount:
    """The counts of a network in the workload's dtype."""
    with torch.device("meta"):
        model = build()
    return count_parameters(model.to(getattr(torch, workload.parameter_dtype)))
