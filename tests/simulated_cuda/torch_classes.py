"""Stand-ins for the classes of ``torch._C`` below torch.cuda's events, streams and graphs.

torch's own classes are put on these bases, so that their methods are real.
"""

import types
from time import perf_counter_ns
from typing import Any, Self

import torch

from tests.simulated_cuda.gpus import ASYNCHRONOUS, Gpus
from tests.simulated_cuda.torch_c import STREAM_TYPE


class EventBase:
    """c10/cuda/CUDAEvent.h, whose words its errors have."""

    def __new__(
        cls,
        enable_timing: bool = False,
        blocking: bool = False,
        interprocess: bool = False,
        external: bool = False,
    ) -> Self:
        event = super().__new__(cls)
        event._is_timed, event._recorded_ns = enable_timing, None
        return event

    _is_timed: bool
    _recorded_ns: int | None

    @property
    def cuda_event(self) -> int:
        """Its address; 0 until it is recorded."""
        return 0 if self._recorded_ns is None else id(self)

    def record(self, stream: object) -> None:
        self._recorded_ns = perf_counter_ns()

    def wait(self, stream: object) -> None:
        """Work is done in the order of its calls."""

    def query(self) -> bool:
        return True

    def synchronize(self) -> None:
        """All that was recorded is done."""

    def elapsed_time(self, other: "EventBase") -> float:
        """In milliseconds."""
        if not (self._is_timed and other._is_timed):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        if self._recorded_ns is None or other._recorded_ns is None:
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        return (other._recorded_ns - self._recorded_ns) / 1e6


class StreamBase:
    """torch/csrc/cuda/Stream.cpp."""

    stream_id: int
    device_index: int
    device_type: int

    def __new__(
        cls,
        priority: int = 0,
        stream_id: int = 0,
        device_index: int = 0,
        stream_ptr: int = 0,
        device_type: int = 0,
    ) -> Self:
        stream = super().__new__(cls)
        if not device_type:  # a new one, on the current device
            StreamBase._n_made += 1
            stream_id, device_index = StreamBase._n_made, torch.cuda.current_device()
        stream.stream_id, stream.device_index = stream_id, device_index
        stream.device_type = STREAM_TYPE
        return stream

    _n_made = 0

    @property
    def device(self) -> torch.device:
        return torch.device("cuda", self.device_index)

    @property
    def cuda_stream(self) -> int:
        return self.stream_id

    def query(self) -> bool:
        return True

    def synchronize(self) -> None:
        """All work is done."""

    def __eq__(self, other: object) -> bool:
        mine = self.stream_id, self.device_index
        return isinstance(other, StreamBase) and mine == (other.stream_id, other.device_index)

    def __hash__(self) -> int:
        return hash((self.stream_id, self.device_index))


def graph_base(gpus: Gpus) -> type:
    """torch/csrc/cuda/Graph.cpp. A replay runs the operators again, into the same tensors."""

    class GraphBase:
        def __new__(cls, keep_graph: bool = False) -> Self:
            graph = super().__new__(cls)
            graph._calls = None
            return graph

        _calls: list[Any] | None

        def capture_begin(self, pool: object = None, capture_error_mode: str = "global") -> None:
            gpus.capture = []

        def capture_end(self) -> None:
            """cudaErrorStreamCaptureInvalidated (901), in the words of cudaGetErrorString."""
            self._calls, gpus.capture = gpus.capture, None
            if gpus.is_capture_broken:
                gpus.is_capture_broken = False
                raise torch.AcceleratorError(
                    "CUDA error: operation failed due to a previous error during capture"
                    + ASYNCHRONOUS
                )

        def instantiate(self) -> None:
            """Done when the capture ends."""

        def replay(self) -> None:
            assert self._calls is not None
            with torch.inference_mode():  # also where the captured tensors are of inference
                for call, out in self._calls:
                    again = call()
                    for mine, new in zip(_leaves(out), _leaves(again), strict=True):
                        if mine.data_ptr() != new.data_ptr():
                            mine.copy_(new)

        def reset(self) -> None:
            self._calls = None

        def pool(self) -> tuple[int, int]:
            return 0, 1

    return GraphBase


def _leaves(values: Any) -> list[torch.Tensor]:
    leaves = torch.utils._pytree.tree_leaves(values)
    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]


def on_another_base(cls: type, base: type) -> type:
    """A class with the same methods, whose ``super()`` leads to the stand-in."""
    cell = types.CellType()
    body = {name: _rebound(value, cell) for name, value in vars(cls).items()}
    for name in ("__dict__", "__weakref__", "__classcell__"):
        body.pop(name, None)
    made = type(cls.__name__, (base,), body)
    cell.cell_contents = made
    return made


def _rebound(value: Any, cell: types.CellType) -> Any:
    """A function, or what wraps one, with ``__class__`` in ``cell``."""
    if isinstance(value, staticmethod | classmethod):
        return type(value)(_rebound(value.__func__, cell))
    if isinstance(value, property):
        return property(*(f and _rebound(f, cell) for f in (value.fget, value.fset, value.fdel)))
    if not isinstance(value, types.FunctionType) or "__class__" not in value.__code__.co_freevars:
        return value
    cells = [
        cell if name == "__class__" else old
        for name, old in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
    ]
    made = types.FunctionType(
        value.__code__, value.__globals__, value.__name__, value.__defaults__, tuple(cells)
    )
    made.__kwdefaults__ = value.__kwdefaults__
    return made
