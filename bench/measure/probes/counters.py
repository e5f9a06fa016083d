"""Other people's counters on the same network, and the rules behind the paper's figures."""

import contextlib
import io
import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench.counting.counter import OperationCounter, summarize_tallies
from bench.counting.published_rules import THOP, TRANSPOSED_ONCE, count_by_rules
from bench.measure.contract import as_defined
from bench.measure.counted_step import count_step
from bench.measure.step import Step, prepare_step
from bench.results.record import Workload

INSTALL = "pip install 'separation-bench[crosscheck]'"


def count_with_ours(step: Step) -> float:
    """This project's counter, on a network without data."""
    with OperationCounter() as counter:
        step.run()
    macs: int = summarize_tallies(counter.tallies)["macs"]
    return float(macs)


def count_with_torch(step: Step) -> float:
    """``torch.utils.flop_counter``, halved: it counts two for each multiply-add."""
    with FlopCounterMode(display=False) as counter:
        step.run()
    return float(counter.get_total_flops()) / 2


def count_with_fvcore(step: Step) -> float:
    """Fvcore's counter of a traced graph; it counts one for each multiply-add."""
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(step.model, step.example.mixture)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return float(analysis.total())


def count_with_ptflops(step: Step) -> float:
    """Ptflops with its hooks on modules and functions (its backend ``pytorch``)."""
    from ptflops import get_model_complexity_info

    with contextlib.redirect_stdout(io.StringIO()):
        macs, _ = get_model_complexity_info(
            step.model,
            tuple(step.example.mixture.shape[1:]),
            as_strings=False,
            print_per_layer_stat=False,
            backend="pytorch",
        )
    if macs is None:
        raise RuntimeError("it gave up on this network")
    return float(macs)


def attempt(count: Callable[[Step], float], step: Step) -> dict[str, Any]:
    """A count with the time it took, or the reason why there is none."""
    logging.disable(logging.WARNING)
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # theirs, about operators they skip
            macs = count(step)
    except ModuleNotFoundError as error:
        package = (error.name or "a package").partition(".")[0]
        return {"reason": f"{package} is not installed: {INSTALL}"}
    except Exception as error:
        return {"reason": f"{type(error).__name__}: {error}".splitlines()[0]}
    return {"macs": macs, "elapsed_s": time.perf_counter() - start}


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> dict[str, Any]:
    """Ours and theirs of one forward; of an update step, ours and torch's.

    Ours and the paper's rules run on the meta device, theirs on the CPU with data.

    Raises:
        CellError: the network breaks the contract.
    """
    ours = count_step(build, workload, "meta")
    update = count_step(build, replace(workload, phase="update"), "meta")
    with torch.device("meta"), OperationCounter():
        on_meta = prepare_step(as_defined(build()), workload, "meta")
    on_cpu = prepare_step(as_defined(build()), workload, "cpu")
    theirs = {
        "torch": attempt(count_with_torch, on_cpu),
        "fvcore": attempt(count_with_fvcore, on_cpu),
        "ptflops": attempt(count_with_ptflops, on_cpu),
    }
    update_step = prepare_step(as_defined(build()), replace(workload, phase="update"), "cpu")
    return {
        "ours": attempt(count_with_ours, on_meta) | {"flops": ours["flops"]},
        "ours_update": {"macs": update["macs"], "flops": update["flops"]},
        "torch_update": attempt(count_with_torch, update_step),
        "thop_rules": {"macs": count_by_rules(on_meta.run, THOP)},
        "transposed_once_rules": {"macs": count_by_rules(on_meta.run, TRANSPOSED_ONCE)},
        **theirs,
    }
