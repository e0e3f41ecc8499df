"""Addresses, secrets and trust in a configuration: URLs, secret references, private authorities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

from pydantic import BeforeValidator, InstanceOf, ValidationInfo

from counterfoil.config.mistakes import Mistake
from counterfoil.config.model import KEPT, Secret
from counterfoil.config.surroundings import Surroundings, surroundings
from counterfoil.config.values import text
from counterfoil.trust import goes_open, trust

__all__ = [
    "AUTH_HOSTS",
    "CALLBACK",
    "ENVIRONMENTS",
    "BaseUrl",
    "CaFile",
    "DirectUrl",
    "KeyReference",
    "PublicUrl",
    "RedirectUri",
    "RegisterUrl",
    "SecretReference",
    "environment_of",
    "in_environment",
    "in_file",
    "secret_at",
]

ENVIRONMENTS: Mapping[str, str] = {
    "production": "https://external.pleo.io",
    "staging": "https://external.staging.pleo.io",
}
"""Pleo's environments and where each answers (Export API v3, OpenAPI ``servers``)."""

AUTH_HOSTS: Mapping[str, str] = {
    "production": "https://auth.pleo.io",
    "staging": "https://auth.staging.pleo.io",
}
"""Where each environment's OAuth answers; another Pleo's answers where its API does."""

CALLBACK = "/oauth/callback"
"""How the address ends that people come back to from Pleo."""

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SQLITE = "sqlite:///"
POSTGRESQL = ("postgresql://", "postgres://")
REFERENCE = ("env:", "file:")
FILE_RIGHT = '"sqlite:///counterfoil.db" would be right'
SERVER_RIGHT = '"postgresql://USER@HOST/DATABASE" would be right'


def environment_of(base_url: str) -> str:
    """Name the Pleo behind an address: ``production``, ``staging``, or its host."""
    named = {address: name for name, address in ENVIRONMENTS.items()}
    return named.get(base_url) or urlsplit(base_url).hostname or base_url


def _secret(value: object, info: ValidationInfo) -> Secret:
    form, _, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    if form not in {"env", "file"} or not rest:
        raise Mistake(
            "is not a reference, and secrets do not belong in this file",
            'write "env:NAME" (an environment variable) or "file:PATH"',
        )
    around = surroundings(info)
    read = partial(_read, form, rest, around)
    try:
        return Secret(f"{form}:{rest}", read(), read=read)
    except Mistake as mistake:
        if around.secrets:
            raise
        return Secret(f"{form}:{rest}", "", lacking=f"{info.field_name}: {mistake}")


def _key(value: object, info: ValidationInfo) -> Secret:
    """Take a connection's API key: a reference, or the word for what the register keeps."""
    if value == KEPT:
        why = f"{info.field_name}: it is kept in the register, and nobody looked there"
        return Secret(KEPT, "", lacking=why)
    return _secret(value, info)


def secret_at(reference: str, around: Surroundings) -> str:
    """Return the secret that ``env:NAME`` or ``file:PATH`` refers to; raises Mistake."""
    form, _, rest = reference.partition(":")
    return _read(form, rest, around)


def _read(form: str, rest: str, around: Surroundings) -> str:
    if form == "env":
        return _from_environment(rest, around.environ)
    return _from_file(around.folder / rest)


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    return _one_word(in_environment(name, environ), f"the environment variable {name}")


def in_environment(name: str, environ: Mapping[str, str]) -> str:
    """Return what an environment variable says, without space around it; raises Mistake."""
    if not VARIABLE.fullmatch(name):
        raise Mistake("does not name an environment variable", '"env:PLEO_API_KEY" would')
    secret = environ.get(name, "").strip()
    if not secret:
        state = "empty" if name in environ else "not set"
        raise Mistake(f"the environment variable {name} is {state}", "set it to the secret")
    return secret


def _from_file(path: Path) -> str:
    return _one_word(in_file(path), f"the file {path}")


def in_file(path: Path) -> str:
    """Return what a secret's file says, without space around it; raises Mistake."""
    try:
        return path.read_text("utf-8").strip()
    except FileNotFoundError:
        raise Mistake(
            f"the file {path} does not exist", "create it with the secret in it"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise Mistake(f"the file {path} cannot be read ({why})", "make it readable") from None


def _one_word(secret: str, where: str) -> str:
    """Refuse what no header can carry, without saying what it was."""
    if not secret or any(not "!" <= letter <= "~" for letter in secret):
        raise Mistake(f"{where} is not one word of plain letters", "put the secret there, alone")
    return secret


def _base_url(value: object) -> str:
    right = f'"{ENVIRONMENTS["production"]}" would be right'
    url = text(value, right)
    wrong = _wrong_with(url)
    if wrong:
        raise Mistake(wrong, right)
    return url.rstrip("/")


def _public_url(value: object) -> str:
    right = '"https://counterfoil.example.com" would be right'
    url = text(value, right)
    wrong = _wrong_with(url, what="what Pleo sends")
    if wrong:
        raise Mistake(wrong, right)
    return url.rstrip("/")


def _redirect_uri(value: object) -> str:
    right = f'"http://127.0.0.1:8892{CALLBACK}", as registered at Pleo, would be right'
    uri = text(value, right)
    wrong = _wrong_with(uri)
    if wrong:
        raise Mistake(wrong, right)
    if not uri.endswith(CALLBACK):
        raise Mistake(f"does not end with {CALLBACK}", right)
    return uri


def _wrong_with(url: str, *, what: str = "the API key") -> str | None:
    try:
        parts = urlsplit(url)
        readable = parts.port != 0
    except ValueError:
        return "is not a URL"
    if parts.scheme not in {"http", "https"} or not parts.hostname or not readable:
        return "is not an address of the form https://HOST"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "must name a host only, without credentials or a query"
    if goes_open(url):
        return f"would send {what} unencrypted (http is for private hosts only)"
    return None


def _ca_file(value: object, info: ValidationInfo) -> Path:
    right = "a file with the certificates (PEM) of your own authority would be right"
    path = surroundings(info).folder / text(value, right)
    try:
        trust(path)
    except OSError as error:
        raise Mistake(f"{path} cannot be used ({error.strerror})", right) from None
    return path


def _register_url(value: object, info: ValidationInfo) -> str:
    url = _resolved(value, FILE_RIGHT, info)
    if url.startswith(POSTGRESQL):
        return _server_url(url, value)
    if not url.startswith(SQLITE) or not url.removeprefix(SQLITE) or "?" in url:
        raise Mistake(
            "is of neither form, sqlite:///PATH or postgresql://USER@HOST/DATABASE", FILE_RIGHT
        )
    path = surroundings(info).folder / url.removeprefix(SQLITE)
    if path.is_dir():
        raise Mistake(f"{path} is a folder", "name a file in it")
    return f"{SQLITE}{path}"


def _direct_url(value: object, info: ValidationInfo) -> str:
    url = _resolved(value, SERVER_RIGHT, info)
    if not url.startswith(POSTGRESQL):
        raise Mistake("does not name a database of PostgreSQL", SERVER_RIGHT)
    return _server_url(url, value)


def _resolved(value: object, right: str, info: ValidationInfo) -> str:
    """Return a URL, which may be a reference, as it may carry a password."""
    url = text(value, right)
    if not url.startswith(REFERENCE):
        return url
    form, _, rest = url.partition(":")
    return _read(form, rest, surroundings(info))


def _server_url(url: str, written: object) -> str:
    try:
        parts = urlsplit(url)
        named = parts.port != 0 and parts.path.strip("/")
    except ValueError:
        raise Mistake("is not a URL", SERVER_RIGHT) from None
    if not named:
        raise Mistake("does not name a database of PostgreSQL", SERVER_RIGHT)
    if written == url and (parts.password or "password=" in parts.query):
        raise Mistake(
            "holds a password, and secrets do not belong in this file",
            'put the whole URL in an environment variable and write "env:NAME"',
        )
    return url


SecretReference: TypeAlias = Annotated[InstanceOf[Secret], BeforeValidator(_secret)]
CaFile: TypeAlias = Annotated[InstanceOf[Path], BeforeValidator(_ca_file)]
KeyReference: TypeAlias = Annotated[InstanceOf[Secret], BeforeValidator(_key)]
BaseUrl: TypeAlias = Annotated[str, BeforeValidator(_base_url)]
PublicUrl: TypeAlias = Annotated[str, BeforeValidator(_public_url)]
RedirectUri: TypeAlias = Annotated[str, BeforeValidator(_redirect_uri)]
RegisterUrl: TypeAlias = Annotated[str, BeforeValidator(_register_url)]
DirectUrl: TypeAlias = Annotated[str, BeforeValidator(_direct_url)]
