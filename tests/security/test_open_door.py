"""Whoever lets other machines reach the service is told so."""

from __future__ import annotations

import pytest

from counterfoil.cli.web import listen


@pytest.mark.parametrize(
    ("host", "told"),
    [("127.0.0.1", ""), ("0.0.0.0", "It listens on 0.0.0.0: other machines reach it")],  # noqa: S104 -- on purpose
)
def test_it_is_told_where_other_machines_reach_it(
    host: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    listen(host, 0).close()
    assert capsys.readouterr().err.partition(", and")[0] == told
