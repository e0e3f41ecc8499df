"""Turns what pydantic refuses into sentences: ``key: what is wrong; what would be right``.

No sentence repeats a value that may be a secret: values are shown only where a choice is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import TypeAlias, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

__all__ = ["KeyPath", "Mistake", "Mistakes", "close_to", "key", "sentences", "spoken_list", "told"]

KeyPath: TypeAlias = "tuple[str | int, ...]"
"""Where a value stands, from its section down."""

KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a table",
}


class Mistake(ValueError):
    """One value is wrong: what is wrong, and what would be right."""

    def __init__(self, wrong: str, right: str) -> None:
        """Take both halves of the sentence."""
        super().__init__(f"{wrong}; {right}")


class Mistakes(ValueError):
    """Several mistakes inside one value: path below it, and sentence, of each."""

    def __init__(self, found: Sequence[tuple[KeyPath, str]]) -> None:
        """Take the mistakes in the order they are to be told."""
        super().__init__("; ".join(sentence for _, sentence in found))
        self.found = tuple(found)


def key(section: str, path: KeyPath) -> str:
    """Write a key as people write it: ``connection[acme].receipts.hosts[2]`` (counted from 1)."""
    steps = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in path)
    return f"{section}{steps}".removeprefix(".")


def spoken_list(words: Sequence[str]) -> str:
    """Join words as a sentence does: ``"a", "b" or "c"``."""
    quoted = [f'"{word}"' for word in words]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def close_to(word: str, words: Sequence[str]) -> str | None:
    """Return the one of ``words`` that was probably meant."""
    matches = get_close_matches(word.lower(), words, n=1)
    return matches[0] if matches else None


def sentences(section: str, model: type[BaseModel], error: ValidationError) -> list[str]:
    """Say every mistake of a section, each with its key."""
    return [f"{key(section, path)}: {sentence}" for path, sentence in told(model, error)]


def told(model: type[BaseModel], error: ValidationError) -> list[tuple[KeyPath, str]]:
    """Say every mistake that a model found, each with its path below the model."""
    return [
        mistake for detail in error.errors(include_url=False) for mistake in _told_of(model, detail)
    ]


def _told_of(model: type[BaseModel], detail: ErrorDetails) -> list[tuple[KeyPath, str]]:
    path = detail["loc"]
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, Mistakes):
        return [((*path, *below), sentence) for below, sentence in cause.found]
    if isinstance(cause, ValueError):
        return [(path, str(cause))]
    if detail["type"] == "extra_forbidden":
        return [(path, _unknown(model, path))]
    say = SAYINGS.get(detail["type"])
    return [(path, say(model, detail) if say else _in_pydantic_words(detail))]


def _in_pydantic_words(detail: ErrorDetails) -> str:
    message = detail["msg"]
    return f"{message[:1].lower()}{message[1:]}"


def _unknown(model: type[BaseModel], path: KeyPath) -> str:
    known = _keys_of(_model_at(model, path[:-1]))
    name = str(path[-1])
    home = _home_of(name, model, path[:-1])
    if home:
        return f"is not a setting here; it belongs in {home}"
    meant = close_to(name, known)
    if meant:
        return f'is not a setting; did you mean "{meant}"?'
    return f"is not a setting; known here: {', '.join(sorted(known))}"


def _keys_of(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


def _home_of(name: str, model: type[BaseModel], elsewhere: KeyPath) -> str | None:
    """Say which table of this section knows the name, if exactly one does."""
    homes: dict[KeyPath, type[BaseModel]] = {(): model}
    for field, info in model.model_fields.items():
        inner = _model_in(info.annotation)
        if inner:
            homes[field,] = inner
    found = [path for path, home in homes.items() if name in home.model_fields]
    if len(found) != 1 or found[0] == elsewhere:
        return None
    return f"the table {found[0][0]}" if found[0] else "the table above"


def _field_at(model: type[BaseModel], path: KeyPath) -> FieldInfo | None:
    return _model_at(model, path[:-1]).model_fields.get(str(path[-1]))


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel]:
    for step in path:
        field = model.model_fields.get(str(step))
        model = (_model_in(field.annotation) if field else None) or model
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)


def _missing(model: type[BaseModel], detail: ErrorDetails) -> str:
    path = detail["loc"]
    field = _field_at(model, path)
    example = field.examples[0] if field and field.examples else None
    if example is None:
        return f"is missing; add it{_described(field)}"
    table = str(example).startswith("[")
    return f"is missing; add {example}" if table else f'is missing; add {path[-1]} = "{example}"'


def _out_of_shape(model: type[BaseModel], detail: ErrorDetails) -> str:
    described = _described(_field_at(model, detail["loc"]))
    return f"does not have the right shape{described or '; ' + _in_pydantic_words(detail)}"


def _described(field: FieldInfo | None) -> str:
    """Return the words in which an adapter describes its option."""
    return f": {field.description}".removesuffix(".") if field and field.description else ""


def _not_text(_model: type[BaseModel], detail: ErrorDetails) -> str:
    given = detail["input"]
    if isinstance(given, int | float) and not isinstance(given, bool):
        return "is a number; write it as text, in quotes"
    return f"is {_kind_of(given)}; a text in quotes would be right"


def _not_a_choice(_model: type[BaseModel], detail: ErrorDetails) -> str:
    given = detail["input"]
    choices = spoken_list([word.strip("'") for word in _expected(detail)])
    shown = f'"{given}"' if isinstance(given, str) else _kind_of(given)
    return f"is {shown}; {choices} would be right"


def _expected(detail: ErrorDetails) -> list[str]:
    words: str = detail["ctx"]["expected"]
    return words.replace(" or ", ", ").split(", ")


def _not_a_date(_model: type[BaseModel], detail: ErrorDetails) -> str:
    return f"is {_kind_of(detail['input'])}; a date without quotes (2025-12-31) would be right"


def _not_a_table(_model: type[BaseModel], detail: ErrorDetails) -> str:
    return f"is {_kind_of(detail['input'])}; a table of settings would be right"


def _not_a_list(_model: type[BaseModel], detail: ErrorDetails) -> str:
    return f"is {_kind_of(detail['input'])}; a list in square brackets would be right"


def _kind_of(value: object) -> str:
    return KINDS.get(type(value), "a date or time")


SAYINGS: Mapping[str, Callable[[type[BaseModel], ErrorDetails], str]] = {
    "missing": _missing,
    "string_type": _not_text,
    "path_type": _not_text,
    "string_pattern_mismatch": _out_of_shape,
    "enum": _not_a_choice,
    "literal_error": _not_a_choice,
    "date_type": _not_a_date,
    "model_type": _not_a_table,
    "dict_type": _not_a_table,
    "mapping_type": _not_a_table,
    "tuple_type": _not_a_list,
    "list_type": _not_a_list,
}
