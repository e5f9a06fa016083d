"""Levels and polarities of estimates, which SI-SDR leaves free, made to fit the mixture.

A network trained by SI-SDR may return each source multiplied by any number, also a negative one.
The mixture is known, so these numbers can be found: see ``MixtureFit``. Some networks are trained
with a step that makes the estimates add up to the mixture: see ``project_on_mixture``.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.errors import UsageError

Consistency = Literal["gain", "mixture", "none"]
CONSISTENCIES: tuple[Consistency, ...] = ("gain", "mixture", "none")
MIN_EIGENVALUE = 1e-4  # of the estimates' correlations; below it two of them are one signal
Signals = NDArray[np.float32]


def prescribed_consistency(network: object) -> Consistency | None:
    """What those who trained a network do with its estimates, where it says so.

    A network says it in an attribute ``prescribed_consistency``.

    Raises:
        UsageError: it says something else.
    """
    prescribed = getattr(network, "prescribed_consistency", None)
    if prescribed is None:
        return None
    for known in CONSISTENCIES:
        if prescribed == known:
            return known
    raise UsageError(
        f"The network's prescribed_consistency is {prescribed!r:.60}; it can be "
        f"{', '.join(CONSISTENCIES)}, or None."
    )


def make_consistent(estimates: Signals, mixture: Signals, consistency: Consistency) -> Signals:
    """Whole estimates ``[n_src, time]`` brought to the level of their mixture ``[time]``.

    ``gain`` multiplies each by one number (``MixtureFit``), ``mixture`` shares out what is missing
    from the mixture (``project_on_mixture``), ``none`` returns them as they are.
    """
    if consistency == "none":
        return estimates
    if consistency == "mixture":
        return project_on_mixture(estimates, mixture)
    fit = MixtureFit()
    fit.add(estimates, mixture)
    scaled: Signals = estimates * fit.gains()[:, None].astype(np.float32)
    return scaled


def project_on_mixture(estimates: Signals, mixture: Signals) -> Signals:
    """Estimates ``[..., n_src, time]`` whose sum is the mixture ``[..., time]``, to rounding.

    What their sum lacks is added to all of them in equal shares: S. Wisdom et al., "Differentiable
    Consistency Constraints for Improved Deep Speech Enhancement", ICASSP 2019, arXiv:1811.08521,
    with the uniform weights that the authors of SuDoRM-RF use. It is for networks that were trained
    with it. Others return any level, and get a share of the mixture into every estimate.
    """
    missing = (mixture - estimates.sum(-2))[..., None, :]
    projected: Signals = estimates + missing / np.float32(estimates.shape[-2])
    return projected


class MixtureFit:
    """Finds one gain for each estimate, so that their sum fits the mixture.

    Blocks of a recording are added one by one; only inner products are kept.
    """

    def __init__(self) -> None:
        self._gram: NDArray[np.float64] | None = None  # [n_src, n_src]
        self._products: NDArray[np.float64] | None = None  # [n_src], with the mixture

    def add(self, estimates: Signals, mixture: Signals) -> None:
        """A block ``[n_src, time]`` of estimates, and the mixture ``[time]`` at that place."""
        exact = estimates.astype(np.float64)
        gram, products = exact @ exact.T, exact @ mixture.astype(np.float64)
        self._gram = gram if self._gram is None else self._gram + gram
        self._products = products if self._products is None else self._products + products

    def gains(self) -> NDArray[np.float64]:
        """The gains ``[n_src]``, by least squares over all blocks.

        An estimate that is a source times any number gets the source's level and sign. Where least
        squares can't tell the estimates apart, or would turn one against the mixture (two poor
        estimates of one source, of which the difference fits best), each estimate becomes its
        projection on the mixture, all times one number that makes their sum fit. A silent estimate
        stays silent, and every estimate of a silent mixture becomes so.

        Raises:
            ValueError: nothing was added.
        """
        if self._gram is None or self._products is None:
            raise ValueError("no block was added")
        levels = np.sqrt(np.diag(self._gram))  # [n_src], of the estimates
        heard = levels > 0
        gains = np.zeros(len(levels))
        if heard.any():
            scale = levels[heard]
            correlations = self._gram[np.ix_(heard, heard)] / np.outer(scale, scale)
            gains[heard] = _unit_gains(correlations, self._products[heard] / scale) / scale
        return gains


def _unit_gains(
    correlations: NDArray[np.float64], products: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Gains of estimates of power one, by their correlations and products with the mixture."""
    if np.linalg.eigvalsh(correlations)[0] > MIN_EIGENVALUE:
        joint = np.linalg.solve(correlations, products).astype(np.float64)
        if (joint * products >= 0).all():
            return joint
    power = float(products @ correlations @ products)  # of the sum of all projections
    return products * (float(products @ products) / power if power > 0 else 0.0)
