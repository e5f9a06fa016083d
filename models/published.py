"""The improved networks whose weights or costs the authors published with their code."""

from models.sudormrf import SuDoRMRF
from models.table2 import improved


def sudormrf_improved_c256_b16_n512() -> SuDoRMRF:
    """16 blocks, 512 filters: 5,016,353 parameters."""
    return improved(bn_chan=256, n_blocks=16, kernel_size=21, n_resamplings=4)


def sudormrf_improved_c256_b16_n2048() -> SuDoRMRF:
    """16 blocks, 2048 filters: 6,363,425 parameters."""
    return improved(bn_chan=256, n_blocks=16, kernel_size=21, n_resamplings=4, n_filters=2048)


def sudormrf_improved_c512_b36_n2048() -> SuDoRMRF:
    """36 blocks, 2048 filters: 23,239,241 parameters.

    The authors print 23.24 M, 36 blocks and 2048 filters; that count is of these other sizes.
    """
    return improved(bn_chan=512, n_blocks=36, kernel_size=21, n_resamplings=5, n_filters=2048)
