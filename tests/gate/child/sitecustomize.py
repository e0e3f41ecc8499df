"""Loaded by each Python that a test starts: effects are heard of there, too.

``plugin`` puts this folder on ``PYTHONPATH``, and the folder to report to in ``COUNTERFOIL_GATE``.
"""

from __future__ import annotations

import os
import sys

REPORTS = os.environ.get("COUNTERFOIL_GATE")
ROOT = __file__.rsplit(os.sep, 4)[0]
PROGRAM = sys.orig_argv[1] if len(sys.orig_argv) > 1 else ""

# Beancount's programs are not ours, and are started hundreds of times.
if REPORTS and f"{os.sep}bean-" not in PROGRAM:
    sys.path.insert(0, ROOT)
    from tests.gate.reporting import start_in_program

    sys.path.remove(ROOT)
    start_in_program(REPORTS)
