"""Other people's counters, on a network of ours, with the causes of what sets them apart."""

import contextlib
import io
import logging
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from torch import Tensor

from bench.counting.additions import Counted
from bench.counting.attribution import Attribution, find_causes, take_away_inner
from bench.counting.counter import ALL_MATMULS
from bench.counting.modules import ModulePath
from bench.results.measurements import CounterResult, ModuleRow

INSTALL = "pip install 'separation-bench[crosscheck]'"
FVCORE_MATMULS = ("addmm", "bmm", "conv", "einsum", "linear", "matmul", "mm")
"""What fvcore counts multiply-adds of, by its own names; it counts norms and more beside."""
TRACED_MATMULS = frozenset(
    ("aten::scaled_dot_product_attention", *(f"aten::{op.__name__}" for op in ALL_MATMULS))
)
"""Operators of a traced graph that multiply matrices."""
PTFLOPS_MATMULS = ("matmul", "mm", "bmm", "addmm", "baddbmm")
"""The functions among those that ptflops patches which multiply matrices."""
Prepared = TypeVar("Prepared")


def count_with_fvcore(forward: Counted, modules: Sequence[ModuleRow]) -> CounterResult:
    """Fvcore's counter of a traced graph; it counts one for each multiply-add."""
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(forward.model, forward.mixture)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    by_module = analysis.by_module_and_operator()
    found = Attribution(
        take_away_inner(
            {path: sum(counts[n] for n in FVCORE_MATMULS) for path, counts in by_module.items()}
        ),
        {name: float(n) for name, n in by_module[""].items() if name not in FVCORE_MATMULS},
        find_without_formula({path: analysis.unsupported_ops(path) for path in by_module}),
    )
    return CounterResult(float(analysis.total()), causes=find_causes(found, modules))


def find_without_formula(unsupported: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """The first matmul of each module that fvcore has no formula for, by the module's path."""
    first: dict[str, str] = {}
    for name in sorted(TRACED_MATMULS):
        calls = take_away_inner({path: found.get(name, 0) for path, found in unsupported.items()})
        for path, n_calls in calls.items():
            if n_calls > 0:
                first.setdefault(path, name)
    return first


def count_with_ptflops(forward: Counted, modules: Sequence[ModuleRow]) -> CounterResult:
    """Ptflops with its hooks on modules and functions (its backend ``pytorch``).

    It says what one mixture costs, from a batch of one.
    """
    from ptflops import get_model_complexity_info, pytorch_engine

    batch = forward.mixture.shape[0]
    of_modules, beside = defaultdict[str, float](float), defaultdict[str, float](float)
    path = ModulePath(forward.model)

    def note_modules(*_: object) -> None:
        for name, module in forward.model.named_modules():
            of_modules[name] += batch * getattr(module, "__flops__", 0)

    def note_function(name: str, macs: float) -> None:
        if name in PTFLOPS_MATMULS:
            of_modules[path.current()] += batch * float(macs)
        else:
            beside[name] += batch * float(macs)

    def give_mixture(_: object) -> Tensor:
        forward.model.register_forward_hook(note_modules)  # after the hooks that count
        return forward.mixture[:1]

    with contextlib.redirect_stdout(io.StringIO()), _noted(pytorch_engine, note_function):
        macs, _ = get_model_complexity_info(
            forward.model,
            tuple(forward.mixture.shape[1:]),
            as_strings=False,
            print_per_layer_stat=False,
            input_constructor=give_mixture,
            backend="pytorch",
        )
    if macs is None:
        raise RuntimeError("it gave up on this network")
    causes = find_causes(Attribution(of_modules, beside), modules)
    return CounterResult(batch * float(macs), causes=causes)


@contextlib.contextmanager
def _noted(engine: Any, note: Callable[[str, float], None]) -> Iterator[None]:
    """Tell ``note`` what ptflops counts of each call of a function that it patches."""
    wrap = engine.torch_function_wrapper

    def wrap_noted(operator: Any, count: Callable[..., float], collector: list[float]) -> Any:
        def count_noted(*args: Any, **kwargs: Any) -> float:
            macs = count(*args, **kwargs)
            note(operator.__name__, macs)
            return macs

        return wrap(operator, count_noted, collector)

    engine.torch_function_wrapper = wrap_noted
    try:
        yield
    finally:
        engine.torch_function_wrapper = wrap


def attempt(
    count: Callable[[Prepared], CounterResult], prepare: Callable[[], Prepared]
) -> CounterResult:
    """A count with the time it took, or the reason why there is none."""
    logging.disable(logging.WARNING)
    try:
        prepared = prepare()
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # theirs, about operators they skip
            result = count(prepared)
    except ModuleNotFoundError as error:
        package = (error.name or "a package").partition(".")[0]
        return CounterResult(reason=f"{package} is not installed: {INSTALL}")
    except Exception as error:
        return CounterResult(reason=f"{type(error).__name__}: {error}".splitlines()[0])
    return replace(result, elapsed_s=time.perf_counter() - start)
