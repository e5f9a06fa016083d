"""An allocator that gives no page back to the kernel, for processes that are timed.

By default the C library maps large blocks anew for each call and gives them back after it: the
kernel then fills thousands of pages with zeros in every forward, another number in each process.
Programs that serve networks preload an allocator that doesn't. The same is had from glibc by the
variables here. Memory then stays at its peak, so peaks are measured without them.
"""

KEEP_PAGES = {
    "MALLOC_MMAP_MAX_": "0",  # large blocks come from the heap
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),  # whose end is never given back
    "MALLOC_TOP_PAD_": str(64 << 20),  # and which grows in large steps
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # by huge pages, where the kernel has them
}
"""Environment variables that glibc reads when a process starts; other allocators ignore them."""
