"""The simulated cards of this process: which are visible, what is on them, what they run."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter_ns, time_ns
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tests.simulated_cuda.memory import Memory, storage_key
from tests.simulated_cuda.scenarios import Scenario, visible_cards
from tests.simulated_cuda.usage import USAGE

_aten = torch.ops.aten
IDLE = {
    *(_aten.empty, _aten.empty_like, _aten.empty_strided, _aten.new_empty),
    *(_aten._has_compatible_shallow_copy_type, _aten.is_same_size),
}
"""They launch nothing."""
COPIES = {_aten.copy_, _aten._to_copy, _aten.clone, _aten._local_scalar_dense}
"""Which the driver does without a kernel of torch's."""
SYNCHRONISING = {_aten._local_scalar_dense, _aten.nonzero, _aten.equal}
"""The host waits for their values."""
PRODUCTS = {_aten.mm, _aten.addmm, _aten.bmm, _aten.baddbmm, _aten.addmv, _aten.mv}
"""Which cuBLAS computes."""
MIXING = {
    *(_aten.copy_, _aten._to_copy, _aten.index, _aten.index_put_, _aten._index_put_impl_),
    *(_aten.set_, _aten.lift_fresh, _aten._has_compatible_shallow_copy_type),
}
"""Operators that take tensors of the CPU beside the card's. TensorAdvancedIndexing.cpp: "indices
should be either on cpu or on the same device as the indexed tensor"."""

ASYNCHRONOUS = (
    "\nCUDA kernel errors might be asynchronously reported at some other API call, so the "
    "stacktrace below might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1"
)
"""c10/cuda/CUDAMiscFunctions.cpp, get_cuda_async_error_suffix."""

TIMES_AS_FAST = 10
"""As the CPU is a card: it then waits for the host, as most cards do for small networks."""


class Launch(NamedTuple):
    """One kernel or copy: what torch's profiler would list of it."""

    name: str
    start_ns: int
    end_ns: int


class Gpus:
    """Every card that is visible to this process, and what it does on them."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.cards = visible_cards(scenario, os.environ)
        self.memories = [Memory(card, index) for index, card in enumerate(self.cards)]
        self.current = 0
        self.stream = 0  # the default one
        self.capture: list[Any] | None = None  # operators of a graph, while one is captured
        self.is_capture_broken = False
        self.launches: list[Launch] | None = None  # while a profiler listens
        self._places: list[int | None] = []  # where new tensors go, of calls that say so
        self.n_calls = 0  # of networks
        self._depth = 0

    def place_of(self, tensor: Tensor) -> int | None:
        """The number of the card that a tensor is on; None is the CPU."""
        key = storage_key(tensor)
        return next((memory.index for memory in self.memories if memory.holds(key)), None)

    @contextmanager
    def placing(self, index: int | None) -> Iterator[None]:
        """New tensors come to be on a card, or on the CPU, whatever they are made from."""
        self._places.append(index)
        try:
            yield
        finally:
            self._places.pop()

    def place_of_results(self, inputs: Iterable[Tensor]) -> int | None:
        """Where an operator's results are."""
        if self._places:
            return self._places[-1]
        return next((place for place in map(self.place_of, inputs) if place is not None), None)

    def run(self, index: int, func: Any, inputs: Iterable[Tensor], call: Any) -> Any:
        """An operator on a card.

        Raises:
            RuntimeError: as the card, or torch before it, would refuse it.
        """
        operator = func._overloadpacket
        if operator not in MIXING:
            self._require_one_device(inputs)
        if self.capture is not None and operator in SYNCHRONISING:
            self.refuse_while_capturing()
        if operator in PRODUCTS:
            self.memories[index].take_workspace()
        is_idle = func.is_view or operator in IDLE
        if not is_idle:
            self._require_kernels(index, operator)
        start, began_at = perf_counter_ns(), time_ns()
        try:
            out = call()
        except RuntimeError as error:  # the CPU has less memory than the card
            if wanted := re.search(
                r"can't allocate memory: you tried to allocate (\d+)", str(error)
            ):
                self.memories[index].refuse(int(wanted[1]))
            raise
        if is_idle:
            return out
        USAGE[self.cards[index].uuid].n_launches += 1
        if self.launches is not None:
            name = "Memcpy" if operator in COPIES else f"{operator.__name__}_kernel"
            took_ns = (perf_counter_ns() - start) // TIMES_AS_FAST
            self.launches.append(Launch(name, began_at, began_at + took_ns))
        return out

    def _require_one_device(self, inputs: Iterable[Tensor]) -> None:
        """The words are those of aten/src/ATen/TensorIterator.cpp; a number of the CPU will do."""
        places = {self.place_of(tensor) for tensor in inputs if tensor.dim() and not tensor.is_meta}
        if len(places) > 1:
            found = " and ".join("cpu" if p is None else f"cuda:{p}" for p in places)
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two devices, "
                f"{found}!"
            )

    def _require_kernels(self, index: int, operator: Any) -> None:
        """cudaErrorNoKernelImageForDevice (209), in the words of c10/cuda/CUDAException.cpp."""
        major, minor = self.cards[index].capability
        built = [int(name.split("_")[1]) for name in self.scenario.architectures.split()]
        # CUDA C++ Programming Guide, "Binary Compatibility": within a major version, upwards.
        if operator not in COPIES and not any(
            sm // 10 == major and sm % 10 <= minor for sm in built
        ):
            raise torch.AcceleratorError(
                "CUDA error: no kernel image is available for execution on the device"
                + ASYNCHRONOUS
            )

    def refuse_while_capturing(self) -> None:
        """cudaErrorStreamCaptureUnsupported (900): "operation not permitted when stream is
        capturing" (CUDA Runtime API, Error Handling)."""
        if self.capture is not None:
            self.is_capture_broken = True
            raise torch.AcceleratorError(
                "CUDA error: operation not permitted when stream is capturing" + ASYNCHRONOUS
            )

    def begin_call(self, module: object, inputs: Any) -> None:
        """Of a network on a card, the outermost alone: a hook of torch.nn.modules.module."""
        self._depth += 1
        tensors = [value for value in inputs if isinstance(value, Tensor)]
        if self._depth == 1 and any(self.place_of(tensor) is not None for tensor in tensors):
            self.n_calls += 1
            full_from = self.scenario.oom_in_call
            if full_from is not None and self.n_calls >= full_from:
                for memory in self.memories:
                    memory.is_full = True

    def end_call(self, *_: object) -> None:
        """Also of one that raises."""
        self._depth -= 1
