"""Asks: a person on a terminal, or what was given beforehand where there is none."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import typer

from counterfoil.cli.init.given import Given
from counterfoil.cli.init.questions import Answer, Question, Wrong
from counterfoil.cli.lines import clean, say
from counterfoil.cli.screen import styled
from counterfoil.errors import ConfigurationError

__all__ = ["Back", "Desk", "on_a_terminal"]

BACK = "<"


class Back(Exception):
    """The person wants the question before this one again."""


def on_a_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


class Desk:
    """Gets an answer to a question, and tells what it came to."""

    def __init__(self, given: Given) -> None:
        """Take what was answered beforehand."""
        self._given = given
        self.asks = on_a_terminal()

    def refuse_gaps(self, keys: Iterable[str]) -> None:
        """Where nobody can be asked, raise ConfigurationError naming all that has no answer."""
        gaps = [key for key in keys if not self._given.answers(key)]
        if gaps and not self.asks:
            raise ConfigurationError(
                f"init: there is no terminal to ask on, and no answer for {', '.join(gaps)}; "
                "give them with --set KEY=VALUE or --answers FILE"
            )

    def answer(self, question: Question, suggestion: str | None) -> Answer:
        """Return an answer that was checked.

        Raises Back, and where nobody can be asked ConfigurationError for a wrong or missing one.
        """
        given = self._given.take(question.key)
        if given is not None:
            return self._checked_beforehand(question, given)
        if self.asks:
            return self._ask(question, suggestion)
        if not question.sure and question.required:
            raise ConfigurationError(f"{question.key}: is not answered ({question.words})")
        return self._checked_beforehand(question, question.suggestion)

    def _checked_beforehand(self, question: Question, text: str) -> Answer:
        try:
            return question.take_given(text)
        except Wrong as wrong:
            if not self.asks:
                raise ConfigurationError(f"{question.key}: {' '.join(wrong.lines)}") from wrong
            self._given.drop(question.key)
            self.tell(wrong)
            return self._ask(question, None)

    def _ask(self, question: Question, suggestion: str | None) -> Answer:
        """Ask until an answer holds."""
        for line in question.about:
            say(line)
        while True:
            text = self._typed(question, question.suggestion if suggestion is None else suggestion)
            if text == BACK:
                raise Back
            try:
                return question.take(text)
            except Wrong as wrong:
                self.tell(wrong)

    def _typed(self, question: Question, suggestion: str) -> str:
        typed: str = typer.prompt(
            clean(question.words),
            default=suggestion,
            show_default=bool(suggestion),
            hide_input=question.secret,
        )
        return typed.strip()

    def tell(self, wrong: Wrong) -> None:
        """Show what is wrong."""
        for line in wrong.lines:
            styled(line, "yellow")

    def review(self, lines: Sequence[str], keys: Sequence[str]) -> str | None:
        """Show what would be written; return the key of an answer to be given again, if any."""
        say()
        for line in lines:
            styled(line, "dim" if line.startswith("#") else "")
        numbered = [f"{number} {key}" for number, key in enumerate(keys, 1)]
        say(f"To correct an answer, write its number: {', '.join(numbered)}.")
        while True:
            typed = str(typer.prompt("Write this? (y, or a number)", default="y")).strip().lower()
            if typed in {"y", "yes"}:
                return None
            if typed.isdecimal() and 0 < int(typed) <= len(keys):
                return keys[int(typed) - 1]
            say("Write y, or one of the numbers above; Ctrl+C ends it, and nothing is written.")

    def confirm(self, words: str) -> bool:
        """Ask for a yes; nobody there says no."""
        return self.asks and typer.confirm(clean(words), default=False)
