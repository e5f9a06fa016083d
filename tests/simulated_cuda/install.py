"""A simulation put in the place of what this machine has, and taken away again."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.simulated_cuda import nvml, usage
from tests.simulated_cuda.scenarios import SCENARIOS, Scenario

if TYPE_CHECKING:  # a process that never imports torch asks the driver all the same
    from tests.simulated_cuda.gpus import Gpus

SITE = Path(__file__).parent / "site"
ROOT = Path(__file__).parents[2]
SCENARIO_VARIABLE = "SIMULATED_CUDA"
CUDNN_VERSION = 91002


@contextmanager
def simulated_cuda(name: str) -> Iterator["Gpus"]:
    """A machine of ``SCENARIOS`` in this process.

    CUDA reads its variables once: set CUDA_VISIBLE_DEVICES before this is entered.
    """
    import pynvml

    with ExitStack() as stack:
        stack.callback(usage.forget)
        install_driver(pynvml, SCENARIOS[name], stack)
        yield install_torch(SCENARIOS[name], stack)


def variables(name: str, folder: Path) -> dict[str, str]:
    """Of the environment of Python processes that are to be on such a machine.

    In the folder, which is made, they find each other.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [str(SITE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        SCENARIO_VARIABLE: name,
        usage.FOLDER_VARIABLE: str(folder),
        "PYTHONPATH": os.pathsep.join(paths),
    }


def install_driver(pynvml: Any, scenario: Scenario, stack: ExitStack) -> None:
    """pynvml's functions; its structures, constants and errors stay."""
    for name, function in nvml.functions(pynvml, scenario).items():
        stack.enter_context(patch.object(pynvml, name, function))


def install_torch(scenario: Scenario, stack: ExitStack) -> "Gpus":
    """The functions and classes of torch._C that a build with CUDA has, and where tensors are."""
    import torch
    from torch.nn.modules import module

    from tests.simulated_cuda import profiling, torch_c
    from tests.simulated_cuda.gpus import Gpus
    from tests.simulated_cuda.tensors import Booked, Placed
    from tests.simulated_cuda.torch_classes import (
        EventBase,
        StreamBase,
        graph_base,
        on_another_base,
    )

    gpus = Gpus(scenario)
    functions = torch_c.functions(gpus)

    def replace(owner: Any, **changes: Any) -> None:
        for name, value in changes.items():
            stack.enter_context(patch.object(owner, name, value, create=True))

    replace(torch._C, **functions, _has_cuda=True, _has_cudnn=True)
    replace(torch.version, cuda=scenario.cuda_of_torch)
    # What torch.cuda keeps, and what it took from torch._C by name.
    cuda = torch.cuda
    graphs, streams = torch.cuda.graphs, torch.cuda.streams
    replace(
        cuda,
        _initialized=False,
        _cached_device_count=None,
        default_generators=(),
        _cudart=torch_c.runtime(gpus),
        _get_device_properties=torch_c.device_properties(gpus),
        _raw_device_count_nvml=lambda: -1,  # so that the count is asked of torch._C
        _raw_device_uuid_nvml=lambda: None,
        _exchange_device=functions["_cuda_exchangeDevice"],
        _maybe_exchange_device=functions["_cuda_maybeExchangeDevice"],
    )
    taken = ("_cuda_isCurrentStreamCapturing", "_graph_pool_handle")
    replace(graphs, **{name: functions[name] for name in taken})
    replace(graphs.graph, default_capture_stream=None)
    event = on_another_base(streams.Event, EventBase)
    stream = on_another_base(streams.Stream, StreamBase)
    graph = on_another_base(graphs.CUDAGraph, graph_base(gpus))
    replace(streams, Event=event, Stream=stream)
    replace(graphs, CUDAGraph=graph)
    replace(cuda, Event=event, Stream=stream, CUDAGraph=graph)
    # torch.backends.cudnn is an object in the place of its module.
    stack.enter_context(patch.dict(torch.backends.cudnn.version.__globals__, _cudnn_names()))
    replace(torch.autograd.profiler, **profiling.functions(gpus))
    replace(
        torch.autograd, _supported_activities=profiling.functions(gpus)["_supported_activities"]
    )
    _install_autocast(stack)
    before = module.register_module_forward_pre_hook(gpus.begin_call)
    stack.callback(before.remove)
    after = module.register_module_forward_hook(gpus.end_call, always_call=True)
    stack.callback(after.remove)
    stack.enter_context(Placed(gpus))
    stack.enter_context(Booked(gpus))
    return gpus


def _cudnn_names() -> dict[str, Any]:
    """Of torch/backends/cudnn/__init__.py as a build with cuDNN has them."""
    import torch

    def init() -> bool:
        """Its check for cards before SM 7.5 begins with version 9.11; this one is older."""
        return True

    return {
        "_init": init,
        "__cudnn_version": CUDNN_VERSION,
        "_cudnn": SimpleNamespace(is_cuda=True, getVersionInt=lambda: CUDNN_VERSION),
        "torch": torch,
    }


def _install_autocast(stack: ExitStack) -> None:
    """Autocast of "cuda" is that of the CPU, on which the operators run."""
    import torch

    real = torch.autocast.__init__

    def init(
        self: Any,
        device_type: str,
        dtype: "torch.dtype | None" = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        chosen = torch.get_autocast_dtype(device_type) if dtype is None else dtype
        real(self, "cpu" if device_type == "cuda" else device_type, chosen, enabled, cache_enabled)

    stack.enter_context(patch.object(torch.autocast, "__init__", init))


_for_good = ExitStack()
"""Of a process that is simulated from its start to its end."""


def install_for_good(module: Any) -> None:
    """Called by ``site/sitecustomize.py`` when this process has imported torch or pynvml."""
    scenario = SCENARIOS[os.environ[SCENARIO_VARIABLE]]
    if module.__name__ == "pynvml":
        install_driver(module, scenario, _for_good)
    else:
        install_torch(scenario, _for_good)
