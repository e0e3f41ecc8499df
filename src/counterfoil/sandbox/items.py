"""Builders of export items: a whole, valid one from the few things that matter to a test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import uuid4

from counterfoil.sandbox.clock import stamp
from counterfoil.sandbox.model import Item

__all__ = ["WITH_CONTRA_ACCOUNT", "amount_pair", "build_item", "build_line", "build_tax"]

Hundredths: TypeAlias = "int | Decimal"

WITH_CONTRA_ACCOUNT = frozenset(
    {
        "card_purchase",
        "fee",
        "cashback",
        "refund",
        "chargeback",
        "direct_reimbursement",
        "invoice_payment",
        "card_invoice",
        "atm_withdrawal",
        "personal_spend",
        "wallet_topup",
        "wallet_unload",
    }
)
"""Types that move a wallet's money, and so may carry ``contraAccount``."""


def amount_pair(value: Hundredths, currency: str = "GBP") -> Item:
    """Return the same amount as the supplier charged and the wallet paid it, in hundredths."""
    money = {"currency": currency, "value": value}
    return {"inSupplierCurrency": dict(money), "inWalletCurrency": dict(money)}


def build_tax(  # noqa: PLR0913 -- a builder's parameters are its purpose
    amount: Hundredths,
    *,
    code: str | None = "VAT20",
    rate: Decimal = Decimal("0.2"),
    type: str = "inclusive",
    currency: str = "GBP",
    ingoing: str | None = None,
    outgoing: str | None = None,
) -> Item:
    """Return a line's ``tax``; the tax accounts are absent unless given."""
    tax: Item = {
        "id": str(uuid4()),
        "code": code,
        "rate": rate,
        "type": type,
        "amount": amount_pair(amount, currency),
    }
    accounts = {"ingoingTaxAccount": ingoing, "outgoingTaxAccount": outgoing}
    return tax | {name: account for name, account in accounts.items() if account is not None}


def build_line(  # noqa: PLR0913 -- as above
    value: Hundredths,
    account: str | None = "6100",
    *,
    currency: str = "GBP",
    net: Hundredths | None = None,
    tax: Item | None = None,
    tags: Sequence[tuple[str, str]] = (),
    identifier: str | None = None,
) -> Item:
    """Return a line; ``tags`` are (group code, code), ``account`` a code (None: no category)."""
    category = {"id": str(uuid4()), "name": "Category", "code": account, "identifier": identifier}
    return {
        "accountingEntryLineId": str(uuid4()),
        "lineAmount": amount_pair(value, currency),
        "netAmount": amount_pair(value if net is None else net, currency),
        "account": None if account is None and identifier is None else category,
        "tags": [{"id": str(uuid4()), "groupCode": group, "code": code} for group, code in tags],
        "tax": tax,
    }


def build_item(  # noqa: PLR0913 -- as above
    *,
    company_id: str,
    date: datetime | str,
    id: str | None = None,
    type: str = "card_purchase",
    value: Hundredths = 1200,
    currency: str = "GBP",
    account: str | None = "6100",
    lines: Sequence[Item] | None = None,
    method: str | None = None,
    contra: str | None = None,
    **fields: Any,  # noqa: ANN401 -- further keys of the payload, as Pleo spells them
) -> Item:
    """Return a valid export item of one line, with ``fields`` laid over it.

    ``method`` fills ``bookkeeping``, ``contra`` the code of ``contraAccount``; None: null.
    """
    entry_id = id or str(uuid4())
    account_of_wallet = {"id": str(uuid4()), "name": f"Pleo {currency} Account", "code": contra}
    item: Item = {
        "accountingEntryId": entry_id,
        "companyId": company_id,
        "type": type,
        "date": date if isinstance(date, str) else stamp(date),
        "amount": amount_pair(value, currency),
        "accountingEntryLines": [build_line(value, account, currency=currency)],
        "additionalInformation": {"reconciliationId": f"rec-{entry_id}"},
        "bookkeeping": None if method is None else {"method": method},
        "contraAccount": None if contra is None else account_of_wallet | {"identifier": None},
        "note": None,
        "files": None,
        "_links": {"web": {"exportItem": f"https://app.pleo.io/export/{entry_id}"}},
    }
    if lines is not None:
        total = sum(line["lineAmount"]["inWalletCurrency"]["value"] for line in lines)
        item |= {"accountingEntryLines": list(lines), "amount": amount_pair(total, currency)}
    return item | fields
