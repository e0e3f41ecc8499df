"""A new user has books of their own connected within two minutes, as the recording shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.docs.blocks import free_port
from tests.docs.session import held, spoken

pytestmark = pytest.mark.slow

LIMIT_SECONDS = 120
"""What is promised, a person's reading and typing included; it takes about half."""


@pytest.mark.timeout(300)
def test_books_are_connected_within_two_minutes_and_the_recording_shows_how(
    tmp_path: Path, root: Path
) -> None:
    with held(tmp_path, free_port()) as session:
        pass
    assert session.seconds < LIMIT_SECONDS
    _, typed, _ = session.text.partition("counterfoil init")
    assert "sandbox-key" not in typed
    _, *events = (root / "docs" / "set-up.cast").read_text().splitlines()
    recorded = "".join(json.loads(event)[2] for event in events)
    assert spoken(recorded) == spoken(session.text), "the recording is old: make session"
