"""Every mixture of a test set, separated and scored."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from bench.errors import UsageError
from bench.evaluation.metric import in_order_of_sources, score_estimates
from bench.evaluation.mixtures import EvaluationSet, Given
from bench.evaluation.subjects import Separator
from bench.measuring.contract import check_estimates
from bench.results.record import CellError
from bench.results.scores import MixtureScore, SourceScore


def evaluate(
    separate: Separator, mixtures: EvaluationSet, batch: int, keep: Callable[[Given, Tensor], None]
) -> Iterator[MixtureScore]:
    """The scores of all mixtures; ``keep`` gets the estimates, each at the place of its source.

    Raises:
        UsageError: the estimates are not finite, or not as many and as long as the sources.
    """
    for given in mixtures.batches(batch):
        estimates = separate(given)
        check_fit(estimates, given)
        scores = score_estimates(estimates, given.mixture, given.sources)
        keep(given, in_order_of_sources(estimates, scores.estimate))
        rows = zip(
            given.indices,
            _snr_db(given.sources).tolist(),
            (scores.estimate + 1).tolist(),
            scores.input_db.tolist(),
            scores.output_db.tolist(),
            strict=True,
        )
        for index, snr_db, *columns in rows:
            sources = map(SourceScore, mixtures.labels[index], *columns)
            yield MixtureScore(index, snr_db, tuple(sources))


def _snr_db(sources: Tensor) -> Tensor:
    """Power of the first source over that of the others: ``[batch, n_src, time] -> [batch]``."""
    power = sources.double().square().sum(2).clamp_min(1e-12)  # [batch, n_src]
    return 10 * torch.log10(power[:, 0] / power[:, 1:].sum(1).clamp_min(1e-12))


def check_fit(estimates: Tensor, given: Given) -> None:
    """See that estimates can be scored.

    Raises:
        UsageError: another number of sources or samples, NaN or Inf.
    """
    try:
        check_estimates(estimates, given.mixture)
    except CellError as error:
        raise UsageError(f"Mixture {given.indices[0]} or one soon after it: {error}") from error
    if estimates.shape != given.sources.shape:
        raise UsageError(
            f"There are {estimates.shape[1]} estimates for {given.sources.shape[1]} sources. "
            f"Ask for mixtures of as many with --n-src {estimates.shape[1]}, or choose another "
            "network."
        )
