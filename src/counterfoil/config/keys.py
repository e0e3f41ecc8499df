"""The encryption keys of a register: where they are, and who else could read them there."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import InstanceOf, PlainValidator, ValidationInfo

from counterfoil.config.addresses import in_environment, in_file
from counterfoil.config.mistakes import Mistake
from counterfoil.config.surroundings import Surroundings, surroundings
from counterfoil.register import Seal
from counterfoil.register.sealing import KeyMalformed, split_keys

__all__ = ["KEY_VARIABLE", "RegisterKey"]

KEY_VARIABLE: Final = "COUNTERFOIL_KEY"
"""Where keys are taken from if the configuration does not say."""
RIGHT = 'write "file:PATH" or "env:NAME"; counterfoil secrets new-key makes a key'


def _register_key(value: object, info: ValidationInfo) -> Seal:
    around = surroundings(info)
    try:
        return _usable(value, around)
    except Mistake as mistake:
        if around.register_key:
            raise
        return Seal(lacking=f"register.key: {mistake}")


def _usable(value: object, around: Surroundings) -> Seal:
    common = around.environ.get(KEY_VARIABLE, "").strip()
    if value is None:
        return _seal(common, f"the environment variable {KEY_VARIABLE}")
    form, _, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    if form not in {"env", "file"} or not rest:
        raise Mistake("is not a reference, and keys do not belong in this file", RIGHT)
    keys = _read(form, rest, around)
    if not split_keys(keys):
        raise Mistake(f"{value} is empty", "counterfoil secrets new-key makes a key")
    if common and split_keys(common) != split_keys(keys):
        raise Mistake(
            f"names another key than {KEY_VARIABLE} in the environment", "keep one of the two"
        )
    return _seal(keys, f"{value}")


def _read(form: str, rest: str, around: Surroundings) -> str:
    if form == "env":
        return in_environment(rest, around.environ)
    path = around.folder / rest
    keys = in_file(path)
    _refuse_open(path)
    return keys


def _refuse_open(path: Path) -> None:
    """Refuse a file that others than its owner may read; systems without such rights have none."""
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Mistake(f"the file {path} can be read by others than its owner", f"chmod 600 {path}")


def _seal(keys: str, where: str) -> Seal:
    try:
        return Seal(split_keys(keys))
    except KeyMalformed:
        raise Mistake(
            f"{where} does not hold a key of 44 letters (several with commas, newest first)",
            "counterfoil secrets new-key makes one",
        ) from None


RegisterKey: TypeAlias = Annotated[InstanceOf[Seal], PlainValidator(_register_key)]
