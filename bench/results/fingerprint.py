"""What a measurement depends on, as a hash: equal hashes may stand for each other."""

import hashlib
import json
from dataclasses import asdict

from bench.results.environment import Environment
from bench.results.record import Job


def fingerprint(job: Job, environment: Environment | None) -> str:
    """The hash of model, workload, probe, round, code and environment.

    How long a measurement may take is no part of it, nor how many sources were expected.
    """
    depends_on = asdict(job) | {"environment": environment and environment.identity}
    del depends_on["budget_s"], depends_on["deadline_s"], depends_on["n_src"]
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()
