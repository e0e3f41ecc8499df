"""``counterfoil init``: from questions that a person can answer to a configuration that works.

``interview`` has the questions in their order and ``desk`` asks them; ``given`` knows what was
answered beforehand. ``pleo``, ``books`` and ``accounting`` make the questions and try the answers
against Pleo and the books. ``writing`` writes the files.
"""

from __future__ import annotations
