"""A minute of a storm of webhooks; `make soak` has ten."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.storm import judged, storm


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_storm_loses_nothing_and_leaves_no_weight(tmp_path: Path) -> None:
    """Nothing is noted twice, what is not genuine is refused, and an export is done meanwhile."""
    figures = storm(tmp_path, 60)
    assert judged(figures) == [], figures
    log = (tmp_path / "serve.log").read_text().splitlines()
    warnings = "\n".join(line for line in log if "[warning" in line)
    assert "a webhook was refused" in warnings
    assert "not this connection's" in warnings
    assert warnings.count("\n") < 100
    assert not any("[error" in line for line in log)
