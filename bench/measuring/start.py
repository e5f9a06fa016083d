"""Start the measuring process: ``python -P start.py ROOT FD [MODULE ...]``, run by its path.

It takes ``bench`` from ROOT, whatever the current folder or PYTHONPATH holds, and from where this
file lies if ROOT is empty or holds no worker. ROOT also comes first where modules are looked for,
which is how a revision from before this file finds its networks.
"""

import runpy
import sys
from pathlib import Path

HOME = Path(__file__).parents[2]
origin = runpy.run_path(str(HOME / "bench" / "origin.py"))

if root := sys.argv.pop(1):
    sys.path.insert(0, root)
theirs = origin["find_workers"](Path(root)) if root else []
origin["load_from"](Path(root) if theirs else HOME, "bench")
folder = theirs[0] if theirs else "measuring"
runpy.run_module(f"bench.{folder}.worker", run_name="__main__", alter_sys=True)
