"""``python bench/run.py`` measures speed, memory and calls, and prints them; see ``main``."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    # Started by its path, Python would look for the other scripts in this folder alone.
    sys.path[0] = str(Path(__file__).parents[1])
    runpy.run_module("bench.main", run_name="__main__")
