"""How each value was obtained, in a sentence: what stands behind the head of a column."""

from collections.abc import Mapping

METHODS: Mapping[str, str] = {
    "n_params": "All elements of the parameters, shared ones once.",
    "weight_bytes": "Parameters and buffers.",
    "macs": "Multiply-adds of convolutions, transposed convolutions, linear and recurrent layers, "
    "counted exactly while one whole step runs on shapes alone.",
    "flops": "Two for each multiply-add, plus element-wise work, norms and activations; of a "
    "training step also the loss and the optimiser.",
    "peak_rss_bytes": "The kernel's high-water mark of the resident set during one warmed step in "
    "a fresh process, Python and torch included.",
    "peak_allocated_bytes": "The most that torch's allocator held during one warmed step, weights "
    "included.",
    "growth_rss_bytes": "The peak of the process less what it held before the step.",
    "memory_profiler_bytes": "The resident set during the first step, sampled every 10 ms by "
    "memory-profiler: the paper's way.",
    "gradient_bytes": "What the allocator's peak holds of gradients.",
    "optimiser_bytes": "What the allocator's peak holds of Adam's state.",
    "activation_bytes": "What the allocator's peak holds beyond weights, gradients and Adam's "
    "state: activations, workspace and the input.",
    "minimum_bytes": "The least that any schedule of the same operators must hold.",
    "latency_s": "The middle over rounds of fresh processes that took turns with all other "
    "networks, call by call; undisturbed calls alone, with half the 95 % interval. In the place "
    "of a time that can't be trusted stands its range.",
    "n_launches": "Kernels that one warm call starts on the GPU.",
    "busy_share": "The share of a call in which at least one kernel, copy or fill runs.",
}
"""By the field of a metric."""

RATIO = (
    "The time over that of the base network in the same turns: it lasts where times drift with "
    "what else runs on a machine."
)
TIMES_THE_FLOOR = (
    "The time over what the network's matrix products and bytes take by themselves on the same "
    "machine in the same minutes."
)
PAPERS_QUALITY = "As printed in the paper's Table 1; * the maximum of two published values."
TABLE2_QUALITY = "As printed in the paper's Table 2: WSJ0-2mix, 200 epochs."
OWN_QUALITY = (
    "Of a network that was trained here, most of them for a short time and on another corpus than "
    "the paper's, with the 95 % interval for other voices or classes; not comparable with the "
    "paper's."
)
FACETS: Mapping[str, str] = {
    "Family": "Whose network it is.",
    "Machine": "The processor, and the GPU where the training step ran on one.",
    "Device": "Inference is measured on the CPU; the training step where this says.",
    "Runtime": "What runs the network: eager PyTorch, or another form of it.",
    "Precision": "The type of numbers; on a GPU, whether float32 products may be rounded.",
    "Length": "Of each mixture.",
    "Batch": "Mixtures at once.",
    "Threads": "Of the measuring process.",
    "Status": "ok; in doubt, where a value is marked or a range; or how a measurement failed.",
    "Run": "When it started, and the commit of the code.",
}
"""By what rows are told apart by."""
