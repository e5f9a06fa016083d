"""The authors' third causal network, as networks: no norms, gains that start at zero, no masks.

It differs from the causal networks of ``models.streaming``, which are the improved network made
causal, in this: no norm anywhere, 11 frames in the windows of the depth-wise convolutions instead
of 5, PReLUs after these, a gain on what a block adds, and no masks: the separator's estimates are
decoded themselves. A frame is decoded around the sample that its window ends with, not before it,
so the look-ahead is one hop instead of two.
"""

from models.config import SuDoRMRFConfig
from models.streaming import StreamingSuDoRMRF


def causal_v3_config(bn_chan: int = 128, upsampling_depth: int = 4) -> SuDoRMRFConfig:
    """The authors' sizes; the defaults are theirs."""
    return SuDoRMRFConfig(
        n_blocks=16,
        bn_chan=bn_chan,
        upsampling_depth=upsampling_depth,
        variant="causal_v3",
        norm="none",
        mask_activation="prelu",
        decoders="one",
        is_causal=True,
    )


def sudormrf_causal_v3_c128() -> StreamingSuDoRMRF:
    """Their defaults, 128 channels and 4 resolutions: 3,090,146 parameters."""
    return StreamingSuDoRMRF(causal_v3_config())


def sudormrf_causal_v3_c512() -> StreamingSuDoRMRF:
    """512 channels and 5 resolutions: 10,158,194 parameters."""
    return StreamingSuDoRMRF(causal_v3_config(bn_chan=512, upsampling_depth=5))
