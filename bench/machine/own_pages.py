"""Keep this program's own pages, as those of timed processes are: it then runs faster.

A call of Demucs takes less than half of the time so (``reports/pages.md``).
"""

import os
import platform
import sys

from bench.machine.pages import KEEP_PAGES


def keep_own_pages() -> None:
    """Start this program once more, in this process, with the settings that glibc reads at a start.

    Nothing happens where there is another C library, or where the user has set one of them.
    """
    if platform.libc_ver()[0] == "glibc" and not any(name in os.environ for name in KEEP_PAGES):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | KEEP_PAGES)
