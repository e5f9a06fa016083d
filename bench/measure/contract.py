"""What every network must do: map a mixture to finite estimates of the right shape."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from bench.results.record import CellError, Status


def as_defined(model: nn.Module) -> nn.Module:
    """The network with its layers computed as they are defined, for whoever counts operations.

    A module that computes a layer in another, equal form says so by an attribute
    ``computes_as_defined``, which is False; set, it takes the form that papers count.
    """
    modules: Iterable[Any] = model.modules()
    for module in modules:
        if hasattr(module, "computes_as_defined"):
            module.computes_as_defined = True
    return model


def expect_sources(build: Callable[[], nn.Module], n_src: int | None) -> Callable[[], nn.Module]:
    """The same networks, which raise CellError when their first estimates are not ``n_src``.

    Later calls cost nothing: the hook on the network leaves it after the first.
    """
    if n_src is None:
        return build

    def build_checked() -> nn.Module:
        model = build()

        def check(module: nn.Module, inputs: object, estimates: object) -> None:
            handle.remove()
            if isinstance(estimates, Tensor) and estimates.ndim == 3:
                n_returned = estimates.shape[1]
                if n_returned != n_src:
                    reason = f"The network returned {n_returned} sources; expected {n_src}."
                    raise CellError(Status.BAD_SHAPE, reason)

        handle = model.register_forward_hook(check)
        return model

    return build_checked


def check_estimates(estimates: object, mixture: Tensor) -> Tensor:
    """The estimates, when they keep the contract.

    Raises:
        CellError: not a tensor ``[batch, n_src, time]`` of the mixture's batch and time, or
            not finite.
    """
    expected = f"expected a tensor [{mixture.shape[0]}, n_src, {mixture.shape[-1]}]"
    if not isinstance(estimates, Tensor):
        reason = f"The network returned {type(estimates).__name__}; {expected}."
        raise CellError(Status.BAD_SHAPE, reason)
    batch, _, n_samples = mixture.shape
    shape = tuple(estimates.shape)
    if len(shape) != 3 or (shape[0], shape[2]) != (batch, n_samples) or shape[1] < 1:
        reason = f"The network returned a tensor {list(shape)}; {expected}."
        raise CellError(Status.BAD_SHAPE, reason)
    check_finite(estimates, "The estimates contain")
    return estimates


def check_finite(values: Tensor, subject: str) -> None:
    """Raises CellError when ``values`` (on a device with data) hold NaN or Inf."""
    if values.is_meta or bool(torch.isfinite(values).all()):
        return
    n_bad = int((~torch.isfinite(values)).sum())
    raise CellError(
        Status.NON_FINITE, f"{subject} NaN or Inf ({n_bad} of {values.numel()} values)."
    )
