"""What a register has done already does not slow down what is left to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, Row, event

from counterfoil.register import Register


def plans_of(register: Register, ask: Callable[[], object]) -> list[str]:
    """Say how the database finds the rows of each query that is asked."""
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, values: object, *___: object) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, values))

    event.listen(register.database.engine, "before_cursor_execute", note)
    ask()
    with register.database.read() as connection:
        return [
            str(row[-1])
            for statement, values in list(asked)
            for row in _explained(connection, statement, values)
        ]


def _explained(connection: Connection, statement: str, values: Any) -> Sequence[Row[Any]]:  # noqa: ANN401 -- as the driver takes them
    if connection.dialect.name == "postgresql":
        # A small table is read whole, unless that is forbidden.
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        return connection.exec_driver_sql(f"EXPLAIN {statement}", values).all()
    return connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()


@pytest.mark.parametrize("what", ["unbooked", "unreported"])
def test_what_is_left_of_a_job_is_found_without_passing_over_what_is_done(
    register: Register, what: str
) -> None:
    ask = getattr(register.items, what)
    plan = "\n".join(plans_of(register, lambda: ask("job", limit=100)))
    assert re.search(rf"(USING INDEX|Index Scan using) job_items_{what}\b", plan)
    assert "Sort" not in plan
