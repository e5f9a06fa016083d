"""What a measurement depends on, as a hash: equal hashes may stand for each other."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bench.results.record import Job

STABLE = ("machine", "versions", "code", "torch", "variables")
"""The parts of an environment that stay the same while a machine and its software do."""


def fingerprint(job: Job, environment: Mapping[str, Any]) -> str:
    """The hash of model, workload, probe, round, code and environment.

    How long a measurement may take is no part of it, nor how many sources were expected.
    """
    depends_on = asdict(job) | {part: environment.get(part) for part in STABLE}
    del depends_on["budget_s"], depends_on["deadline_s"], depends_on["n_src"]
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()
