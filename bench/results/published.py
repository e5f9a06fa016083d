"""The paper's Tables 1 and 2, as data (arXiv:2007.06833)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One row, in SI units.

    ``operations_*`` are what the paper prints as GFLOPs: multiply-adds by the rules of an old
    release of thop, which counts a transposed convolution ``stride`` times too often; the
    number for B hardly contains a backward pass.
    """

    si_sdri_speech_db: float
    si_sdri_nonspeech_db: float
    n_params: float
    operations_inference: float
    operations_update: float
    memory_bytes_inference: float
    memory_bytes_update: float
    latency_s_inference: float
    latency_s_update: float
    si_sdri_speech_is_maximum: bool = False  # of the authors' own run and the cited paper


def _row(*printed: float, starred: bool = False) -> Published:
    """A row as printed: dB, dB, millions, giga-operations I and B, GB I and B, s I and B."""
    units = (1, 1, 1e6, 1e9, 1e9, 1e9, 1e9, 1, 1)
    speech, nonspeech, *costs = (n * unit for n, unit in zip(printed, units, strict=True))
    params, gflops_i, gflops_b, memory_i, memory_b, time_i, time_b = costs
    return Published(
        speech, nonspeech, params, gflops_i, gflops_b, memory_i, memory_b, time_i, time_b, starred
    )


TABLE1 = {
    "conv-tasnet": _row(15.30, 7.74, 5.05, 5.23, 5.30, 0.65, 0.88, 0.90, 0.33, starred=True),
    "demucs": _row(12.12, 7.23, 415.09, 3.43, 10.34, 2.24, 8.77, 0.53, 0.36),
    "dprnn": _row(18.80, 7.20, 2.63, 48.89, 48.90, 2.23, 3.40, 3.98, 0.60, starred=True),
    "two-step-tdcn": _row(16.10, 8.22, 8.63, 7.09, 7.23, 0.99, 1.17, 1.05, 0.30, starred=True),
    "sudormrf-1.0x": _row(17.02, 8.35, 2.66, 2.52, 2.56, 0.61, 0.86, 0.67, 0.38),
    "sudormrf-0.5x": _row(15.37, 8.12, 1.42, 1.54, 1.56, 0.40, 0.45, 0.36, 0.21),
    "sudormrf-0.25x": _row(13.39, 7.93, 0.79, 1.06, 1.07, 0.30, 0.25, 0.29, 0.13),
}


@dataclass(frozen=True)
class Table2Row:
    """One row of Table 2, as printed."""

    kernel_size: int
    bn_chan: int
    n_blocks: int
    n_resamplings: int
    norm: str
    mask_activation: str
    n_decoders: int
    si_sdri_db: float  # on WSJ0-2mix, after 200 epochs


TABLE2 = {
    "sudormrf-1.0x": Table2Row(21, 128, 16, 4, "LN", "Softmax", 2, 16.0),
    "sudormrf-c128-b16-k17-q4": Table2Row(17, 128, 16, 4, "LN", "ReLU", 1, 15.9),
    "sudormrf-improved-c128-b16-k17-q4": Table2Row(17, 128, 16, 4, "GLN", "ReLU", 1, 16.8),
    "sudormrf-improved-c256-b20-k21-q4": Table2Row(21, 256, 20, 4, "GLN", "ReLU", 1, 17.7),
    "sudormrf-improved-c256-b32-k41-q4": Table2Row(41, 256, 32, 4, "GLN", "ReLU", 1, 17.1),
    "sudormrf-improved-c256-b20-k41-q4": Table2Row(41, 256, 20, 4, "GLN", "ReLU", 1, 16.8),
    "sudormrf-improved-c512-b18-k21-q7": Table2Row(21, 512, 18, 7, "GLN", "ReLU", 1, 18.0),
    "sudormrf-improved-c512-b20-k21-q2": Table2Row(21, 512, 20, 2, "GLN", "ReLU", 1, 17.4),
    "sudormrf-improved-c512-b34-k21-q4": Table2Row(21, 512, 34, 4, "GLN", "ReLU", 1, 18.9),
}

MACHINE = "Intel Xeon E5-2695 v3 (I), NVIDIA Tesla K80 (B)"
