"""A network as a file of ONNX, which ONNX Runtime and OpenVINO read.

torch's exporter traces the network with a length that is left open. Where that fails, or the file
is wrong at another length, it is traced with the length that is asked for, and holds for that one.
"""

import contextlib
import io
import itertools
import logging
import re
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from bench.results.record import CellError, Status
from bench.runtimes.form import Asked
from bench.runtimes.made_once import Made, make_once
from bench.runtimes.onnx_session import INPUT, OUTPUT, TIME, open_session

LONGEST = 1 << 24
"""Samples that an open length may have."""
SHORTEST = 1000
OTHER_LENGTH = 1.37
"""Times the length asked for, at which a file with an open length is tried; no round number."""
SAME = 1e-2
"""Of the largest value: a file that is wrong at another length is so by more."""
SOURCE = re.compile(r'File "?(?P<path>[^",]+)"?, line (?P<line>\d+), in (?P<function>\S+)')
OPERATOR = re.compile(r"(?:aten|prims|torchvision|torchaudio)[.:]+\w+(?:\.\w+)?")


def shared_file(model: nn.Module, asked: Asked) -> Made:
    """The file for this network in the folder of the run; its note ``any_length``.

    Raises:
        CellError: the network can't be exported; names the operator, and where it stands.
    """

    def make(path: Path) -> Mapping[str, Any]:
        return {"any_length": export(model, asked.mixture, path)}

    return make_once(asked.folder / "network.onnx", make)


def export(model: nn.Module, mixture: Tensor, path: Path) -> bool:
    """Write the file; whether it holds for every length.

    Raises:
        CellError: the network can't be exported.
    """
    with contextlib.suppress(Exception):  # what stops it here may not matter with a fixed length
        _trace(model, mixture, path, is_open=True)
        if holds_for_other_lengths(model, mixture, path):
            return True
    try:
        _trace(model, mixture, path, is_open=False)
    except Exception as error:  # the exporter's have no class in common
        raise CellError(Status.UNSUPPORTED, explain(error)) from error
    return False


def add_metadata(path: Path, fields: Mapping[str, str]) -> None:
    """Write into the file what it is; the weights beside it stay."""
    import onnx

    network = onnx.load(path, load_external_data=False)
    onnx.helper.set_model_props(network, dict(fields))
    onnx.save(network, path)


def bytes_of(path: Path) -> int:
    """Of the file and of the weights beside it, where they did not fit into it."""
    return sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*") if _is_part(part))


def _is_part(path: Path) -> bool:
    return path.suffix in (".onnx", ".data")


def _trace(model: nn.Module, mixture: Tensor, path: Path, is_open: bool) -> None:
    length = torch.export.Dim(TIME, min=min(SHORTEST, mixture.shape[-1]), max=LONGEST)
    with _quiet(), _ListedRanges(), torch.no_grad():
        torch.onnx.export(
            model,
            (mixture,),
            path,
            dynamo=True,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({2: length},) if is_open else None,
            external_data=bytes_of_weights(model) > 1 << 30,  # a file of protobuf ends at 2 GB
        )


def bytes_of_weights(model: nn.Module) -> int:
    """Of all parameters and buffers."""
    return sum(t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers()))


@torch.inference_mode()
def holds_for_other_lengths(model: nn.Module, mixture: Tensor, path: Path) -> bool:
    """Whether the file computes what the network does at a length that it was not traced with."""
    n_samples = int(mixture.shape[-1] * OTHER_LENGTH)
    longer = torch.cat([mixture, mixture.flip(-1)], -1)[..., :n_samples].contiguous()
    reference = model(longer)
    try:
        found = open_session(path, threads=1).forward(longer)
    except Exception:  # the runtime's have no class in common
        return False
    return bool((found - reference).abs().max() <= SAME * reference.abs().max())


class _ListedRanges(TorchFunctionMode):
    """Lets ``torch.arange(1, 3).tolist()`` be the numbers that it is, which tracing hides.

    Code that lists the axes of a tensor so could not be exported otherwise.
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[int, tuple[Tensor, Any]] = {}  # by identity, each kept alive

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        known = self._known.get(id(args[0])) if args else None
        if known and func is torch.Tensor.item:
            return known[1]
        result = func(*args, **(kwargs or {}))
        if func is torch.arange and not kwargs and all(isinstance(arg, int) for arg in args):
            self._known[id(result)] = result, list(range(*args))
        if known and func in (torch.Tensor.unbind, torch.unbind):
            for element, value in zip(result, known[1], strict=True):
                self._known[id(element)] = element, value
        return result


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Nothing of the exporter's progress, its warnings and its listings."""
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def explain(error: BaseException) -> str:
    """Which operator stopped the export, and the line of code that called it, where it is said."""
    causes = list(_causes(error))
    text = "\n".join(map(str, causes))
    operator, place = OPERATOR.search(text), _place(causes, text)
    what = operator[0] if operator else f"`{place.line}`" if place and place.line else "an operator"
    where = ""
    if place:
        path = "/".join(Path(place.filename).parts[-2:])
        where = f", in {path}, line {place.lineno} ({place.name})"
    return f"torch's exporter to ONNX stopped at {what}{where}: {_reason(text)}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _place(causes: Sequence[BaseException], text: str) -> traceback.FrameSummary | None:
    """The innermost line of the network's: where it was traced, or as the message quotes it."""
    quoted = [
        traceback.FrameSummary(found["path"], int(found["line"]), found["function"])
        for found in SOURCE.finditer(text)
    ]
    traced = [_frames_below_torch(cause) for cause in reversed(causes)]
    own = [list(filter(_is_the_networks, frames)) for frames in (*traced, quoted)]
    return next((frames[-1] for frames in own if frames), None)


def _frames_below_torch(error: BaseException) -> list[traceback.FrameSummary]:
    """What torch has called: before its first frame are those that have called it."""
    frames = traceback.extract_tb(error.__traceback__)
    return list(itertools.dropwhile(_is_the_networks, frames))


def _is_the_networks(frame: traceback.FrameSummary) -> bool:
    return "/torch/" not in frame.filename and frame.filename != __file__


def _reason(text: str) -> str:
    """The line that names the exception, or the first one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if line.startswith("<class")]
    return (named or lines or ["it does not say why."])[0][:300]
