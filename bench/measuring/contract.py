"""What every network must do: map a mixture to finite estimates of the right shape."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from bench.measuring.advice import advise_on_estimates
from bench.results.record import CellError, Status
from bench.results.workload import Workload


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


def build_network(build: Callable[[], object], name: str) -> nn.Module:
    """What a factory makes.

    Raises:
        CellError: it needs arguments, or makes something else than a network.
    """
    if isinstance(build, nn.Module):
        reason = (
            f"{name} is a network itself. Give a function that builds one, so that each is new."
        )
        raise CellError(Status.ERROR, reason)
    try:
        inspect.signature(build).bind()
    except TypeError as error:
        reason = (
            f"{name} needs arguments ({error}). Give a function without any, or the arguments "
            "by their names: module:function(n_src=2)."
        )
        raise CellError(Status.ERROR, reason) from error
    except ValueError:  # a function of C, which has no signature to ask
        pass
    model = build()
    if not isinstance(model, nn.Module):
        raise CellError(Status.ERROR, f"{name} returned {_kind(model)}, not a torch.nn.Module.")
    return model


def require_threads(workload: Workload) -> None:
    """See that this process still has the workload's number of threads.

    Raises:
        CellError: the network's code has set another one.
    """
    found, asked = torch.get_num_threads(), workload.threads
    if found != asked:
        reason = (
            f"The network's code set the number of threads to {found}, and {asked} "
            f"{'was' if asked == 1 else 'were'} asked for: take torch.set_num_threads out of it, "
            f"or measure with --threads {found}."
        )
        raise CellError(Status.ERROR, reason)


def _kind(thing: object) -> str:
    return "None" if thing is None else f"a {type(thing).__name__}"


def has_lazy_layers(model: nn.Module) -> bool:
    """Whether a layer waits for its first input to know its own size."""
    return any(is_lazy(tensor) for tensor in (*model.parameters(), *model.buffers()))


def give_lazy_layers_their_shapes(model: nn.Module, n_samples: int) -> nn.Module:
    """Run one forward where a layer waits for its first input to know its own size.

    On the meta device too: layers take their shapes from tensors without data.
    """
    if has_lazy_layers(model):
        with torch.no_grad():
            model.eval()(torch.zeros(1, 1, n_samples))
        model.train()
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
        reason = f"{reason} {advise_on_estimates(estimates, mixture)}".rstrip()
        raise CellError(Status.BAD_SHAPE, reason)
    batch, _, n_samples = mixture.shape
    shape = tuple(estimates.shape)
    if len(shape) != 3 or (shape[0], shape[2]) != (batch, n_samples) or shape[1] < 1:
        reason = f"The network returned a tensor {list(shape)}; {expected}."
        reason = f"{reason} {advise_on_estimates(estimates, mixture)}".rstrip()
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
