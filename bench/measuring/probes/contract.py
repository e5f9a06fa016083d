"""Does a network do what every network must: map a mixture to finite estimates of its length?

And does it leave the number of threads as it is?
"""

from collections.abc import Callable

from torch import nn

from bench.measuring.advice import explain_input
from bench.measuring.contract import require_threads
from bench.measuring.step import prepare_step
from bench.results.measurements import ContractCheck
from bench.results.workload import Workload


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> ContractCheck:
    """Run one forward on data and look at what comes out.

    Raises:
        CellError: the network breaks the contract.
    """
    step = prepare_step(build().to(workload.device), workload)
    try:
        estimates = step.run_checked()
    except Exception as error:
        raise explain_input(step.model, step.example.mixture, error) from error
    require_threads(workload)
    return ContractCheck(n_src=estimates.shape[1])
