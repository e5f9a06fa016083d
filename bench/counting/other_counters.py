"""Other people's counters, on a network of ours."""

import contextlib
import io
import logging
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.results.measurements import CounterResult

INSTALL = "pip install 'separation-bench[crosscheck]'"


class Counted(NamedTuple):
    """What is counted: one run of a network on a mixture ``[batch, 1, time]``."""

    model: nn.Module
    mixture: Tensor
    run: Callable[[], object]


def count_with_torch(forward: Counted) -> float:
    """``torch.utils.flop_counter``, halved: it counts two for each multiply-add."""
    with FlopCounterMode(display=False) as counter:
        forward.run()
    return float(counter.get_total_flops()) / 2


def count_with_fvcore(forward: Counted) -> float:
    """Fvcore's counter of a traced graph; it counts one for each multiply-add."""
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(forward.model, forward.mixture)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return float(analysis.total())


def count_with_ptflops(forward: Counted) -> float:
    """Ptflops with its hooks on modules and functions (its backend ``pytorch``)."""
    from ptflops import get_model_complexity_info

    with contextlib.redirect_stdout(io.StringIO()):
        macs, _ = get_model_complexity_info(
            forward.model,
            tuple(forward.mixture.shape[1:]),
            as_strings=False,
            print_per_layer_stat=False,
            backend="pytorch",
        )
    if macs is None:
        raise RuntimeError("it gave up on this network")
    return float(macs)


def attempt(count: Callable[[Counted], float], prepare: Callable[[], Counted]) -> CounterResult:
    """A count with the time it took, or the reason why there is none."""
    logging.disable(logging.WARNING)
    try:
        counted = prepare()
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # theirs, about operators they skip
            macs = count(counted)
    except ModuleNotFoundError as error:
        package = (error.name or "a package").partition(".")[0]
        return CounterResult(reason=f"{package} is not installed: {INSTALL}")
    except Exception as error:
        return CounterResult(reason=f"{type(error).__name__}: {error}".splitlines()[0])
    return CounterResult(macs=macs, elapsed_s=time.perf_counter() - start)
