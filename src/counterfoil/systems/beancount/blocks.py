"""Edits of an entry's lines in a month file; each takes a block's lines and returns them changed.

Only blocks that stand line by line, as we write them, are edited: one with a string over several
lines is left to people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

from counterfoil.bookkeeping.entries import Reference
from counterfoil.systems.beancount.sources import block_at
from counterfoil.systems.beancount.syntax import Receipt, link_of, moment_text, own_id, quoted

__all__ = ["Edit", "commented", "edited", "noted", "posted", "settling", "with_receipt"]

Edit: TypeAlias = Callable[[list[str]], list[str]]

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
METADATA = re.compile(r'[ \t]+([a-z][\w-]+):[ \t]*"?([^"]*)')


def edited(content: bytes, reference: Reference, edit: Edit) -> bytes | None:
    """Change a record's block in a file's content; None where there is no such block to edit."""
    named = f'"{own_id(reference.entry_id)}"'.encode()
    position = content.find(named)
    while position >= 0:
        span = block_at(content, position)
        block = content[span].decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
        if _is(block, reference) and all(map(_whole, block)):
            changed = "".join(f"{line}\n" for line in edit(block))
            return b"".join(
                [
                    content[: span.start],
                    changed.encode("utf-8", "surrogateescape"),
                    content[span.stop :],
                ]
            )
        position = content.find(named, position + 1)
    return None


def posted(block: list[str]) -> list[str]:
    """Make a draft final."""
    return [re.sub(r"^(\S+[ \t]+)!", r"\1*", block[0]), *block[1:]]


def commented(moment: datetime) -> Edit:
    """Take an entry out, keeping its lines as a comment."""
    note = f";; Voided by Counterfoil at {moment_text(moment)}:"
    return lambda block: [note, *(f";; {line}" for line in block)]


def settling(bill: Reference) -> Edit:
    """Let a payment name one more bill that it pays."""
    own = own_id(bill.entry_id) + str(bill).removeprefix(bill.entry_id)
    return lambda block: _with_word(_linked(block, link_of(bill.entry_id)), "pleo_settles", own)


def with_receipt(receipt: Receipt, directive: str | None) -> Edit:
    """Let an entry name one more document, and list it after the entry unless Beancount does."""

    def edit(block: list[str]) -> list[str]:
        names = [match[1] for line in block if (match := METADATA.match(line))]
        numbers = [int(name[9:] or 1) for name in names if re.fullmatch(r"document(-\d+)?", name)]
        key = f"document-{max(numbers) + 1}" if numbers else "document"
        held = _with_word(block, "pleo_receipts", f"{receipt.sha256}:{receipt.size}")
        changed = _after_entry(held, f"  {key}: {quoted(receipt.path)}")
        return [*changed, directive] if directive else changed

    return edit


def noted(text: str) -> Edit:
    """Leave one more remark with an entry."""

    def edit(block: list[str]) -> list[str]:
        names = [match[1] for line in block if (match := METADATA.match(line))]
        number = 1 + sum(re.fullmatch(r"pleo_note(-\d+)?", name) is not None for name in names)
        key = f"pleo_note-{number}" if number > 1 else "pleo_note"
        return _after_entry(block, f"  {key}: {quoted(text)}")

    return edit


def _linked(block: list[str], link: str) -> list[str]:
    """Give an entry one more link."""
    if f"^{link}" in block[0].split():
        return block
    return [f"{block[0].rstrip()} ^{link}", *block[1:]]


def _with_word(block: list[str], key: str, word: str) -> list[str]:
    """Add a word to a list that an entry keeps under a key."""
    for number, line in enumerate(block):
        if (match := METADATA.match(line)) and match[1] == key:
            return [*block[:number], f'  {key}: "{match[2]} {word}"', *block[number + 1 :]]
    return _after_entry(block, f'  {key}: "{word}"')


def _after_entry(block: list[str], line: str) -> list[str]:
    """Put a line of metadata after the one that names the entry."""
    place = 1 + next(n for n, text in enumerate(block) if text.lstrip().startswith("pleo_entry:"))
    return [*block[:place], line, *block[place:]]


def _is(block: Sequence[str], reference: Reference) -> bool:
    metadata = {match[1]: match[2].strip() for line in block if (match := METADATA.match(line))}
    return (
        metadata.get("pleo_entry"),
        metadata.get("pleo_part", "entry"),
        metadata.get("pleo_attempt", "1"),
    ) == (own_id(reference.entry_id), str(reference.part), str(reference.attempt))


def _whole(line: str) -> bool:
    """Whether every string that begins on a line ends on it."""
    return '"' not in STRING.sub("", line).partition(";")[0]
