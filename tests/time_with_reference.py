"""python -m tests.time_with_reference --reference-repo DIR: how fast beside the authors' own code.

DIR is your clone of github.com/etzinis/sudo_rm_rf, which is run. SuDoRM-RF 1.0x in every form takes
turns with it in one process: this project's in eager mode, native and fused, in OpenVINO (where it
is installed), and the floor: only the matrix products, at the shapes that occur. Processes with the
C library's default malloc and with pages kept take turns; each says one ratio, and the interval is
over processes.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn

from bench.machine.pages import KEEP_PAGES
from bench.measuring.memory.peaks import measure_peak_held
from bench.measuring.step import prepare_step
from bench.results.intervals import middle
from bench.results.workload import Workload
from bench.runtimes import RUNTIMES, openvino
from bench.runtimes.form import Asked
from models.sudormrf import sudormrf_1_0x

STRIDE = 10  # samples from one frame to the next
PRODUCTS = [
    (21, 512, 1),  # encoder
    (512, 128, 1),  # bottleneck
    *((128, 512, 16), (512, 128, 16)),  # blocks
    (128, 1024, 1),  # masks
    (512, 21, 2),  # decoders
]
"""Channels in and out, and how often: each over all frames."""
ALPHA = 0.025
Call = Callable[[], object]


def reference_network(folder: Path) -> nn.Module:
    """The authors' 1.0x."""
    sys.path.insert(0, str(folder.resolve()))
    module = importlib.import_module("sudo_rm_rf.dnn.models.sudormrf")
    network: nn.Module = module.SuDORMRF(
        out_channels=128,
        in_channels=512,
        num_blocks=16,
        upsampling_depth=5,
        enc_kernel_size=21,
        enc_num_basis=512,
        num_sources=2,
    )
    return network


def products(n_frames: int, with_gradients: bool) -> Call:
    """The matrix products alone; with gradients, those of the features and of the weights too."""
    prepared = []
    for n_in, n_out, n_times in PRODUCTS:
        x, w = torch.randn(n_frames, n_in), torch.randn(n_in, n_out)
        prepared += [(x, w, torch.randn(n_frames, n_out))] * n_times

    def run() -> None:
        for x, w, y in prepared:
            torch.mm(x, w, out=y)
            if with_gradients:
                torch.mm(y, w.t(), out=x)
                torch.mm(x.t(), y, out=w)
                y.zero_()  # keeps the numbers finite

    return run


def openvino_call(network: nn.Module, mixture: torch.Tensor, threads: int) -> Call | None:
    """The network in OpenVINO, float32, as ``bench.run`` has it; None where it is not installed."""
    if any(find_spec(name) is None for name in RUNTIMES["openvino"].packages):
        return None
    with tempfile.TemporaryDirectory() as folder:
        made = openvino.prepare(network, Asked(mixture, (), "float32", threads, Path(folder)))
    return lambda: made.forward(mixture)


def inference(network: nn.Module, mixture: torch.Tensor) -> Call:
    """A forward."""
    ready = network.eval()
    return torch.inference_mode()(lambda: ready(mixture))


def forms(arguments: argparse.Namespace) -> tuple[dict[str, Call], dict[str, int]]:
    """Everything that takes turns; of training steps the peaks too, in bytes."""
    torch.manual_seed(0)
    theirs, ours = reference_network(arguments.reference_repo), sudormrf_1_0x()
    networks = {"authors": theirs, "eager": ours, "native": sudormrf_1_0x().native()}
    batch, n_samples = arguments.batch, arguments.samples
    n_frames = batch * n_samples // STRIDE
    if arguments.step:
        update = Workload("update", "cpu", n_samples, batch, "float32", threads=1, seed=0)
        steps = {name: prepare_step(network, update) for name, network in networks.items()}
        for step in steps.values():
            step.match_beforehand()
            step.run()
        peaks = {name: measure_peak_held(step) for name, step in steps.items()}
        calls: dict[str, Call] = {name: step.run for name, step in steps.items()}
        return calls | {"products": products(n_frames, with_gradients=True)}, peaks
    networks["fused"] = sudormrf_1_0x().fuse()
    mixture = torch.randn(batch, 1, n_samples)
    calls = {name: inference(network, mixture) for name, network in networks.items()}
    if call := openvino_call(ours.eval(), mixture, arguments.threads):
        calls["openvino"] = call
    return calls | {"products": products(n_frames, with_gradients=False)}, {}


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Seconds of each form's median call in this process, and its peak if it is a step."""
    torch.set_num_threads(arguments.threads)
    calls, peaks = forms(arguments)
    for call in calls.values():
        call()
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    deadline = time.perf_counter() + arguments.seconds
    while time.perf_counter() < deadline:
        for name, call in calls.items():
            begin = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - begin)
    return {"times": {name: median(values) for name, values in times.items()}, "peaks": peaks}


def show(title: str, found: Sequence[dict[str, Any]]) -> None:
    """A line for each form: its time, and its ratios to the authors' and to the products."""
    print(f"{title}, {len(found)} processes")
    for name in found[0]["times"]:
        line = f"  {name:9} {median(one['times'][name] for one in found) * 1e3:8.2f} ms"
        for base in ("authors", "products"):
            logs = np.log([one["times"][name] / one["times"][base] for one in found])
            ratio, low, high = (float(np.exp(value)) for value in middle(logs, ALPHA))
            line += f"  {ratio:.3f} [{low:.3f}, {high:.3f}] of the {base}"
        if peak := found[0]["peaks"].get(name):
            line += f"  peak {peak:,} bytes, {peak / found[0]['peaks']['authors']:.2f}"
        print(line)


def main(argv: Sequence[str] | None = None) -> int:
    """Start processes in turns and print what they say; with --one, be one of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.time_with_reference")
    parser.add_argument("--reference-repo", type=Path, required=True, metavar="DIR")
    parser.add_argument("--threads", type=int, default=1, help="default: 1")
    parser.add_argument("--step", action="store_true", help="the training step, not inference")
    parser.add_argument("--samples", type=int, default=8000, help="of a mixture (default: 8000)")
    parser.add_argument("--batch", type=int, default=1, help="mixtures at once (default: 1)")
    parser.add_argument("--rounds", type=int, default=7, help="processes of each kind (default: 7)")
    parser.add_argument("--seconds", type=float, default=8, help="of each process (default: 8)")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.one:
        warnings.simplefilter("ignore")  # of the authors' code and of exporters
        print("\n" + json.dumps(measure(arguments)))
        return 0
    given = sys.argv[1:] if argv is None else list(argv)
    command = [sys.executable, "-m", "tests.time_with_reference", *given, "--one"]
    found: dict[str, list[dict[str, Any]]] = {"default malloc": [], "pages kept": []}
    for _ in range(arguments.rounds):
        for title, variables in (("default malloc", {}), ("pages kept", KEEP_PAGES)):
            done = subprocess.run(
                command, env=os.environ | variables, stdout=subprocess.PIPE, text=True, check=True
            )
            found[title].append(json.loads(done.stdout.splitlines()[-1]))
    for title, processes in found.items():
        show(title, processes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
