"""Pleo's Export API v3 on the wire: export jobs, job items, export items, and what we send.

Amounts stay as Pleo sends them: ``Money.value`` is a ``Decimal`` in hundredths of the currency
unit, whatever the currency. Times are aware. Closed lists of the contract (types, methods,
statuses) are open here: a new value must reach the rules that refuse it by name. Unknown fields
are ignored.
Source: Pleo Export API v3, OpenAPI 32.1.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

__all__ = [
    "NO_ID",
    "Account",
    "AdditionalInformation",
    "AmountPair",
    "Bookkeeping",
    "ExportItem",
    "ExportJob",
    "ExportJobItem",
    "InvoiceInformation",
    "ItemLine",
    "ItemUpdate",
    "ItemUpdateError",
    "ItemUpdateResult",
    "Money",
    "Person",
    "ReceiptFile",
    "ServicePeriod",
    "Supplier",
    "SupplierBankAccount",
    "Tag",
    "Tax",
    "Vendor",
]

NO_ID = "00000000-0000-0000-0000-000000000000"
"""Pleo's id for "no category": an account with it counts as missing."""


def _number(value: object) -> object:
    """Let JSON numbers through as Decimal; never a float, a string or a boolean."""
    if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        return Decimal(value)
    raise ValueError(f"a number is needed, not {type(value).__name__}")


def _day_or_time(value: object) -> object:
    """Read ``2026-04-18`` as midnight UTC: the contract's masks and formats disagree."""
    if isinstance(value, str) and len(value) == len("2026-04-18"):
        return f"{value}T00:00:00Z"
    if isinstance(value, datetime) or (isinstance(value, str) and "-" in value[1:]):
        return value
    raise ValueError(f"a date and time is needed, not {type(value).__name__}")


Number = Annotated[Decimal, BeforeValidator(_number)]
"""A JSON number, kept exactly."""

Time = Annotated[AwareDatetime, BeforeValidator(_day_or_time)]
"""A point in time with its zone, or a bare day read as midnight UTC."""

Text = Annotated[str, Field(strict=True)]

Words = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
"""A text that may be null, read as empty."""


class Wire(BaseModel):
    """What all of Pleo's shapes share: camelCase on the wire, frozen, unknown fields ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore"
    )


class Money(Wire):
    """An amount in hundredths of the currency unit (``value / 100`` is major units)."""

    currency: Text
    value: Number


class AmountPair(Wire):
    """One amount, as the supplier charged it and as the wallet paid it."""

    in_supplier_currency: Money
    in_wallet_currency: Money


class Account(Wire):
    """A category or contra account: ``code`` and ``identifier`` are the books' names for it."""

    id: Text
    name: Text
    code: Text | None = None
    identifier: Text | None = None


class Tag(Wire):
    """A dimension (``group_code``) and its value (``code``)."""

    id: Text
    code: Text
    group_code: Text


class Tax(Wire):
    """A line's tax; ``rate`` a fraction (0.2 is 20 %), ``type`` inclusive, exclusive, reverse."""

    amount: AmountPair
    id: Text
    rate: Number
    type: Text
    code: Text | None = None
    ingoing_tax_account: Text | None = None
    outgoing_tax_account: Text | None = None


class ItemLine(Wire):
    """A part of an expense with its own account, tax and tags."""

    accounting_entry_line_id: Text
    line_amount: AmountPair
    net_amount: AmountPair
    account: Account | None = None
    tags: Sequence[Tag | None] | None = None
    tax: Tax | None = None


class SupplierBankAccount(Wire):
    """Where an invoice asks to be paid."""

    bank_name: Text
    country: Text
    account_number: Text | None = None
    bank_code: Text | None = None
    bic: Text | None = None
    iban: Text | None = None


class InvoiceInformation(Wire):
    """An invoice's own dates, number and state in Pleo."""

    invoice_date: Time
    invoice_number: Text
    status: Text
    due_date: Time | None = None
    payment_date: Time | None = None
    supplier_bank_account: SupplierBankAccount | None = None


class AdditionalInformation(Wire):
    """Reconciliation ids, attendees and invoice details."""

    reconciliation_id: Text
    attendees: Sequence[Text | None] | None = None
    invoice_information: InvoiceInformation | None = None
    reconciled_entries: Sequence[Text | None] | None = None


class Bookkeeping(Wire):
    """How Pleo wants the item booked: none, journal or accounts_payable; null is legacy."""

    method: Text | None = None


class ReceiptFile(Wire):
    """A document behind a URL that lives 24 hours from the fetch of the item; size in bytes."""

    url: Text
    type: Text | None = None
    size: Annotated[int, Field(strict=True)] | None = None


class ServicePeriod(Wire):
    """When the service was rendered; moves no posting date."""

    from_: Time = Field(alias="from")
    to: Time


class Supplier(Wire):
    """Whom the card or invoice paid, as Pleo knows it."""

    account: Text | None = None
    category_code: Text | None = None
    code: Text | None = None
    country: Text | None = None
    name: Text | None = None
    tax_identifier: Text | None = None


class Person(Wire):
    """A user or a team: id, name, and the books' code for it."""

    id: Text
    name: Text
    code: Text | None = None


class Vendor(Wire):
    """The vendor an item is tagged with (Vendor Tagging)."""

    id: Text
    name: Text
    default_currency: Text | None = None
    code: Text | None = None
    country: Text | None = None
    external_id: Text | None = None
    registration_number: Text | None = None
    tax_registration_number: Text | None = None


class ExportItem(Wire):
    """One accounting entry of Pleo's, with all that is needed to book it (the data layer)."""

    accounting_entry_id: Text
    company_id: Text
    type: Text
    date: Time
    amount: AmountPair
    accounting_entry_lines: Sequence[ItemLine]
    additional_information: AdditionalInformation
    sub_type: Text | None = None
    bookkeeping: Bookkeeping | None = None
    contra_account: Account | None = None
    files: Sequence[ReceiptFile | None] | None = None
    note: Text | None = None
    service_period: ServicePeriod | None = None
    supplier: Supplier | None = None
    team: Person | None = None
    user: Person | None = None
    vendor: Vendor | None = None
    links: Mapping[str, Mapping[str, Any] | None] | None = Field(default=None, alias="_links")


class ExportJob(Wire):
    """A bookkeeper's export; ``expires_in`` seconds count from ``last_updated_at``."""

    id: Text
    company_id: Text
    status: Text
    created_at: Time
    number_of_items: int
    expires_in: int
    started_at: Time | None = None
    last_updated_at: Time | None = None
    completed_at: Time | None = None
    expired_at: Time | None = None
    failure_reason: str | None = None
    failure_reason_type: str | None = None
    is_interactive: bool = True
    vendor_based_bookkeeping: bool = False

    @property
    def expires_at(self) -> datetime:
        """When it expires unless it is updated before."""
        return (self.last_updated_at or self.created_at) + timedelta(seconds=self.expires_in)


class ExportJobItem(Wire):
    """An item of a job and its status (the control layer)."""

    export_job_id: Text
    accounting_entry_id: Text
    status: Text
    exported_at: Time | None = None
    external_id: str | None = None
    external_url: str | None = None
    failure_reason: str | None = None
    failure_reason_type: str | None = None


class ItemUpdate(Wire):
    """One row of the PUT that reports outcomes; keys without a value are left out on the wire."""

    accounting_entry_id: str
    status: str
    exported_at: datetime | None = None
    external_id: str | None = None
    external_url: str | None = None
    failure_reason: str | None = None
    failure_reason_type: str | None = None


class ItemUpdateError(Wire):
    """A row that a PUT with status 200 refused all the same."""

    accounting_entry_id: Text
    message: Words = ""
    type: Words = ""


class ItemUpdateResult(Wire):
    """What a PUT of outcomes answers: rows taken and rows refused."""

    data: Sequence[ExportJobItem] = ()
    errors: Sequence[ItemUpdateError] = ()
