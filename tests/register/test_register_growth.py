"""What a register has done already does not slow down what is left to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import event

from counterfoil.register import Register


def plans_of(register: Register, ask: Callable[[], object]) -> list[str]:
    """Say how SQLite finds the rows of each query that is asked."""
    asked: list[tuple[str, tuple[object, ...]]] = []

    def note(statement: str, values: tuple[object, ...]) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, values))

    with register.database.read() as connection:
        event.listen(
            connection.engine,
            "do_execute",
            lambda _, statement, values, __: note(statement, values),
        )
    ask()
    with register.database.read() as connection:
        return [
            str(row.detail)
            for statement, values in list(asked)
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]


@pytest.mark.parametrize("what", ["unbooked", "unreported"])
def test_what_is_left_of_a_job_is_found_without_passing_over_what_is_done(
    register: Register, what: str
) -> None:
    ask = getattr(register.items, what)
    (plan,) = plans_of(register, lambda: ask("job", limit=100))
    assert f"USING INDEX job_items_{what}" in plan
