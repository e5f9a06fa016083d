"""The forms in which a network is run: one small file for each.

A runtime is a module ``bench.runtimes.<name>`` with a function ``prepare(model) -> callable``, from
``[batch, 1, time]`` to ``[batch, n_src, time]``.
"""

from dataclasses import dataclass

from bench.results.workload import PHASES, Phase


@dataclass(frozen=True)
class RuntimeSpec:
    """One runtime, and the phases that it can run."""

    name: str
    title: str
    phases: tuple[Phase, ...]


RUNTIMES = {spec.name: spec for spec in (RuntimeSpec("eager", "eager PyTorch", PHASES),)}
