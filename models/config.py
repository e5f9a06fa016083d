"""What describes one network of the SuDoRM-RF family, and the length arithmetic that follows."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

RESAMPLING_KERNEL = 5  # <K_U>, section 3.4
RESAMPLING_STRIDE = 2  # <S_U>, section 3.4

Variant = Literal["code", "text", "improved"]
Norm = Literal["gln", "ln", "frame"]
MaskActivation = Literal["softmax", "relu"]
Decoders = Literal["one_per_source", "one"]


@dataclass(frozen=True)
class SuDoRMRFConfig:
    """Sizes and parts of one network; the default sizes are those of section 3.4.

    ``variant`` says after what the layers are laid out: the ``code`` behind Table 1, the paper's
    ``text``, or the authors' ``improved`` code. The paper's words for norms are kept apart from
    what its code does: ``gln`` takes moments over channels and time, ``ln`` over time for each
    channel on its own (as the text defines it), ``frame`` over the channels of each frame on its
    own. What Table 2 prints as LN is ``gln`` in the code behind Table 1.

    Raises:
        ValueError: an even or too small ``kernel_size`` (the hop would not divide the padded
            length), any size below 1, an unknown choice, or a causal network with a norm that
            looks at other frames.
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
        if self.is_causal and self.norm != "frame":
            raise ValueError(f"a causal network has the norm 'frame', not {self.norm!r}")

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
    def lookahead_samples(self) -> int:
        """How far after an output sample the mixture is looked at, in a causal network.

        A sample is the sum of all frames that cover it; the last of them ends twice the hop later.
        """
        return 2 * self.stride


CHOICES = {
    "variant": get_args(Variant),
    "norm": get_args(Norm),
    "mask_activation": get_args(MaskActivation),
    "decoders": get_args(Decoders),
}


def padded_length(n_samples: int, config: SuDoRMRFConfig) -> int:
    """The smallest fitting length >= ``n_samples``, which must be at least 1.

    Every level of the U divides it without a rest. The improved code takes multiples of twice
    the deepest hop, whatever the hop; the other two those of the paper's code.

    >>> published = SuDoRMRFConfig(n_blocks=4)
    >>> padded_length(8000, published), padded_length(1, published)
    (8000, 160)
    """
    if config.is_causal:
        multiple = config.deepest_hop
    elif config.variant == "improved":
        multiple = config.deepest_hop * RESAMPLING_STRIDE
    else:
        multiple = math.lcm(config.deepest_hop, RESAMPLING_STRIDE**config.upsampling_depth)
    return math.ceil(n_samples / multiple) * multiple


def zeros_around(n_samples: int, config: SuDoRMRFConfig) -> tuple[int, int]:
    """Zeros before and after a mixture, so that frames cover all of its padded length.

    Centred frames need half a kernel at both ends. Causal ones need a whole one before the
    mixture, and the padded length includes the frames that the last samples are summed from.
    """
    before = config.n_zeros_before
    if config.is_causal:
        return before, padded_length(n_samples + config.lookahead_samples, config) - n_samples
    return before, padded_length(n_samples, config) - n_samples + before
