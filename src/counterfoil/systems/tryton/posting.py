"""Posts many records in one transaction; a bad one is found by halving, so that it fails alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from counterfoil.systems.tryton.access import Access
from counterfoil.systems.tryton.exchange import Refusal

__all__ = ["POSTED", "SIMILAR", "Poster", "press_and_accept"]

POSTED = frozenset({"posted", "paid"})
SIMILAR = "invoice_similar"
"""The warning that a vendor's bill with this number is in the books already."""
ACCEPTED = 200
"""How many warnings are said yes to in one go."""


class Poster:
    """Presses ``post`` on records."""

    def __init__(self, access: Access, accepted: Collection[str]) -> None:
        """Take the names of warnings that are accepted."""
        self._access = access
        self._accepted = accepted

    async def post(self, model: str, numbers: Sequence[int]) -> dict[int, Refusal]:
        """Post drafts, in order; return what was refused, by number. Raises BooksNotReady."""
        refused: dict[int, Refusal] = {}
        if self._access.presses_many:
            await self._post(model, numbers, refused)
        else:
            for number in numbers:
                await self._post(model, [number], refused)
        return refused

    async def _post(self, model: str, numbers: Sequence[int], refused: dict[int, Refusal]) -> None:
        if not numbers:
            return
        try:
            await press_and_accept(self._access, model, "post", numbers, self._accepted)
        except Refusal as refusal:
            if len(numbers) == 1:
                if not await self._is_posted(model, numbers[0]):
                    refused[numbers[0]] = refusal
                return
            half = len(numbers) // 2
            await self._post(model, numbers[:half], refused)
            await self._post(model, numbers[half:], refused)

    async def _is_posted(self, model: str, number: int) -> bool:
        """Read whether it is posted all the same: by a request whose answer was lost."""
        rows = await self._access.search_read(model, [["id", "=", number]], ("state",))
        return any(row["state"] in POSTED for row in rows)


async def press_and_accept(
    access: Access, model: str, button: str, numbers: Sequence[int], accepted: Collection[str]
) -> None:
    """Press a button, saying yes to warnings of these names; raises Refusal for any other."""
    for _ in range(ACCEPTED):
        try:
            await access.press(model, button, numbers)
        except Refusal as refusal:
            name = (refusal.warning or "").rpartition(".")[2]
            if not name or name not in accepted:
                raise
            await access.accept(refusal.warning or name)
        else:
            return
    raise Refusal(f"Tryton warns of more than {ACCEPTED} things at once.")
