"""SI-SDR improvement: what an estimate gains over the mixture (paper, section 3.3)."""

from typing import NamedTuple

from torch import Tensor

from bench.objective import find_assignment, pairwise_si_sdr_db


class Scores(NamedTuple):
    """Means over the sources of each mixture, in dB: ``[batch]`` each."""

    input_db: Tensor  # SI-SDR of the mixture taken as every estimate
    output_db: Tensor  # SI-SDR of the estimates in their best assignment
    improvement_db: Tensor


def score_estimates(estimates: Tensor, mixture: Tensor, sources: Tensor) -> Scores:
    """SI-SDR before and after, computed in float64.

    Shape: ``[batch, n_src, time], [batch, 1, time], [batch, n_src, time] -> [batch]``. Means are
    not removed. Silence, in sources or estimates, gives finite figures.
    """
    target = sources.double()
    before = pairwise_si_sdr_db(mixture.double(), target).squeeze(1).mean(1)
    pairwise = pairwise_si_sdr_db(estimates.double(), target)
    assigned = find_assignment(pairwise).unsqueeze(2)
    after = pairwise.gather(2, assigned).squeeze(2).mean(1)
    return Scores(before, after, after - before)
