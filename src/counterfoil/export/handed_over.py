"""What an old program booked through the bridge before the company moved is not booked again.

Its entries carry no reference of ours, so the look-up cannot find them: only the register knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterfoil.errors import InvalidItem
from counterfoil.register import DecisionKind
from counterfoil.systems.elsewhere import TARGET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from counterfoil.export.work import ItemWork
    from counterfoil.register import Register

__all__ = ["leave_what_the_old_program_booked"]


def leave_what_the_old_program_booked(
    register: Register, target: str, works: Sequence[ItemWork]
) -> None:
    """Fail what would be written and was exported through the bridge, unless a person lets it be.

    A person says so with ``resolve --not-booked``, or did with ``expenses again``.
    """
    ids = [work.entry_id for work in works if work.writable and not work.live]
    booked = register.items.exported_to(TARGET, ids)
    if not booked:
        return
    free = {
        entry_id
        for place in (target, TARGET)
        for entry_id, every in register.decisions.of(place, list(booked)).items()
        if every[-1].kind is DecisionKind.NOT_BOOKED
    }
    for work in works:
        if work.entry_id in booked and work.entry_id not in free:
            work.failure = InvalidItem(
                "Your old program marked this as exported, so it is not booked again. If it is not "
                f"in the books: `counterfoil resolve {work.entry_id} --not-booked`, and export it "
                "again"
            )
