"""The paper's Table 2: what each part of SuDoRM-RF is worth, as networks.

The row that prints LN, softmax and two decoders is ``sudormrf_1_0x`` itself. The other LN row is
built like it, after the code behind Table 1, whose LN takes the moments of all channels and
frames (``gln`` here); the GLN rows after the authors' improved code. What the table calls Q
resamplings are ``upsampling_depth`` - 1. Everything else is as in section 3.4.
"""

from models.config import SuDoRMRFConfig
from models.sudormrf import SuDoRMRF


def improved(
    bn_chan: int,
    n_blocks: int,
    kernel_size: int,
    n_resamplings: int,
    n_src: int = 2,
    n_filters: int = 512,
) -> SuDoRMRF:
    """The improved network: GLN, ReLU masks and one decoder."""
    return SuDoRMRF(
        SuDoRMRFConfig(
            n_blocks=n_blocks,
            n_src=n_src,
            kernel_size=kernel_size,
            n_filters=n_filters,
            bn_chan=bn_chan,
            upsampling_depth=n_resamplings + 1,
            variant="improved",
            mask_activation="relu",
            decoders="one",
        )
    )


def sudormrf_c128_b16_k17_q4() -> SuDoRMRF:
    """LN, ReLU, one decoder."""
    config = SuDoRMRFConfig(n_blocks=16, kernel_size=17, mask_activation="relu", decoders="one")
    return SuDoRMRF(config)


def sudormrf_improved_c128_b16_k17_q4() -> SuDoRMRF:
    """GLN, ReLU, one decoder."""
    return improved(bn_chan=128, n_blocks=16, kernel_size=17, n_resamplings=4)


def sudormrf_improved_c256_b20_k21_q4() -> SuDoRMRF:
    """GLN, ReLU, one decoder."""
    return improved(bn_chan=256, n_blocks=20, kernel_size=21, n_resamplings=4)


def sudormrf_improved_c256_b32_k41_q4() -> SuDoRMRF:
    """GLN, ReLU, one decoder."""
    return improved(bn_chan=256, n_blocks=32, kernel_size=41, n_resamplings=4)


def sudormrf_improved_c256_b20_k41_q4() -> SuDoRMRF:
    """GLN, ReLU, one decoder."""
    return improved(bn_chan=256, n_blocks=20, kernel_size=41, n_resamplings=4)


def sudormrf_improved_c512_b18_k21_q7() -> SuDoRMRF:
    """GLN, ReLU, one decoder."""
    return improved(bn_chan=512, n_blocks=18, kernel_size=21, n_resamplings=7)


def sudormrf_improved_c512_b20_k21_q2() -> SuDoRMRF:
    """GLN, ReLU, one decoder."""
    return improved(bn_chan=512, n_blocks=20, kernel_size=21, n_resamplings=2)


def sudormrf_improved_c512_b34_k21_q4() -> SuDoRMRF:
    """GLN, ReLU, one decoder."""
    return improved(bn_chan=512, n_blocks=34, kernel_size=21, n_resamplings=4)
