"""The training objective: negative permutation-invariant SI-SDR (paper, equation 10)."""

from itertools import permutations

import numpy as np
import torch
from torch import Tensor

MAX_TRIED = 3  # sources of which all orders are tried
EPS = 1e-8  # keeps silence finite; 80 dB under a signal of power one


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

    Shape: ``[batch, n_src, time], [batch, n_src, time] -> []``, in dB. Up to three sources all
    assignments are tried, which needs no data and so can be counted; above, the best is computed.
    """
    pairwise = pairwise_si_sdr_db(estimates, sources)  # [batch, n_src, n_src]
    n_src = sources.shape[1]
    if n_src > MAX_TRIED:
        assigned = find_assignment(pairwise.detach()).unsqueeze(2)  # [batch, estimate, 1]
        return -pairwise.gather(2, assigned).mean()
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


def find_assignment(pairwise: Tensor) -> Tensor:
    """The source of each estimate in the assignment with the greatest sum (Kuhn 1955).

    Shape: ``[batch, n_src, n_src] -> [batch, n_src]``, estimates along the second axis of what
    comes in and sources along its third.

    Raises:
        ValueError: there are not as many estimates as sources.
    """
    if pairwise.shape[1] != pairwise.shape[2]:
        raise ValueError(
            f"There are {pairwise.shape[1]} estimates for {pairwise.shape[2]} sources."
        )
    # Here, so that a process that measures memory does not hold scipy for two sources.
    from scipy.optimize import linear_sum_assignment

    found = [linear_sum_assignment(pairs, maximize=True)[1] for pairs in pairwise.cpu().numpy()]
    return torch.tensor(np.stack(found), device=pairwise.device)
