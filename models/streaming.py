"""SuDoRM-RF on a stream: the causal networks, which separate a mixture while it arrives.

The paper's future work ("real-time low-cost source separation"). Differences from the improved
network: windows of the encoder and of the depth-wise convolutions end on their frame instead of
being centred on it, a coarse frame is copied to fine frames at and after its own time, and norms
see one frame each (``models.sudormrf.FrameNorm`` says why).

What is left of the future is the overlap of frames: a sample is a sum of frames, of which the last
ends ``lookahead_samples`` later. A stream advances by whole hops of the coarsest resolution
(``deepest_hop``); samples that don't fill one wait. ``docs/streaming.md`` has loops to start from.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch
import torch.nn.functional as F
from torch import Tensor

from models.config import SuDoRMRFConfig, zeros_around
from models.sudormrf import SuDoRMRF


@dataclass(frozen=True)
class StreamState:
    """All that a stream remembers; of constant size, but for the samples that wait.

    Never changed: ``stream`` returns another one. Without gradients, whatever grad mode is on.
    """

    waiting: Tensor  # [batch, 1, < deepest_hop]: samples that don't fill a hop yet
    past: Tensor  # [batch, 1, 2 * stride]: samples that the encoder's next windows begin with
    levels: tuple[Tensor, ...]  # [batch, hid_chan, 4 or 10] for each depth-wise convolution
    overlap: Tensor  # [batch, n_src, 2 * stride]: sums that later frames add to
    n_heard: int  # samples that the network has heard: all but those that wait

    @property
    def state_bytes(self) -> int:
        """Memory of all tensors."""
        return sum(
            tensor.nbytes for tensor in (self.waiting, self.past, *self.levels, self.overlap)
        )


class History:
    """Puts before each depth-wise convolution's frames the ones that came before, in one pass.

    As many as a level has are those that its next windows begin with.
    """

    def __init__(self, levels: Sequence[Tensor]) -> None:
        self._levels: Iterator[Tensor] = iter(levels)  # in the order in which they run
        self.next_levels: list[Tensor] = []

    def __call__(self, frames: Tensor) -> Tensor:
        """``[batch, hid_chan, frames] -> [batch, hid_chan, earlier frames + frames]``."""
        (past,) = self.take(1)
        extended = torch.cat([past, frames], dim=-1)
        n_kept = past.shape[-1]
        self.keep([extended[..., -n_kept:].clone()])  # not a view of all of it
        return extended

    def take(self, n_levels: int) -> list[Tensor]:
        """What came before the next levels' frames, for a block that puts it there itself."""
        return list(islice(self._levels, n_levels))

    def keep(self, levels: Sequence[Tensor]) -> None:
        """What comes before the same levels' frames in the next pass."""
        self.next_levels += levels


class StreamingSuDoRMRF(SuDoRMRF):
    """A causal network, for whole mixtures (as any other) and for streams.

    Streams are for use, not for training: gradients flow through ``forward`` only.

    >>> network = StreamingSuDoRMRF(causal_config(n_blocks=1))
    >>> state = network.start()
    >>> estimates, state = network.stream(torch.zeros(1, 1, 400), state)
    >>> rest = network.flush(state)
    >>> estimates.shape[-1], rest.shape[-1]
    (300, 100)

    Raises:
        ValueError: a configuration that is not causal.
    """

    def __init__(self, config: SuDoRMRFConfig) -> None:
        if not config.is_causal:
            raise ValueError("a stream needs a causal configuration (is_causal=True)")
        super().__init__(config)

    @property
    def hop_samples(self) -> int:
        """A stream advances by whole multiples of it; other samples wait."""
        return self.config.deepest_hop

    @property
    def lookahead_samples(self) -> int:
        """How far after an output sample the mixture is looked at."""
        return self.config.lookahead_samples

    def latency_samples(self, chunk_samples: int = 1) -> int:
        """The longest that a stream's sample waits for its estimate, computing time left out.

        From the sample's arrival to the end of the chunk that completes the hop in which its last
        frame lies. Chunks of whole hops wait least for their size.
        """
        misfit = chunk_samples - math.gcd(chunk_samples, self.hop_samples)
        return self.hop_samples + self.lookahead_samples + misfit

    def start(self, batch: int = 1) -> StreamState:
        """The state before the first sample, of ``batch`` >= 1 streams that advance together."""
        config, like = self.config, self.decoder.weight
        n_levels, n_past = config.n_blocks * config.upsampling_depth, config.n_past_frames
        return StreamState(
            waiting=like.new_zeros(batch, 1, 0),
            past=like.new_zeros(batch, 1, config.n_zeros_before),
            levels=tuple(like.new_zeros(batch, config.hid_chan, n_past) for _ in range(n_levels)),
            overlap=like.new_zeros(batch, config.n_src, 2 * config.stride),
            n_heard=0,
        )

    @torch.no_grad()
    def stream(self, chunk: Tensor, state: StreamState) -> tuple[Tensor, StreamState]:
        """The estimates that a chunk makes final, and the state after it.

        ``[batch, 1, any time] -> [batch, n_src, time]``, where time may be 0. All estimates one
        after another, with those of ``flush``, are what the whole mixture gives. Samples are
        expected as in training: at 8 kHz, with zero mean and about unit variance.

        Raises:
            ValueError: a chunk of another shape, batch or dtype, or with samples that are not
                finite. The stream can go on from ``state`` as if the chunk had not been given.
        """
        check_chunk(chunk, state)
        config = self.config
        waiting = torch.cat([state.waiting, chunk], dim=-1)
        n_ready = waiting.shape[-1] // config.deepest_hop * config.deepest_hop
        if n_ready == 0:
            return chunk.new_zeros(len(chunk), config.n_src, 0), replace(state, waiting=waiting)
        extended = torch.cat([state.past, waiting[..., :n_ready]], dim=-1)
        history = History(state.levels)
        masked = self.mask(extended, history)
        summed = self.decoder.overlap_add(masked, n_cut=0) + F.pad(state.overlap, (0, n_ready))
        n_early = max(0, config.lookahead_samples - state.n_heard)  # before the first sample
        estimates = self.decoder.add_bias(summed[..., :n_ready])[..., n_early:]
        return estimates, StreamState(
            waiting=waiting[..., n_ready:].clone(),
            past=extended[..., n_ready:].clone(),
            levels=tuple(history.next_levels),
            overlap=summed[..., n_ready:].clone(),
            n_heard=state.n_heard + n_ready,
        )

    def flush(self, state: StreamState) -> Tensor:
        """The estimates of the samples that were received and not answered: the stream's end.

        ``[batch, n_src, time]``, where time is less than the hop and the look-ahead together.
        """
        n_samples = state.n_heard + state.waiting.shape[-1]
        n_answered = max(0, state.n_heard - self.config.lookahead_samples)
        _, n_zeros = zeros_around(n_samples, self.config)
        silence = state.waiting.new_zeros(len(state.waiting), 1, n_zeros)
        estimates, last = self.stream(silence, state)
        rest = torch.cat([estimates, self.decoder.add_bias(last.overlap)], dim=-1)
        return rest[..., : n_samples - n_answered]


def check_chunk(chunk: Tensor, state: StreamState) -> None:
    """Refuse what does not fit a stream, before it gets into the state.

    Raises:
        ValueError: another shape, batch or dtype than the state's, or samples that are not finite.
    """
    batch, dtype = len(state.waiting), state.waiting.dtype
    if chunk.ndim != 3 or chunk.shape[:2] != (batch, 1):
        raise ValueError(
            f"expected a chunk [batch = {batch}, 1, time], not {list(chunk.shape)}; "
            "chunk.reshape(1, 1, -1) makes one of [time] or [1, time]"
        )
    if chunk.dtype != dtype:
        raise ValueError(f"expected a chunk of {dtype}, as the network's, not of {chunk.dtype}")
    if not chunk.is_meta and not chunk.isfinite().all():
        n_bad = int((~chunk.isfinite()).sum())
        raise ValueError(
            f"{n_bad} of the chunk's {chunk.numel()} samples are not finite; the chunk is not "
            "taken: leave it out, or give zeros in its place"
        )


def causal_config(n_blocks: int) -> SuDoRMRFConfig:
    """The improved network's sizes and parts, made causal."""
    return SuDoRMRFConfig(
        n_blocks=n_blocks,
        variant="improved",
        norm="frame",
        mask_activation="relu",
        decoders="one",
        is_causal=True,
    )


def sudormrf_causal_1_0x() -> StreamingSuDoRMRF:
    """The causal network with 16 blocks: 2,720,417 parameters."""
    return StreamingSuDoRMRF(causal_config(n_blocks=16))


def sudormrf_causal_0_5x() -> StreamingSuDoRMRF:
    """The causal network with 8 blocks: 1,486,481 parameters."""
    return StreamingSuDoRMRF(causal_config(n_blocks=8))


def sudormrf_causal_0_25x() -> StreamingSuDoRMRF:
    """The causal network with 4 blocks: 869,513 parameters."""
    return StreamingSuDoRMRF(causal_config(n_blocks=4))
