"""What the old program says of expenses: statuses by id, in whatever shape it sends them.

The old API's documents never told the body of ``PUT /v1/expenses``, so every shape in which ids
and statuses can be recognised is taken: ``{id, status}``, ``{ids, status}``, lists of these, and
the same under ``expenses``. What cannot be recognised is refused whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from counterfoil.errors import CounterfoilError
from counterfoil.pleo.wire import Json

__all__ = ["BadMarks", "OldStatus", "marks"]

IDS = ("id", "expenseId", "ids", "expenseIds")
GROUPS = ("expenses", "items", "data")


class OldStatus(StrEnum):
    """The export status of an expense, in the old API's words."""

    NOT_EXPORTED = "NOT_EXPORTED"
    QUEUED = "QUEUED"
    EXPORTING = "EXPORTING"
    EXPORTED = "EXPORTED"


class BadMarks(CounterfoilError):
    """The body says of no expense what became of it."""


def marks(
    body: Json, *, word: str | None = None, given: Sequence[str] = ()
) -> dict[str, OldStatus]:
    """Return the status of each expense by its id; of one that is told twice, the later.

    ``word`` is a status in the query and ``given`` are the ids in the path and the query, for a
    body that says none itself. Raises BadMarks.
    """
    told = dict(_walk(body, word, given))
    if not told:
        raise BadMarks(
            "The body names no expense: send a list of {id, status}, or {ids, status}. Nothing was "
            "changed"
        )
    return {id_: _status(word) for id_, word in told.items()}


def _walk(body: Json, word: str | None, given: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give each id with the status nearest to it, in the order of the body."""
    match body:
        case list():
            for each in body:
                yield from _walk(each, word, ())
        case str() if word is not None:
            yield body, word
        case dict():
            yield from _of_object(body, word, given)
        case _:
            raise BadMarks(
                f"The body holds {body!r} where an expense with its status belongs. Nothing was "
                "changed"
            )


def _of_object(
    body: dict[str, Json], word: str | None, given: Sequence[str]
) -> Iterator[tuple[str, str]]:
    said = body.get("status", word)
    if not isinstance(said, str):
        said = None
    names = [name for name in (*IDS, *GROUPS) if body.get(name) is not None]
    for name in names:
        yield from _walk(_with_status(body[name], said, name), said, ())
    if not names and said is not None:
        yield from ((entry_id, said) for ids in given for entry_id in ids.split(","))


def _with_status(value: Json, word: str | None, name: str) -> Json:
    """Refuse ids that no status stands beside: what became of them is not said."""
    if word is None and name in IDS:
        raise BadMarks("An expense has no status beside its id. Nothing was changed")
    return value


def _status(word: str) -> OldStatus:
    try:
        return OldStatus(word.strip().upper())
    except ValueError:
        raise BadMarks(
            f'"{word}" is no status; {", ".join(OldStatus)} are. Nothing was changed'
        ) from None
