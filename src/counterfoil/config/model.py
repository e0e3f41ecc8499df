"""The configuration as the rest of the program sees it: checked, resolved, frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel

from counterfoil.bookkeeping.settings import Settings
from counterfoil.errors import ConfigurationError, ConnectionBroken
from counterfoil.export.policies import OnChange, ReceiptPolicy
from counterfoil.register import Register, Seal, open_register
from counterfoil.systems.contract import AccountingSystem, SystemKind

__all__ = [
    "KEPT",
    "BridgeSettings",
    "Config",
    "Connection",
    "LimitSettings",
    "LogSettings",
    "NotifySettings",
    "OAuthSettings",
    "OnChange",
    "ReceiptPolicy",
    "ReceiptSettings",
    "Secret",
    "ServeSettings",
]


KEPT = "register"
"""The reference of a secret that is kept in the register, sealed."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret and the reference it was read by; only ``reveal`` gives the secret itself."""

    reference: str
    _value: str = field(repr=False)
    lacking: str | None = None
    """Why it could not be read, where the configuration was loaded for work without secrets."""
    read: Callable[[], str] | None = field(default=None, repr=False, compare=False)
    """Reads it from where it is kept; raises ValueError."""

    def reveal(self) -> str:
        """Return the secret, to be put in a header and nowhere else; raises ConfigurationError."""
        if self.lacking is not None:
            raise ConfigurationError(self.lacking)
        return self._value

    def again(self) -> str:
        """Return the secret as it is now, which may be another; raises ConfigurationError."""
        try:
            return self.read() if self.read and not self.lacking else self.reveal()
        except ValueError as error:
            raise ConfigurationError(f"{self.reference}: {error}") from None

    def __str__(self) -> str:
        """Return a mask with the reference, fit for logs."""
        return f"<secret {self.reference}>"


def _lacking(secrets: Iterable[Secret]) -> tuple[str, ...]:
    return tuple(each.lacking for each in secrets if each.lacking is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptSettings:
    """How receipts are treated; with ``hosts``, they may come from these and Pleo's own only."""

    policy: ReceiptPolicy = ReceiptPolicy.REQUIRE
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeSettings:
    """The company's expenses are exported by an old program, through ``expenses bridge``."""

    token: Secret
    """The bearer token that the old program sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthSettings:
    """Our registration with Pleo's OAuth."""

    auth_url: str
    """Where Pleo's OAuth answers, without a slash at the end."""
    client_id: str
    client_secret: Secret
    redirect_uri: str
    """Where people come back to, exactly as it is registered."""
    ca_file: Path | None = None
    """Certificates of authorities that are trusted beside the public ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One Pleo company and the books its expenses go to."""

    name: str
    company_id: str
    """Lower case, with hyphens; empty while neither the file nor Pleo has told it."""
    base_url: str
    """Where Pleo's API answers, without a slash at the end."""
    environment: str
    """``production``, ``staging``, or the host of any other Pleo."""
    api_key: Secret | None = None
    """Its own or the common one; None where it connects by OAuth."""
    oauth: OAuthSettings | None = None
    """Where it has no API key."""
    kind: SystemKind
    options: BaseModel
    ca_file: Path | None = None
    """Certificates of authorities that are trusted at Pleo, beside the public ones."""
    folder: Path
    """The configuration file's folder: relative paths start there."""
    settings: Settings
    receipts: ReceiptSettings = field(default_factory=ReceiptSettings)
    on_change: OnChange = OnChange.FAIL
    bridge: BridgeSettings | None = None
    broken: str | None = None
    """Why it must not be worked for, whatever the others do: another exports its company."""

    @property
    def lacking(self) -> tuple[str, ...]:
        """Say which of its secrets could not be read, and why; those in the register count not."""
        secrets = [
            self.api_key,
            self.oauth.client_secret if self.oauth else None,
            self.bridge.token if self.bridge else None,
        ]
        return _lacking(each for each in secrets if each and each.reference != KEPT)

    def check(self) -> None:
        """Raise ConnectionBroken where it is broken, or a secret of it is missing."""
        reasons = (self.broken,) if self.broken else self.lacking
        if reasons:
            raise ConnectionBroken("; ".join(reasons))

    def settings_for(self, books: AccountingSystem) -> Settings:
        """Return the settings, for this company and the lengths of texts that these books take."""
        limit = books.capabilities.narration_limit
        return replace(self.settings, company_id=self.company_id or None, narration_limit=limit)

    def open_books(self) -> AccountingSystem:
        """Make an instance of the accounting system, for one job; nothing is opened yet."""
        return self.kind.open(self.options, self.folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """How ``counterfoil serve`` works."""

    poll: timedelta = timedelta(minutes=5)
    """How often each connection is looked at by itself."""
    at_once: int = 4
    """How many companies are exported beside each other."""
    host: str = "127.0.0.1"
    port: int = 8892
    """Where it answers; 0: any free port."""
    metrics: str = "open"
    """Who may read ``/metrics``: anybody who reaches it, whoever has the token, or nobody."""
    token: Secret | None = None
    """The bearer token that opens what is not public."""
    public_url: str | None = None
    """Where Pleo reaches it, without a slash at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """How the log is written; None: as the command would by itself."""

    format: str | None = None
    """``console`` or ``json``."""
    level: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySettings:
    """How people are told of what needs them: by a program, or at a URL."""

    command: tuple[str, ...] = ()
    """A program and its arguments; it gets JSON on its standard input."""
    url: Secret | None = None
    """Where JSON is posted to."""
    token: Secret | None = None
    """A bearer token for that."""
    on: tuple[str, ...] = ("job_failed", "item_uncertain", "connection_broken", "books_away")
    """Which events they are told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """How often hosts are asked, in requests a second; None: as often as there is need."""

    per_connection: float | None = None
    per_host: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole configuration file, checked."""

    path: Path
    register_url: str = field(repr=False)
    """``sqlite:///`` and an absolute path, or ``postgresql://``, perhaps with a password."""
    register_direct_url: str | None = field(default=None, repr=False)
    """Where PostgreSQL itself is reached, for a register behind a pooler."""
    seal: Seal = field(default_factory=Seal)
    """What the register's secrets and, with a key, its items are sealed with."""
    keep_items: timedelta = timedelta(days=400)
    """How long items are kept as they were received and planned."""
    serve: ServeSettings = field(default_factory=ServeSettings)
    log: LogSettings = field(default_factory=LogSettings)
    notify: NotifySettings | None = None
    limits: LimitSettings = field(default_factory=LimitSettings)
    connections: tuple[Connection, ...]

    @property
    def lacking(self) -> tuple[str, ...]:
        """Say which secrets that all connections share could not be read, and why."""
        notify = (self.notify.url, self.notify.token) if self.notify else ()
        served = (self.serve.token,)
        return (
            *(f"serve.{each}" for each in _lacking(filter(None, served))),
            *(f"notify.{each}" for each in _lacking(filter(None, notify))),
        )

    def open_register(self) -> Register:
        """Open the register; raises what ``counterfoil.register.open_register`` does.

        So it raises ConfigurationError where the key that is given cannot be used.
        """
        if self.seal.lacking is not None:
            raise ConfigurationError(self.seal.lacking)
        return open_register(self.register_url, direct_url=self.register_direct_url, seal=self.seal)
