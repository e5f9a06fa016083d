"""Settings of the C library's malloc for processes that are timed, and for peaks that repeat.

By default the C library maps large blocks anew for each call and gives them back after it: the
kernel then fills thousands of pages with zeros in every forward, another number in each process.
Programs that serve networks preload an allocator that doesn't. The same is had from glibc by the
variables here. Memory then stays at its peak, so peaks are measured without them.

What malloc keeps of freed blocks by default depends on the blocks that came before, so that two
processes of one network differ by a fifth at their peaks. Where a peak must be told before it is
measured, every block above a fixed size is mapped by itself and given back when it is freed.
"""

from bench.results.workload import Workload

KEEP_PAGES = {
    "MALLOC_MMAP_MAX_": "0",  # large blocks come from the heap
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),  # whose end is never given back
    "MALLOC_TOP_PAD_": str(64 << 20),  # and which grows in large steps
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # by huge pages, where the kernel has them
}
"""Environment variables that glibc reads when a process starts; other allocators ignore them."""

GIVE_PAGES_BACK = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 16),  # which glibc otherwise raises as blocks are freed
    "MALLOC_TRIM_THRESHOLD_": str(1 << 16),
}
"""The same for a process whose peak is what it holds, and not what it once held besides."""


def malloc_variables(workload: Workload) -> dict[str, str] | None:
    """The settings that a workload is measured with; None: malloc as it is."""
    if workload.keeps_pages:
        return KEEP_PAGES
    return GIVE_PAGES_BACK if workload.gives_pages_back else None
