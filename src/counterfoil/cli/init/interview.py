"""The questions in their order, asked until all are answered and the person finds it right."""

from __future__ import annotations

from collections.abc import Iterator

from counterfoil.cli.init.accounting import account_questions, day_questions
from counterfoil.cli.init.accounts import ROLES
from counterfoil.cli.init.books import BooksTrouble, examine, option_questions, system_questions
from counterfoil.cli.init.desk import Back, Desk
from counterfoil.cli.init.pleo import pleo_questions
from counterfoil.cli.init.questions import Question, Wrong
from counterfoil.cli.init.secrets import secret_question
from counterfoil.cli.init.state import OPTION, State
from counterfoil.cli.init.writing import configuration
from counterfoil.systems.elsewhere import TARGET as ELSEWHERE

__all__ = ["interview"]


def interview(state: State, desk: Desk) -> None:
    """Ask everything; raises typer.Abort when the person ends it, ConfigurationError without one.

    BooksTrouble is raised where the books cannot be used and nobody can be asked again.
    """
    desk.refuse_gaps(_surely_asked(state))
    while True:
        _ask_all(state, desk)
        if not desk.asks:
            return
        again = desk.review(configuration(state).splitlines(), list(state.answers))
        if again is None:
            return
        state.forget(again)


def _ask_all(state: State, desk: Desk) -> None:
    """Ask what is not answered yet, from the first question on."""
    while True:
        try:
            question = next((each for each in _questions(state) if each.key not in state), None)
            if question is None:
                return
            state.take(question.key, desk.answer(question, state.typed.get(question.key)))
        except Back:
            state.back()
        except BooksTrouble as trouble:
            if not desk.asks:
                raise
            desk.tell(Wrong(str(trouble)))
            state.forget_options()


def _questions(state: State) -> Iterator[Question]:
    """Give the questions; each part may look at the answers to what came before."""
    yield from pleo_questions(state)
    yield from system_questions(state)
    if state.kind.name == ELSEWHERE:
        words = "The token that your old program sends"
        yield secret_question(state, "bridge.token", words, required=True)
    else:
        yield from option_questions(state)
        state.chart = state.chart or examine(state)
        yield from account_questions(state, state.chart)
    yield from day_questions(state)


def _surely_asked(state: State) -> Iterator[str]:
    """Name what a person must answer, whatever Pleo and the books say."""
    yield from ("pleo", "api_key", "system", "timezone")
    name = state.given.take("system") or ""
    if name == ELSEWHERE:
        yield "bridge.token"
    elif name in state.around.systems:
        fields = state.around.systems[name].options.model_fields
        yield from (f"{OPTION}{key}" for key, info in fields.items() if info.is_required())
        yield from ("currencies", *(f"accounts.{role}" for role in ROLES))
