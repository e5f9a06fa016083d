"""A step under torch's profiler, its parts and modules marked as spans."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn
from torch._C._profiler import _RecordFunctionFast
from torch.profiler import ProfilerActivity, profile, supported_activities

from bench.measuring.profiling.spans import MODULE, PART, STEP
from bench.measuring.profiling.trace import parts_of
from bench.measuring.step import Run, Step, no_mark

Runner = Callable[[Run], object]
"""Runs a step once, with a clock beside it or without."""
WANTED = {ProfilerActivity.CPU, ProfilerActivity.CUDA}


def profile_step(step: Step, runner: Runner, with_memory: bool = False) -> profile:
    """Have a step run once, its parts and modules marked; the profiler, which has ended."""
    profiler = profile(
        activities=list(supported_activities() & WANTED),
        profile_memory=with_memory,
        acc_events=True,  # there is one cycle; torch 2.11 warns that earlier ones are lost
    )
    with marked_modules(step.model), profiler:
        runner(mark_parts(step.run, parts_of(step)))
    return profiler


def mark_parts(run: Run, parts: Sequence[str]) -> Run:
    """The same step, itself and its parts spans; it still tells when a part ends."""

    def run_marked(mark: Callable[[], None] = no_mark) -> Tensor:
        names = iter(parts)
        part = [_RecordFunctionFast(PART + next(names))]

        def end_part() -> None:
            part.pop().__exit__(None, None, None)
            mark()
            part.append(_RecordFunctionFast(PART + next(names)))
            part[-1].__enter__()

        with _RecordFunctionFast(STEP):
            part[-1].__enter__()
            result = run(end_part)
            part.pop().__exit__(None, None, None)
        return result

    return run_marked


@contextmanager
def marked_modules(model: nn.Module) -> Iterator[None]:
    """Each forward of each module is a span while this is entered."""
    open_spans: list[Any] = []

    def enter(path: str) -> Callable[..., None]:
        def hook(*_: object) -> None:
            open_spans.append(_RecordFunctionFast(MODULE + path))
            open_spans[-1].__enter__()

        return hook

    def leave(*_: object) -> None:
        open_spans.pop().__exit__(None, None, None)

    with ExitStack() as hooks:
        for path, module in model.named_modules():
            hooks.callback(module.register_forward_pre_hook(enter(path)).remove)
            hooks.callback(module.register_forward_hook(leave).remove)
        yield
