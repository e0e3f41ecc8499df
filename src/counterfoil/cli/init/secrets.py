"""Questions for secrets: typed unseen and kept in a file, or a reference to where they are."""

from __future__ import annotations

from counterfoil.cli.init.questions import REFERENCES, Answer, Question, Wrong
from counterfoil.cli.init.state import OPTION, State

__all__ = ["HOW", "kept_secret", "secret_question"]

HOW = "not shown; or env:NAME, file:PATH"


def kept_secret(state: State, file: str, text: str) -> Answer:
    """Take a secret, to be kept in a file of this name, or a reference; raises Wrong."""
    if text.startswith(REFERENCES):
        answer = Answer(value=text, text=text)
        state.secret(answer)
        return answer
    if any(not "!" <= letter <= "~" for letter in text):
        raise Wrong(
            "It has spaces or other letters that no secret of this kind has: copy it again."
        )
    return Answer(value=f"file:{file}", secret=text)


def secret_question(state: State, key: str, words: str, *, required: bool) -> Question:
    """Ask for a secret that is not tested by itself."""
    file = f"{key.removeprefix(OPTION).replace('.', '-').replace('_', '-')}.key"

    def check(text: str) -> Answer:
        return kept_secret(state, file, text) if text else Answer(value=None)

    return Question(
        key=key,
        words=f"{words} ({HOW})",
        check=check,
        secret=True,
        required=required,
        sure=not required,
    )
