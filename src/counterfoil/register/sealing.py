"""Seals texts under the operator's key: a stolen register gives nothing that was sealed.

A key is one of cryptography's Fernet (AES-128-CBC and HMAC-SHA256, authenticated). A sealed text
names the key it was sealed under, never the key itself, so that a wrong one is told by name. Where
keys come from is the configuration's business; sealing everything anew is ``resealing``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import select

from counterfoil.errors import ConfigurationError
from counterfoil.register.dialects import insert
from counterfoil.register.schema import sealing

if TYPE_CHECKING:
    from counterfoil.register.database import Database

__all__ = [
    "KeyMalformed",
    "KeyMissing",
    "KeyWrong",
    "Seal",
    "SealBroken",
    "confirm_key",
    "new_key",
    "split_keys",
]

MARK: Final = "sealed:"
"""Begins each sealed text; no JSON begins so, nor does any token of ours."""
CHECK: Final = "check"
"""The row, and its text, that tells at once whether a key is the register's."""

MAKE_ONE: Final = (
    "counterfoil secrets new-key makes one; put it in COUNTERFOIL_KEY, or in a file that "
    '[register] key = "file:PATH" names'
)
GIVE_THE_OLD: Final = (
    'put the right one in COUNTERFOIL_KEY, or where [register] key points (several: "NEW,OLD"). If '
    "it is lost for good, move the register away and start again: the books are asked before "
    "anything is booked"
)


class KeyMissing(ConfigurationError):
    """There is no encryption key, and something is sealed or has to be."""


class KeyMalformed(ConfigurationError):
    """What was given as an encryption key is none."""


class KeyWrong(ConfigurationError):
    """What is sealed was sealed under a key that is not at hand."""


class SealBroken(ConfigurationError):
    """A sealed text was changed since, or never was one."""


def new_key() -> str:
    """Make a key, as it is written in COUNTERFOIL_KEY or a file: one word of 44 letters."""
    return Fernet.generate_key().decode()


def split_keys(text: str) -> tuple[str, ...]:
    """Take keys apart, newest first: with commas or spaces between, or one a line."""
    return tuple(text.replace(",", " ").split())


class Seal:
    """Seals under the newest key, and opens what was sealed under any of the keys."""

    def __init__(self, keys: Sequence[str] = (), *, lacking: str | None = None) -> None:
        """Take the keys, newest first; raises KeyMalformed. Without any, nothing can be sealed.

        ``lacking`` says why keys that were given cannot be used: no register is opened then.
        """
        self.lacking = lacking
        self._keys = [_fernet(key) for key in keys]
        self._all = MultiFernet(self._keys) if self._keys else None
        self.names = tuple(map(_name, keys))
        """What the keys are called in sealed texts and in messages, newest first."""

    def __repr__(self) -> str:
        """Name the keys, never show them."""
        return f"Seal({', '.join(self.names)})"

    @property
    def has_key(self) -> bool:
        """Whether anything can be sealed."""
        return self._all is not None

    @property
    def prefix(self) -> str:
        """How each text begins that is sealed under the newest key; raises KeyMissing."""
        if not self.names:
            raise KeyMissing(f"There is no encryption key to seal a secret with: {MAKE_ONE}")
        return f"{MARK}{self.names[0]}:"

    def seal(self, text: str) -> str:
        """Seal a text under the newest key; raises KeyMissing without any."""
        prefix = self.prefix
        return prefix + self._keys[0].encrypt(text.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """Open a sealed text; raises KeyMissing, KeyWrong, or SealBroken where it was changed."""
        name, _, token = sealed.removeprefix(MARK).partition(":")
        if not sealed.startswith(MARK) or not token:
            raise SealBroken("A secret in the register is not sealed as it should be: store it new")
        if self._all is None:
            raise KeyMissing(
                f"It is sealed under the key {name}, and there is no encryption key: {GIVE_THE_OLD}"
            )
        try:
            return self._all.decrypt(token).decode()
        except InvalidToken:
            raise self._refused(name) from None

    def keep(self, text: str) -> str:
        """Seal what is sealed only where there is a key; an empty text stays as it is."""
        return self.seal(text) if text and self.has_key else text

    def kept(self, text: str) -> str:
        """Read what ``keep`` gave, now or before there was a key."""
        return self.unseal(text) if text.startswith(MARK) else text

    def believed(self, text: str, what: str) -> str:
        """Read what ``keep`` gave, where others could gain by writing it: with a key, sealed only.

        Raises SealBroken, naming ``what`` it is, for what is in the clear beside a key.
        """
        if self.has_key and not text.startswith(MARK):
            raise SealBroken(
                f"{what} is in the clear in the register, though there is an encryption key, and "
                "is not believed. If it was written before there was one, counterfoil secrets "
                "rotate seals it; if it was not, somebody else wrote it"
            )
        return self.kept(text)

    def _refused(self, name: str) -> ConfigurationError:
        if name in self.names:
            return SealBroken(
                f"Something sealed under the key {name} was changed since, and is not believed; "
                "put the register back from a backup, or store what it was anew"
            )
        at_hand = f"the one at hand is {self.names[0]}"
        if len(self.names) > 1:
            at_hand = f"those at hand are {', '.join(self.names)}"
        return KeyWrong(f"It is sealed under the key {name}, and {at_hand}: {GIVE_THE_OLD}")


def confirm_key(database: Database, seal: Seal) -> None:
    """Keep a sealed check at the first use of a key; later, refuse a register whose key is not it.

    Raises KeyMissing, KeyWrong and SealBroken, each naming the register.
    """
    found = _check_of(database)
    if found is None and seal.has_key:
        row = {"name": CHECK, "sealed": seal.seal(CHECK)}
        with database.write("seal_check") as connection:
            connection.execute(insert(connection, sealing).values(row).on_conflict_do_nothing())
        found = _check_of(database)
    if found is None:
        return
    try:
        seal.unseal(found)
    except ConfigurationError as error:
        raise type(error)(f"The register {database.place.url} cannot be read. {error}") from None


def _check_of(database: Database) -> str | None:
    query = select(sealing.c.sealed).where(sealing.c.name == CHECK)
    with database.read() as connection:
        return connection.execute(query).scalar()


def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        raise KeyMalformed(f"The encryption key is not one (44 letters): {MAKE_ONE}") from None


def _name(key: str) -> str:
    """Name a key by a digest; the key has 256 random bits, so that its name does not give it."""
    return sha256(b"counterfoil key " + key.encode()).hexdigest()[:8]
