"""Request bodies as the contract has them, checked strictly: anything else is a 400."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias, TypeVar

import simplejson
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from counterfoil.sandbox.apierrors import bad_request
from counterfoil.sandbox.clock import stamp

__all__ = [
    "CREATE_JOB",
    "EVENT",
    "INSTALLATION",
    "SUBSCRIPTION",
    "UPDATES",
    "CreateJobBody",
    "EventBody",
    "InstallationBody",
    "SubscriptionBody",
    "UpdateRow",
    "parse",
    "parse_exactly",
]

T = TypeVar("T")

_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_TIME = r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$"

Uuid = Annotated[str, StringConstraints(pattern=_UUID, to_lower=True)]


def _whole_seconds(text: str) -> str:
    try:
        return stamp(datetime.fromisoformat(text.upper()))
    except OverflowError as error:
        raise ValueError("the time lies outside of the calendar") from error


Timestamp = Annotated[str, StringConstraints(pattern=_TIME), AfterValidator(_whole_seconds)]

JobFailureReasonType: TypeAlias = Literal[
    "invalid_configuration",
    "missing_configuration",
    "authentication_failure",
    "accounting_system_authentication_failure",
    "pleo_rate_limit",
    "accounting_system_rate_limit",
    "service_unreachable",
    "accounting_system_unreachable",
    "validation_failure",
    "authorization_failure",
    "integration_unusable",
    "job_expired",
    "service_timeout",
    "accounting_system_timeout",
    "canceled_by_user",
]

ItemFailureReasonType: TypeAlias = Literal[
    "receipt_upload_failure",
    "receipt_download_failure",
    "receipt_file_size_limit_exceeded",
    "receipt_conversion_failure",
    "unexpected_failure",
    "invalid_configuration",
    "missing_configuration",
    "accounting_system_authentication_failure",
    "accounting_system_rate_limit",
    "accounting_system_unreachable",
    "validation_failure",
    "accounting_system_validation_failure",
    "authorization_failure",
    "accounting_system_timeout",
    "vendor_unknown",
    "account_unknown",
    "tax_code_unknown",
    "tag_unknown",
]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Options(_Body):
    """Choices of an export."""

    vendor_based_bookkeeping: bool | None = Field(default=False, alias="vendorBasedBookkeeping")


class CreateJobBody(_Body):
    """``CreateExportJob``."""

    company_id: Uuid = Field(alias="companyId")
    accounting_entry_ids: list[Uuid] = Field(alias="accountingEntryIds")
    employee_id: Uuid | None = Field(default=None, alias="employeeId")
    is_interactive: bool | None = Field(default=True, alias="isInteractive")
    options: Options | None = None


class _WithoutNulls(_Body):
    """Its keys may be absent but, by the schema, never null."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_nulls(cls, value: object) -> object:
        if isinstance(value, dict):
            known = {field.alias or name for name, field in cls.model_fields.items()}
            nulls = [key for key in known if key in value and value[key] is None]
            if nulls:
                raise ValueError(f"{', '.join(map(str, nulls))} must not be null")
        return value


class EventBody(_WithoutNulls):
    """``CreateExportJobEvent``; what was not sent is None."""

    event: Literal["started", "failed", "completed", "completed_with_errors"]
    job_id: Uuid = Field(alias="jobId")
    failure_reason: str | None = Field(default=None, alias="failureReason")
    failure_reason_type: JobFailureReasonType | None = Field(
        default=None, alias="failureReasonType"
    )


class UpdateRow(_WithoutNulls):
    """``UpdateExportJobItemV3``; what was not sent is None."""

    accounting_entry_id: Uuid = Field(alias="accountingEntryId")
    status: Literal["pending", "in_progress", "failed", "successful", "abandoned"]
    exported_at: Timestamp | None = Field(default=None, alias="exportedAt")
    external_id: str | None = Field(default=None, alias="externalId")
    external_url: str | None = Field(default=None, alias="externalUrl")
    failure_reason: str | None = Field(default=None, alias="failureReason")
    failure_reason_type: ItemFailureReasonType | None = Field(
        default=None, alias="failureReasonType"
    )


class InstallationBody(_Body):
    """What an integration says about itself; ``metadata`` is its own."""

    metadata: dict[str, str] = {}
    status: Literal["ACTIVATED", "INACTIVE", "AUTHORIZED", "PENDING_INTEGRATION", "ERROR"] = (
        "ACTIVATED"
    )


class Credential(_WithoutNulls):
    """``AuthCredential``."""

    username: str | None = None
    password: str | None = None
    token: str | None = None


class Auth(_WithoutNulls):
    """``EndpointAuth``: how Pleo says who it is when it delivers."""

    type: Literal["NONE", "BASIC"] | None = None
    credentials: Credential | None = None

    @model_validator(mode="after")
    def _complete(self) -> Auth:
        given = self.credentials
        if self.type == "BASIC" and not (given and given.username and given.password):
            raise ValueError("BASIC needs credentials with username and password")
        return self


class SubscriptionBody(_WithoutNulls):
    """``SubscriptionRequest``."""

    endpoint_url: Annotated[str, StringConstraints(pattern=r"^https?://[!-~]+$")] = Field(
        alias="endpointUrl"
    )
    event_types: list[str] = Field(alias="eventTypes")
    status: Literal["ACTIVE", "INACTIVE"] = "ACTIVE"
    custom_headers: dict[str, str] | None = Field(default=None, alias="customHeaders")
    endpoint_auth: Auth | None = Field(default=None, alias="endpointAuth")

    @model_validator(mode="after")
    def _each_once(self) -> SubscriptionBody:
        if len(set(self.event_types)) != len(self.event_types):
            raise ValueError("eventTypes must hold each event once")
        return self


CREATE_JOB = TypeAdapter(CreateJobBody)
EVENT = TypeAdapter(EventBody)
UPDATES = TypeAdapter(list[UpdateRow])
INSTALLATION = TypeAdapter(InstallationBody)
SUBSCRIPTION = TypeAdapter(SubscriptionBody)


def parse(adapter: TypeAdapter[T], body: bytes) -> T:
    """Read a request's body; raises the 400 that names its first mistakes."""
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        raise bad_request(_mistakes(error)) from error


def parse_exactly(adapter: TypeAdapter[T], body: bytes) -> T:
    """Read a body whose numbers are kept as Decimal; raises the 400 that names its mistakes."""
    try:
        return adapter.validate_python(simplejson.loads(body, use_decimal=True))
    except ValidationError as error:
        raise bad_request(_mistakes(error)) from error
    except ValueError as error:
        raise bad_request(f"body: {error}") from error


def _mistakes(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{_path(each['loc'])}: {each['msg']}" for each in found[:5])


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "body"
