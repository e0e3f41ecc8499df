"""Writes down the demo company's expenses: draws whatever an expense needs, and puts it together.

Everything is drawn from one seeded generator, so a seed gives the same company every time. Which
expenses there are is ``scenes``'s.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeVar
from uuid import NAMESPACE_OID, UUID, uuid5

from counterfoil.sandbox import catalogue
from counterfoil.sandbox.amounts import Money, tax_of
from counterfoil.sandbox.catalogue import CATEGORIES, Person, Supplier, TaxCode, Wallet
from counterfoil.sandbox.clock import stamp
from counterfoil.sandbox.documents import DOCUMENTS
from counterfoil.sandbox.items import WITH_CONTRA_ACCOUNT
from counterfoil.sandbox.model import Item, Receipt

__all__ = ["Desk", "Draft", "PaidLine"]

T = TypeVar("T")

NO_CATEGORY = {"id": str(UUID(int=0)), "name": "", "code": None, "identifier": None}
"""Pleo's other way to say that a line has no category."""


@dataclass(frozen=True, slots=True)
class PaidLine:
    """A part of an expense: what was paid, the category's code (None: none), the tax."""

    money: Money
    category: str | None
    tax: TaxCode | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """An expense as it will be queued."""

    item: Item
    money: Money
    moment: datetime
    receipts: tuple[Receipt, ...] = ()
    vendor_fields: Item | None = None

    @property
    def information(self) -> Item:
        """What ties it to other expenses."""
        found: Item = self.item["additionalInformation"]
        return found

    @property
    def reconciliation_id(self) -> str:
        """What other expenses name it by."""
        return str(self.information["reconciliationId"])


def stable_id(name: str) -> str:
    """Return the id of something that is the same in every company: a category, a person."""
    return str(uuid5(NAMESPACE_OID, name))


class Desk:
    """One company's bookkeeping desk, with its dice."""

    def __init__(self, company_id: str, seed: int, last_day: date) -> None:
        """Take the last day of the year that the expenses are from."""
        self.company_id = company_id
        self.random = random.Random(seed)  # noqa: S311 -- a company to reproduce, no secret
        self._last = datetime.combine(last_day, time(18), UTC)

    def chance(self, percent: int) -> bool:
        """Say yes in so many of a hundred cases."""
        return self.random.randrange(100) < percent

    def pick(self, choices: Sequence[T]) -> T:
        """Take one."""
        return self.random.choice(choices)

    def some(self, choices: Sequence[T], most: int) -> list[T]:
        """Take none to ``most``, each once."""
        return self.random.sample(choices, self.random.randint(0, most))

    def new_id(self) -> str:
        """Return a fresh UUID."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def moment(self) -> datetime:
        """Return a moment of the year."""
        return self._last - timedelta(seconds=self.random.randrange(360 * 86400))

    def wallet(self) -> Wallet:
        """Return a wallet, the main one most of the time."""
        weights = [wallet.weight for wallet in catalogue.WALLETS]
        return self.random.choices(catalogue.WALLETS, weights)[0]

    def supplier(self, *, vendor: bool = False) -> Supplier:
        """Return whom to pay; a vendor of the books where that is needed."""
        return self.pick([each for each in catalogue.SUPPLIERS if each.is_vendor or not vendor])

    def amount(self, wallet: Wallet, pounds: tuple[int, int]) -> int:
        """Return minor units of a wallet worth about so many pounds."""
        return self.random.randint(pounds[0] * wallet.scale, pounds[1] * wallet.scale)

    def tax(self, wallet: Wallet) -> TaxCode | None:
        """Return a tax code of the wallet's country, or none."""
        codes = [code for code in catalogue.TAX_CODES if code.currency == wallet.currency]
        return self.pick(codes) if codes and self.chance(70) else None

    def receipts(self, title: str, when: datetime, money: Money) -> tuple[Receipt, ...]:
        """Return the documents of an expense: mostly one, sometimes two or none."""
        count = self.random.choices((1, 2, 0), (75, 10, 15))[0]
        value = money.as_json()["inSupplierCurrency"]
        total = f"TOTAL {value['currency']} {Decimal(value['value']) / 100}"
        lines = [title, when.strftime("%d/%m/%Y %H:%M"), total]
        return tuple(self.pick(DOCUMENTS)([*lines, self.new_id()[:8]]) for _ in range(count))

    def draft(  # noqa: PLR0913 -- what makes up an expense
        self,
        kind: str,
        when: datetime,
        lines: Sequence[PaidLine],
        *,
        sub_type: str | None = None,
        supplier: Supplier | None = None,
        person: Person | None = None,
        receipts: bool = False,
        information: Item | None = None,
    ) -> Draft:
        """Put an expense together; ``information`` goes into ``additionalInformation``."""
        entry_id = self.new_id()
        money = Money.total([line.money for line in lines])
        item: Item = {
            "accountingEntryId": entry_id,
            "companyId": self.company_id,
            "type": kind,
            "subType": sub_type,
            "date": stamp(when),
            "amount": money.as_json(),
            "accountingEntryLines": [self._line(line) for line in lines],
            "additionalInformation": {"reconciliationId": f"REC{entry_id[:8].upper()}"}
            | (information or {}),
            "bookkeeping": self.pick(({"method": "journal"}, {"method": "none"}, None)),
            "contraAccount": self._contra(kind, money.wallet),
            "note": self.pick(catalogue.NOTES),
            "files": None,
            "supplier": supplier and _supplier_json(supplier),
            "user": person and _person_json(person),
            "team": self._team(),
            "servicePeriod": None,
            "_links": {"web": {"exportItem": f"https://app.pleo.io/export/{entry_id}"}},
        }
        title = supplier.name if supplier else kind
        return Draft(
            item,
            money,
            when,
            self.receipts(title, when, money) if receipts else (),
            self._vendor_fields(kind, supplier),
        )

    def with_service_period(self, draft: Draft, when: datetime) -> Draft:
        """Say that the service was rendered in the month around a moment."""
        first = when.replace(day=1, hour=0, minute=0, second=0)
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(seconds=1)
        period = {"from": stamp(first), "to": stamp(last)}
        return replace(draft, item=draft.item | {"servicePeriod": period})

    def _line(self, line: PaidLine) -> Item:
        tax = line.tax and self._tax_json(line.money, line.tax)
        net = line.money.minor
        if line.tax is not None and line.tax.type == "exclusive":
            net -= tax_of(net, line.tax)
        return {
            "accountingEntryLineId": self.new_id(),
            "lineAmount": line.money.as_json(),
            "netAmount": line.money.share(net).as_json(),
            "account": self._account(line.category),
            "tags": self._tags(),
            "tax": tax,
        }

    def _account(self, code: str | None) -> Item | None:
        if code is None:
            return self.pick((None, NO_CATEGORY))
        category = CATEGORIES[code]
        identifier = category.account if self.chance(30) else None
        return {"id": stable_id(f"category {code}"), "name": category.name} | {
            "code": code,
            "identifier": identifier,
        }

    def _tags(self) -> list[Item] | None:
        groups = self.some(list(catalogue.TAGS), most=3)
        tags = [(group, self.pick(catalogue.TAGS[group])) for group in groups]
        return [
            {"id": stable_id(f"tag {group} {code}"), "groupCode": group, "code": code}
            for group, code in tags
        ] or self.pick(([], None))

    def _tax_json(self, money: Money, code: TaxCode) -> Item:
        amount = tax_of(money.minor, code)
        if code.type == "reverse" and self.chance(50):
            amount = 0
        accounts = {"ingoingTaxAccount": code.ingoing, "outgoingTaxAccount": code.outgoing}
        return {
            "id": stable_id(f"tax {code}"),
            "code": code.code,
            "rate": code.rate,
            "type": code.type,
            "amount": money.share(amount).as_json(),
        } | {name: account for name, account in accounts.items() if account}

    def _contra(self, kind: str, wallet: Wallet) -> Item | None:
        """Return the wallet's own account; some have no code, and the configured one serves."""
        if kind not in WITH_CONTRA_ACCOUNT or self.chance(10):
            return None
        name = f"Pleo {wallet.currency} Account"
        code = wallet.code if self.chance(85) else None
        return {"id": stable_id(name), "name": name, "code": code, "identifier": None}

    def _team(self) -> Item | None:
        if self.chance(25):
            return None
        team = self.pick(catalogue.TEAMS)
        return {"id": stable_id(f"team {team.name}"), "name": team.name, "code": team.code}

    def _vendor_fields(self, kind: str, supplier: Supplier | None) -> Item | None:
        """Return what a job with vendor based bookkeeping sees instead."""
        if kind in _ALWAYS_JOURNAL:
            return None
        vendor = _vendor_json(supplier) if supplier and supplier.is_vendor else None
        payable = kind in _EMPLOYEES_OWN or (vendor is not None and self.chance(80))
        method = "accounts_payable" if payable else "journal"
        return {"bookkeeping": {"method": method}, "vendor": vendor}


_ALWAYS_JOURNAL = frozenset({"wallet_topup", "wallet_unload", "atm_withdrawal", "personal_spend"})
_EMPLOYEES_OWN = frozenset(
    {"out_of_pocket", "mileage", "per_diem", "direct_reimbursement", "external_reimbursement"}
)


def _supplier_json(supplier: Supplier) -> Item:
    return {
        "name": supplier.name,
        "country": supplier.country,
        "categoryCode": supplier.merchant_code,
        "code": supplier.code,
        "account": None,
        "taxIdentifier": supplier.tax_number,
    }


def _vendor_json(supplier: Supplier) -> Item:
    known: Mapping[str, str | None] = {
        "code": supplier.code,
        "registrationNumber": supplier.registration,
        "taxRegistrationNumber": supplier.tax_number,
    }
    return {
        "id": stable_id(f"vendor {supplier.name}"),
        "name": supplier.name,
        "defaultCurrency": "EUR",
        "country": supplier.country,
    } | {name: value for name, value in known.items() if value is not None}


def _person_json(person: Person) -> Item:
    return {"id": stable_id(f"user {person.name}"), "name": person.name, "code": person.code}
