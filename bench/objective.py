"""The training objective: negative permutation-invariant SI-SDR (paper, equation 10)."""

from itertools import permutations

import torch
from torch import Tensor

EPS = 1e-8  # keeps silence finite; 160 dB under a signal of power one


def pairwise_si_sdr_db(estimates: Tensor, sources: Tensor) -> Tensor:
    """SI-SDR of every estimate against every source, in dB.

    Shape: ``[batch, n_src, time], [batch, n_src, time] -> [batch, n_src, n_src]``, estimates
    along the second axis and sources along the third.
    """
    dot = (estimates.unsqueeze(2) * sources.unsqueeze(1)).sum(-1)  # [batch, estimate, source]
    source_power = sources.square().sum(-1).unsqueeze(1)  # [batch, 1, source]
    estimate_power = estimates.square().sum(-1).unsqueeze(2)  # [batch, estimate, 1]
    # |alpha s|^2, and |alpha s - estimate|^2 = |estimate|^2 - |alpha s|^2 for the best alpha.
    target_power = dot.square() / (source_power + EPS)
    residual_power = (estimate_power - target_power).clamp_min(0.0)
    return 10 * torch.log10((target_power + EPS) / (residual_power + EPS))


def negative_pit_si_sdr(estimates: Tensor, sources: Tensor) -> Tensor:
    """The loss: minus the SI-SDR of the best assignment, averaged over sources and batch.

    Shape: ``[batch, n_src, time], [batch, n_src, time] -> []``, in dB. All assignments are
    tried, so ``n_src`` should be small (24 for four sources).
    """
    pairwise = pairwise_si_sdr_db(estimates, sources)  # [batch, n_src, n_src]
    n_src = sources.shape[1]
    rows = range(n_src)
    assignments = torch.stack(
        [
            torch.stack(
                [pairwise[:, row, column] for row, column in zip(rows, columns, strict=True)]
            ).mean(0)
            for columns in permutations(rows)
        ]
    )  # [n_permutations, batch]
    return -assignments.amax(0).mean()
