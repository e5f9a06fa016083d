"""SI-SDR improvement: what an estimate gains over the mixture (paper, section 3.3)."""

from typing import NamedTuple

import torch
from torch import Tensor

from bench.objective import find_assignment, pairwise_si_sdr_db


class Scores(NamedTuple):
    """SI-SDR of each source of each mixture, in dB: ``[batch, n_src]`` each."""

    input_db: Tensor  # of the mixture, taken as every estimate
    output_db: Tensor  # of the estimates in their best assignment
    estimate: Tensor  # which of the estimates stands for the source, from 0

    @property
    def improvement_db(self) -> Tensor:
        """What the estimates gain, as the mean over the sources: ``[batch]``."""
        return (self.output_db - self.input_db).mean(1)


def score_estimates(estimates: Tensor, mixture: Tensor, sources: Tensor) -> Scores:
    """SI-SDR before and after, computed in float64.

    Shape: ``[batch, n_src, time], [batch, 1, time], [batch, n_src, time] -> [batch, n_src]``.
    Means are not removed. Silence, in sources or estimates, gives finite values.
    """
    target = sources.double()
    before = pairwise_si_sdr_db(mixture.double(), target).squeeze(1)
    pairwise = pairwise_si_sdr_db(estimates.double(), target)  # [batch, estimate, source]
    estimate = find_assignment(pairwise).argsort(1)  # the inverse of a permutation
    after = pairwise.gather(1, estimate.unsqueeze(1)).squeeze(1)
    return Scores(before, after, estimate)


def in_order_of_sources(estimates: Tensor, estimate: Tensor) -> Tensor:
    """Each source's estimate at the source's place.

    Shape: ``[batch, n_src, time], [batch, n_src] -> [batch, n_src, time]``.
    """
    return torch.take_along_dim(estimates, estimate.unsqueeze(2), dim=1)
