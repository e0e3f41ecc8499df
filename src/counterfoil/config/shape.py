"""The shape of a configuration file, section by section, with every key and its default.

pydantic checks it. What the keys mean to a user is told in ``docs/configuration.md``.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    InstanceOf,
    PlainValidator,
    ValidationError,
    ValidationInfo,
)

from counterfoil.bookkeeping.settings import (
    ClosedPeriods,
    NegativeTotals,
    PostingMode,
    UnmatchedVendor,
)
from counterfoil.config.addresses import (
    BaseUrl,
    CaFile,
    DirectUrl,
    KeyReference,
    PublicUrl,
    RedirectUri,
    RegisterUrl,
    SecretReference,
)
from counterfoil.config.keys import RegisterKey
from counterfoil.config.mistakes import Mistake, Mistakes, told
from counterfoil.config.model import OnChange, ReceiptPolicy
from counterfoil.config.values import (
    Account,
    BookingRows,
    Codes,
    CompanyId,
    ConnectionName,
    Description,
    HostName,
    KeepItems,
    Kind,
    OnChangeSetting,
    Pause,
    Timezone,
    Word,
)
from counterfoil.systems.contract import SystemKind
from counterfoil.systems.elsewhere import TARGET as ELSEWHERE

__all__ = [
    "CONNECTION_EXAMPLE",
    "ConnectionShape",
    "FileShape",
    "PleoShape",
    "RegisterShape",
    "ServeShape",
]


DESCRIPTION = "{supplier} {user} {note}"
"""The narration's template where a connection has none of its own, as in ``Settings``."""


class Shape(BaseModel):
    """What all sections share: no unknown keys, no quiet conversions, frozen."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class OAuthShape(Shape):
    """``[pleo.oauth]``: our registration with Pleo, for connections without an API key."""

    client_id: Annotated[Word, Field(examples=["12abc3d4"])]
    client_secret: Annotated[SecretReference, Field(examples=["env:PLEO_CLIENT_SECRET"])]
    redirect_uri: Annotated[RedirectUri, Field(examples=["http://127.0.0.1:8892/oauth/callback"])]
    auth_url: BaseUrl | None = None


class PleoShape(Shape):
    """``[pleo]``: which Pleo, and what connections prove themselves with that have no key."""

    base_url: BaseUrl | None = None
    environment: Literal["production", "staging"] | None = None
    api_key: SecretReference | None = None
    ca_file: CaFile | None = None
    oauth: OAuthShape | None = None


class RegisterShape(Shape):
    """``[register]``: where Counterfoil keeps its memory."""

    url: RegisterUrl = Field("sqlite:///counterfoil.db", validate_default=True)
    direct_url: DirectUrl | None = None
    key: RegisterKey = Field(None, validate_default=True)
    keep_items: KeepItems = timedelta(days=400)


class ServeShape(Shape):
    """``[serve]``: how ``counterfoil serve`` works."""

    poll: Pause = timedelta(minutes=5)
    at_once: Annotated[int, Field(ge=1, le=64)] = 4
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8892
    metrics: Literal["open", "token", "off"] = "open"
    token: SecretReference | None = None
    public_url: PublicUrl | None = None


class AccountsShape(Shape):
    """``[connection.accounts]``: the accounts that Pleo's rules ask for."""

    wallet: Account | None = None
    out_of_pocket: Account | None = None
    contra: Account | None = None
    payable: Account | None = None


class PostingShape(Shape):
    """``[connection.posting]``."""

    mode: Annotated[PostingMode, Field(strict=False)] = PostingMode.DRAFT


class PeriodsShape(Shape):
    """``[connection.periods]``."""

    closed: Annotated[ClosedPeriods, Field(strict=False)] = ClosedPeriods.FAIL
    closed_through: date | None = None


class SignsShape(Shape):
    """``[connection.signs]``."""

    negative: Annotated[NegativeTotals, Field(strict=False)] = NegativeTotals.FAIL


class ReceiptsShape(Shape):
    """``[connection.receipts]``."""

    policy: Annotated[ReceiptPolicy, Field(strict=False)] = ReceiptPolicy.REQUIRE
    hosts: Annotated[tuple[HostName, ...], Field(strict=False)] = ()


class BridgeShape(Shape):
    """``[connection.bridge]``: an old program exports this company, through ``expenses bridge``."""

    token: Annotated[SecretReference, Field(examples=["env:OLD_PLEO_TOKEN"])]


def _bridge(shape: BridgeShape | None, info: ValidationInfo) -> BridgeShape | None:
    """Ask for the table where there are no books but those that the old program keeps."""
    kind = info.data.get("system")
    if shape is None and isinstance(kind, SystemKind) and kind.name == ELSEWHERE:
        raise Mistake(
            f'is missing, and system = "{ELSEWHERE}" books nothing by itself',
            '[connection.bridge] with token = "env:OLD_PLEO_TOKEN" would be right',
        )
    return shape


def _options(value: object, info: ValidationInfo) -> BaseModel | None:
    """Check the options by the system's own model; without a system there is nothing to check."""
    if not isinstance(value, dict):
        raise Mistake("is not a table", "the table [connection.options] would be right")
    kind = info.data.get("system")
    if not isinstance(kind, SystemKind):
        return None
    try:
        return kind.options.model_validate(value)
    except ValidationError as error:
        raise Mistakes(told(kind.options, error)) from None


class ConnectionShape(Shape):
    """``[[connection]]``: one company, its books, and how its expenses are booked."""

    name: Annotated[ConnectionName, Field(examples=["acme"])]
    company_id: CompanyId | None = None
    system: Annotated[Kind, Field(examples=["beancount"])]
    timezone: Timezone = Field("UTC", validate_default=True)
    api_key: KeyReference | None = None
    unmatched_vendor: Annotated[UnmatchedVendor, Field(strict=False)] = UnmatchedVendor.FAIL
    description: Description = DESCRIPTION
    on_change: OnChangeSetting = OnChange.FAIL
    options: Annotated[InstanceOf[BaseModel] | None, PlainValidator(_options)] = Field(
        default_factory=dict, validate_default=True
    )
    accounts: AccountsShape = AccountsShape()
    posting: PostingShape = PostingShape()
    periods: PeriodsShape = PeriodsShape()
    signs: SignsShape = SignsShape()
    receipts: ReceiptsShape = ReceiptsShape()
    bridge: Annotated[BridgeShape | None, AfterValidator(_bridge)] = Field(
        None, validate_default=True
    )
    codes: Codes = Field(default_factory=dict)
    booking: BookingRows = ()


def _section(value: object) -> object:
    if isinstance(value, dict):
        return value
    raise Mistake("is not a section", "a table under its name in square brackets would be right")


def _sections(value: object) -> object:
    if isinstance(value, dict):
        raise Mistake("is a single table", "write [[connection]] with double brackets")
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        return value
    raise Mistake("is not a list of tables", "one [[connection]] for each company would be right")


Section = Annotated[object, PlainValidator(_section)]

PLEO_EXAMPLE = '[pleo] with environment = "production" and api_key = "env:PLEO_API_KEY"'
CONNECTION_EXAMPLE = "[[connection]] with name, company_id, system and [connection.options]"


class FileShape(Shape):
    """The sections of a file; each is checked by its own shape, so that all mistakes are found."""

    pleo: Annotated[Section, Field(examples=[PLEO_EXAMPLE])]
    register_: Annotated[Section, Field(alias="register")] = None
    serve: Section = None
    log: Section = None
    notify: Section = None
    limits: Section = None
    connection: Annotated[object, PlainValidator(_sections)] = None
