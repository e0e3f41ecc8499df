"""Texts as PostgreSQL can keep them: without control characters and halves of characters."""

from __future__ import annotations

import unicodedata

__all__ = ["file_name", "one_line", "plain"]

NAME_LIMIT = 200


def plain(text: str) -> str:
    """Put a space for what no database keeps; line ends and tabs stay."""
    return "".join(
        " " if letter not in "\n\t" and unicodedata.category(letter) in {"Cc", "Cs"} else letter
        for letter in text
    )


def one_line(text: str) -> str:
    """Return a text on one line, with single spaces."""
    return " ".join(plain(text).split())


def file_name(text: str) -> str:
    """Return a document's name, with an end that is kept where it is too long."""
    name = one_line(text) or "receipt"
    if len(name) <= NAME_LIMIT:
        return name
    stem, dot, end = name.rpartition(".")
    tail = f"{dot}{end}"[:20] if dot else ""
    return f"{(stem or name)[: NAME_LIMIT - len(tail)]}{tail}"
