"""A long signal in overlapping chunks, and the estimates of the chunks as one signal again.

A network may name its sources in another order in each chunk, and with another sign. Where two
chunks overlap, both have estimated the same sources; the order and the signs that fit best there
are kept from chunk to chunk.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Signal = NDArray[np.float32]
OPPOSITE = -0.5  # correlation of two estimates of one source from which on a sign has changed


def cut_chunks(blocks: Iterable[Signal], n_chunk: int, n_overlap: int) -> Iterator[Signal]:
    """Chunks ``[n_chunk]`` of blocks ``[time]`` of any lengths; the last one may be shorter.

    Each begins with the last ``n_overlap`` samples of the one before, and has more than those.
    """
    held = np.zeros(0, np.float32)
    n_known = 0  # samples of ``held`` that were in the chunk before
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= n_chunk:
            yield held[:n_chunk]
            held = held[n_chunk - n_overlap :]
            n_known = n_overlap
    if len(held) > n_known:
        yield held


def stitch_chunks(chunks: Iterable[Signal], n_overlap: int) -> Iterator[Signal]:
    """Blocks ``[n_src, time]`` of the whole, from the chunks' estimates ``[n_src, time]``."""
    tail = None
    for estimates in chunks:
        if tail is None:
            joined = estimates
        else:
            order, signs = best_match(tail, estimates[:, :n_overlap])
            matched = estimates[order] * signs[:, None]
            faded = cross_fade(tail, matched[:, :n_overlap])
            joined = np.concatenate([faded, matched[:, n_overlap:]], axis=1)
        yield joined[:, :-n_overlap]
        tail = joined[:, -n_overlap:]
    if tail is not None:
        yield tail


def best_match(before: Signal, after: Signal) -> tuple[NDArray[np.intp], Signal]:
    """The order ``[n_src]`` of the rows of ``after`` that fits ``before``, and their signs.

    Of all orders and signs the order has the largest sum of inner products, and so the smallest
    squared distance. A sign is -1 only where the correlation clearly says so: two estimates of a
    source that is silent in the overlap have none, and their signs stay.
    """
    one, other = before.astype(np.float64), after.astype(np.float64)
    products = one @ other.T  # [n_src, n_src]
    rows, order = linear_sum_assignment(np.abs(products), maximize=True)
    levels = np.linalg.norm(one, axis=1) * np.linalg.norm(other[order], axis=1)
    signs = np.where(products[rows, order] < OPPOSITE * levels, -1, 1).astype(np.float32)
    return order, signs


def cross_fade(before: Signal, after: Signal) -> Signal:
    """From one signal to the other; both weights sum to one, as both estimate the same."""
    n_samples = before.shape[1]
    weights = (np.arange(n_samples, dtype=np.float32) + 0.5) / n_samples
    faded: Signal = before + weights * (after - before)
    return faded
