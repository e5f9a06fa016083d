"""What torch's profiler records of one warm step, as a file that Perfetto and Chrome open."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import nn

from bench.measuring.profiling.markers import profile_step
from bench.measuring.step import prepare_step
from bench.results.profile import StepTrace
from bench.results.workload import Workload


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> StepTrace:
    """The trace of a step, with its parts and modules as spans.

    Raises:
        CellError: the network breaks the contract.
    """
    step = prepare_step(build().to(workload.device), workload)
    step.run_checked()
    step.settle()
    profiler = profile_step(step, lambda run: run(), with_memory=True)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "step.json.gz"
        profiler.export_chrome_trace(str(path))
        return StepTrace(b64encode(path.read_bytes()).decode())
