"""What is asked of the books: which system, where; then they are opened, and say their chart."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from secrets import token_hex

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from counterfoil.bookkeeping.chart import Chart
from counterfoil.cli.init.questions import Answer, Question, option_value, shape_value
from counterfoil.cli.init.secrets import secret_question
from counterfoil.cli.init.state import OPTION, State
from counterfoil.config.mistakes import sentences
from counterfoil.config.shape import ConnectionShape
from counterfoil.errors import CounterfoilError
from counterfoil.systems.contract import AccountingSystem, BooksNotReady

__all__ = ["BooksTrouble", "examine", "option_questions", "system_questions"]


class BooksTrouble(CounterfoilError):
    """The books cannot be used as they were told; its text says why."""


def system_questions(state: State) -> Iterator[Question]:
    """Ask which system, and what to call the connection."""
    names = sorted(state.around.systems)
    yield Question(
        key="system",
        words=f"Which accounting system: {', '.join(names)}",
        check=lambda text: _checked(state, "system", text),
        suggestion="beancount" if "beancount" in names else "",
    )
    yield Question(
        key="name",
        words="What to call this connection",
        check=lambda text: _checked(state, "name", text),
        suggestion=state.kind.name,
        sure=True,
    )


def _checked(state: State, name: str, text: str) -> Answer:
    shape_value(ConnectionShape, name, text, state.around)
    return Answer(value=text, text=text)


def option_questions(state: State) -> Iterator[Question]:
    """Ask an adapter's options: those it needs, those it wants asked, and others on demand."""
    for name, info in state.kind.options.model_fields.items():
        wanted = info.is_required() or _extra(info).get("asked") or state.all_options
        if wanted or f"{OPTION}{name}" in state.given:
            yield _option(state, name, info)


def _extra(info: FieldInfo) -> Mapping[str, object]:
    return info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}


def _option(state: State, name: str, info: FieldInfo) -> Question:
    key, required = f"{OPTION}{name}", info.is_required()
    words = f"{name}: {(info.description or 'a setting').removesuffix('.')}"
    if _extra(info).get("format") == "password":
        return secret_question(state, key, words, required=required)
    default = "" if info.default in (None, PydanticUndefined) else str(info.default)
    example = str(info.examples[0]) if info.examples else ""
    return Question(
        key=key,
        words=words,
        check=lambda text: _option_answer(state.kind.options, name, text),
        suggestion=default or example,
        required=required,
        sure=not required,
    )


def _option_answer(model: type[BaseModel], name: str, text: str) -> Answer:
    if not text:
        return Answer(value=None)
    value = option_value(model, name, text)
    plain = isinstance(value, bool | int | float | list | dict)
    return Answer(value=value if plain else str(value), text=text)


def examine(state: State) -> Chart:
    """Open the books and read their chart; raises BooksTrouble."""
    with _tried_secrets(state) as options:
        try:
            books = state.kind.open(state.kind.options.model_validate(options), state.around.folder)
            return asyncio.run(_chart(books))
        except ValidationError as error:
            state.all_options = True
            found = sentences("options", state.kind.options, error)
            raise BooksTrouble("; ".join(found)) from error
        except BooksNotReady as error:
            raise BooksTrouble(str(error)) from error


@contextmanager
def _tried_secrets(state: State) -> Iterator[dict[str, object]]:
    """Give the options; what was typed and has no file yet is for the moment in the environment."""
    options = state.options()
    lent: list[str] = []
    for name in options:
        if (secret := state.answers[f"{OPTION}{name}"].secret) is not None:
            lent.append(f"COUNTERFOIL_INIT_{token_hex(8).upper()}")
            os.environ[lent[-1]] = secret
            options[name] = f"env:{lent[-1]}"
    try:
        yield options
    finally:
        for variable in lent:
            del os.environ[variable]


async def _chart(books: AccountingSystem) -> Chart:
    async with books.reading():
        problems = await books.ready()
        if problems:
            raise BooksNotReady(problems[0])
        return await books.chart()
