"""Tensors that say they are on a card, and stay on the CPU.

Two modes see every call: a function mode, which answers where a tensor is and sends it from one
place to another, and a dispatch mode below it, which books what operators take and launch, also
those of a backward pass. While a call runs below the function mode, as in the dispatch modes of
others, tensors say where they really are.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _device
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from tests.simulated_cuda.gpus import Gpus
from tests.simulated_cuda.memory import storage_key

# torch/_C/__init__.pyi, class TensorBase
PROPERTIES: Mapping[str, Callable[[int], object]] = {
    "device": lambda index: torch.device("cuda", index),
    "is_cuda": lambda index: True,
    "is_cpu": lambda index: False,
}
WHERE: Mapping[Any, Callable[[int], object]] = {
    Tensor.get_device: lambda index: index,
    **{getattr(Tensor, name).__get__: answer for name, answer in PROPERTIES.items()},
}
"""What a tensor on a card says of its place."""
MOVES = {Tensor.to, Tensor.cuda, Tensor.cpu}


class Placed(TorchFunctionMode):
    """Calls that name a card get the CPU instead, and their results count as being on the card."""

    def __init__(self, gpus: Gpus) -> None:
        super().__init__()
        self.gpus = gpus

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        if func in WHERE:
            place = self.gpus.place_of(args[0])
            return func(*args) if place is None else WHERE[func](place)
        if func is Tensor.numpy:
            self._require_host(args[0])
        if func in MOVES:
            return self._move(func, args, named)
        device = named.get("device")
        if device is None and func in _device._device_constructors():
            device = _device.CURRENT_DEVICE  # "with torch.device(...)", whose mode is called later
        index = self._index(device)
        if index is None:
            return func(*args, **named)
        named["device"] = "cpu"
        with self.gpus.placing(index):
            out = func(*args, **named)
            if storage_key(out) in map(storage_key, _tensors((args, named))):
                out = out.clone()  # torch.as_tensor of a tensor of the CPU would share its data
        if self.gpus.place_of(out) is None:
            self.gpus.memories[index].take(out)  # torch.tensor makes its own below the modes
        return out

    def _move(self, func: Callable[..., Any], args: Sequence[Any], named: dict[str, Any]) -> Any:
        """Tensor.to, which copies where the place changes, and its short forms."""
        tensor, *rest = args
        device, dtype, memory_format = self._target(func, rest, named)
        source = self.gpus.place_of(tensor)
        target = source if device is None else self._index(device)
        if device is not None and device.type not in ("cpu", "cuda"):
            return func(*args, **named)
        options: dict[str, Any] = {"copy": target != source or named.get("copy", False)}
        if memory_format is not None:
            options["memory_format"] = memory_format
        if tensor.is_meta:  # "Cannot copy out of meta tensor; no data!"
            options["copy"] = False
        if target != source and self.gpus.capture is not None:
            self.gpus.refuse_while_capturing()
        with self.gpus.placing(target):
            return Tensor.to(tensor, "cpu" if device else tensor.device, dtype, **options)

    def _target(
        self, func: Callable[..., Any], rest: Sequence[Any], named: dict[str, Any]
    ) -> tuple[torch.device | None, torch.dtype | None, torch.memory_format | None]:
        """Device, dtype and memory format that a move asks for; None is as it is."""
        if func is Tensor.cpu:
            return torch.device("cpu"), None, named.get("memory_format")
        if func is Tensor.cuda:
            device = rest[0] if rest else named.get("device")
            index = device if isinstance(device, int) else torch.device(device or "cuda").index
            return torch.device("cuda", index), None, named.get("memory_format")
        like = rest[0] if rest else named.get("other")
        if isinstance(like, Tensor):
            place = self.gpus.place_of(like)
            device = like.device if place is None else torch.device("cuda", place)
            return device, like.dtype, None
        asked = {name: value for name, value in named.items() if name != "copy"}
        device, dtype, _, memory_format = torch._C._nn._parse_to(*rest[:3], **asked)
        return device, dtype, memory_format

    def _index(self, device: Any) -> int | None:
        """The number of the card that a device names; None names none.

        Raises:
            RuntimeError: CUDA can't be initialised, or there is no such card.
        """
        if device is None:
            return None
        wanted = torch.device("cuda", device) if isinstance(device, int) else torch.device(device)
        if wanted.type != "cuda":
            return None
        torch.cuda._lazy_init()  # as torch::utils::device_lazy_init does for every factory
        index = self.gpus.current if wanted.index is None else wanted.index
        if index >= len(self.gpus.cards):
            # cudaErrorInvalidDevice (101), in the words of cudaGetErrorString
            raise torch.AcceleratorError("CUDA error: invalid device ordinal")
        return index

    def _require_host(self, tensor: Tensor) -> None:
        """The words are those of torch/csrc/utils/tensor_numpy.cpp."""
        place = self.gpus.place_of(tensor)
        if place is not None:
            raise TypeError(
                f"can't convert cuda:{place} device type tensor to numpy. Use Tensor.cpu() to copy "
                "the tensor to host memory first."
            )


class Booked(TorchDispatchMode):
    """Operators of tensors on a card are launches there, and what they make is on it."""

    def __init__(self, gpus: Gpus) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's is not annotated
        self.gpus = gpus

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Else torch imports its compiler for this mode, for a second in every process."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        with torch._C.DisableTorchFunction():  # where tensors really are
            inputs = _tensors((args, named))
            index = self.gpus.place_of_results(inputs)
            if index is None:
                return func(*args, **named)
            if torch.is_inference_mode_enabled():  # which lets composite operators through whole
                # As OpOverload.decompose does (torch/_ops.py), but never by Python's
                # decompositions: those make tensors where others really are.
                composite = torch._C.DispatchKey.CompositeImplicitAutograd
                if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), composite):
                    with self:
                        return func._op_dk(composite, *args, **named)

            def call() -> Any:
                return func(*args, **named)

            out = self.gpus.run(index, func, inputs, call)
            known = set(map(storage_key, inputs))
            for tensor in _tensors(out):
                if storage_key(tensor) not in known:
                    self.gpus.memories[index].take(tensor)
                    known.add(storage_key(tensor))
        if self.gpus.capture is not None:
            self.gpus.capture.append((call, out))
        return out


def _tensors(values: Any) -> list[Tensor]:
    return [value for value in tree_iter(values) if isinstance(value, Tensor)]
