"""SuDoRM-RF with group communication, as networks (``models.group_communication``)."""

from models.config import SuDoRMRFConfig
from models.sudormrf import SuDoRMRF


def groupcomm_config(bn_chan: int, n_blocks: int) -> SuDoRMRFConfig:
    """The improved network in 16 groups, with the authors' other sizes."""
    return SuDoRMRFConfig(
        n_blocks=n_blocks,
        bn_chan=bn_chan,
        variant="improved",
        mask_activation="relu",
        decoders="one",
        n_groups=16,
    )


def sudormrf_groupcomm_c256_b8() -> SuDoRMRF:
    """256 channels, 8 blocks: 507,177 parameters."""
    return SuDoRMRF(groupcomm_config(bn_chan=256, n_blocks=8))


def sudormrf_groupcomm_c256_b16() -> SuDoRMRF:
    """256 channels, 16 blocks: 565,073 parameters."""
    return SuDoRMRF(groupcomm_config(bn_chan=256, n_blocks=16))


def sudormrf_groupcomm_c512_b8() -> SuDoRMRF:
    """512 channels, 8 blocks: 1,020,713 parameters."""
    return SuDoRMRF(groupcomm_config(bn_chan=512, n_blocks=8))


def sudormrf_groupcomm_c512_b16() -> SuDoRMRF:
    """512 channels, 16 blocks: 1,198,673 parameters."""
    return SuDoRMRF(groupcomm_config(bn_chan=512, n_blocks=16))
