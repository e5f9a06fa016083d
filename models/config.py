"""What describes one network of the SuDoRM-RF family, and the length arithmetic that follows."""

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

RESAMPLING_KERNEL = 5  # <K_U>, section 3.4
RESAMPLING_STRIDE = 2  # <S_U>, section 3.4
CAUSAL_V3_KERNEL = 21  # of the depth-wise convolutions, of which 11 taps are not in the future

Variant = Literal["code", "text", "improved", "causal_v3"]
Norm = Literal["gln", "ln", "frame", "none"]
MaskActivation = Literal["softmax", "relu", "prelu"]
Decoders = Literal["one_per_source", "one"]
Consistency = Literal["none", "mixture"]


@dataclass(frozen=True)
class SuDoRMRFConfig:
    """Sizes and parts of one network; the default sizes are those of section 3.4.

    ``variant`` says after what the layers are laid out: the ``code`` behind Table 1, the paper's
    ``text``, the authors' ``improved`` code, or their third causal one, ``causal_v3``. The paper's
    words for norms are kept apart from what its code does: ``gln`` takes moments over channels and
    time, ``ln`` over time for each channel on its own (as the text defines it), ``frame`` over the
    channels of each frame on its own. What Table 2 prints as LN is ``gln`` in the code behind
    Table 1.

    Raises:
        ValueError: an even or too small ``kernel_size`` (the hop would not divide the padded
            length), any size below 1, an unknown choice, a causal network with a norm that looks
            at other frames, or groups in a network that is not built with them.
    """

    n_blocks: int  # <B> U-ConvBlocks in the separator
    n_src: int = 2  # <N> sources
    kernel_size: int = 21  # <K_E> samples of one encoder filter, odd; the hop is its half
    n_filters: int = 512  # <C_E> encoder filters
    bn_chan: int = 128  # <C> channels between blocks
    hid_chan: int = 512  # <C_U> channels inside a block
    upsampling_depth: int = 5  # <Q> + 1 time resolutions, the full one included
    variant: Variant = "code"
    norm: Norm = "gln"
    mask_activation: MaskActivation = "softmax"
    decoders: Decoders = "one_per_source"
    is_causal: bool = False  # no frame sees a later one
    n_groups: int | None = None  # of channels between group communications; None: without it
    consistency: Consistency = "none"  # what the weights were trained to have done to estimates

    def __post_init__(self) -> None:
        if self.kernel_size < 3 or self.kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd and at least 3, not {self.kernel_size}")
        for name in ("n_blocks", "n_src", "n_filters", "bn_chan", "hid_chan", "upsampling_depth"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                known = ", ".join(map(repr, choices))
                raise ValueError(f"{name} must be one of {known}, not {getattr(self, name)!r}")
        if self.is_causal and self.norm not in ("frame", "none"):
            raise ValueError(f"a causal network has the norm 'frame', not {self.norm!r}")
        if self.variant == "causal_v3" and not (self.is_causal and self.norm == "none"):
            raise ValueError("the variant 'causal_v3' is causal, with the norm 'none'")
        if self.n_groups is not None:
            self._check_groups(self.n_groups)

    def _check_groups(self, n_groups: int) -> None:
        if (self.variant, self.norm, self.is_causal) != ("improved", "gln", False):
            raise ValueError("n_groups is for the variant 'improved' with the norm 'gln'")
        if n_groups < 1 or self.bn_chan % n_groups or self.hid_chan % n_groups:
            raise ValueError(
                f"n_groups must divide bn_chan and hid_chan, {self.bn_chan} and {self.hid_chan}: "
                f"it is {n_groups}"
            )

    @property
    def of_one_group(self) -> "SuDoRMRFConfig":
        """A block's sizes within one of the groups."""
        n_groups = self.n_groups or 1
        bn_chan, hid_chan = self.bn_chan // n_groups, self.hid_chan // n_groups
        return replace(self, bn_chan=bn_chan, hid_chan=hid_chan, n_groups=None)

    @property
    def is_later_code(self) -> bool:
        """Whether the layers that the authors' later codes have in common are theirs.

        No biases in encoder and decoder, no ReLU in the encoder, PReLUs with one slope for all
        channels, one of them before the masks, nothing after a block's residual sum.
        """
        return self.variant in ("improved", "causal_v3")

    @property
    def stride(self) -> int:
        """Samples between two frames."""
        return self.kernel_size // 2

    @property
    def deepest_hop(self) -> int:
        """Samples between two frames of the coarsest resolution."""
        n_frames: int = RESAMPLING_STRIDE ** (self.upsampling_depth - 1)
        return self.stride * n_frames

    @property
    def n_zeros_before(self) -> int:
        """Zeros before the mixture: for frames centred on their hops, or ending on them."""
        return 2 * self.stride if self.is_causal else self.stride

    @property
    def n_cut(self) -> int:
        """Samples that the first frame decodes to before the mixture begins.

        A causal frame ends where it is decoded to. In ``causal_v3`` it is centred there.
        """
        return self.stride if self.variant == "causal_v3" else self.n_zeros_before

    @property
    def n_past_frames(self) -> int:
        """Earlier frames that the window of a causal depth-wise convolution sees."""
        if self.variant == "causal_v3":
            return CAUSAL_V3_KERNEL // 2
        return RESAMPLING_KERNEL - 1

    @property
    def lookahead_samples(self) -> int:
        """How far after an output sample the mixture is looked at, in a causal network.

        A sample is the sum of all frames that cover it. The last of them ends twice the hop later,
        or in ``causal_v3`` one hop later.
        """
        return self.n_cut


CHOICES = {
    "variant": get_args(Variant),
    "norm": get_args(Norm),
    "mask_activation": get_args(MaskActivation),
    "decoders": get_args(Decoders),
    "consistency": get_args(Consistency),
}


def padded_length(n_samples: int, config: SuDoRMRFConfig) -> int:
    """The smallest fitting length >= ``n_samples``, which must be at least 1.

    Every level of the U divides it without a rest. The authors' later codes take multiples of
    twice the deepest hop, whatever the hop; the other two those of the paper's code.

    >>> published = SuDoRMRFConfig(n_blocks=4)
    >>> padded_length(8000, published), padded_length(1, published)
    (8000, 160)
    """
    if config.is_causal and config.variant != "causal_v3":
        multiple = config.deepest_hop
    elif config.is_later_code:
        multiple = config.deepest_hop * RESAMPLING_STRIDE
    else:
        multiple = math.lcm(config.deepest_hop, RESAMPLING_STRIDE**config.upsampling_depth)
    return math.ceil(n_samples / multiple) * multiple


def zeros_around(n_samples: int, config: SuDoRMRFConfig) -> tuple[int, int]:
    """Zeros before and after a mixture, so that frames cover all of its padded length.

    Centred frames need half a kernel at both ends. Causal ones need a whole one before the
    mixture, and the padded length includes the frames that the last samples are summed from; in
    ``causal_v3``, after the authors' code, as far as it reaches anyway.
    """
    before = config.n_zeros_before
    if config.variant == "causal_v3":
        return before, padded_length(n_samples, config) - n_samples
    if config.is_causal:
        return before, padded_length(n_samples + config.lookahead_samples, config) - n_samples
    return before, padded_length(n_samples, config) - n_samples + before
