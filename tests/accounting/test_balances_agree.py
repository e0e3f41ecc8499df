"""Three views that share no code agree on every balance: Beancount, hledger, and the items."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.accounting import sums_from_items
from tests.accounting.exported import Exported, hledger_sums, to_hledger

pytestmark = pytest.mark.slow

KINDS = 17


def test_no_item_fails(exported: Exported) -> None:
    assert (exported.job.outcome, exported.job.faults) == ("completed", ())
    assert Counter(item.status for item in exported.job.items) == {"successful": 200}
    assert len({item["type"] for item in exported.items}) == KINDS


def test_beancount_has_what_the_items_say(exported: Exported) -> None:
    assert exported.beancount_sums() == exported.expected()


def test_hledger_has_what_the_items_say(
    exported: Exported, tmp_path: Path, debian_program: Callable[[str], str]
) -> None:
    hledger = debian_program("hledger")
    journal = tmp_path / "converted.journal"
    journal.write_text(to_hledger(exported), "utf-8")
    assert hledger_sums(hledger, journal) == exported.expected()


def test_hledger_would_refuse_an_account_that_is_not_declared(
    exported: Exported, tmp_path: Path, debian_program: Callable[[str], str]
) -> None:
    hledger = debian_program("hledger")
    journal = tmp_path / "converted.journal"
    text = to_hledger(exported).replace("account Expenses:Meals\n", "")
    journal.write_text(text, "utf-8")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        hledger_sums(hledger, journal)
    assert "Expenses:Meals" in refused.value.stderr


def test_every_balance_is_in_its_own_currencys_digits(exported: Exported) -> None:
    for (_, currency), amount in exported.beancount_sums().items():
        exponent = amount.as_tuple().exponent
        assert isinstance(exponent, int)
        assert -exponent <= sums_from_items.DIGITS.get(currency, 2)


def test_no_items_amount_can_change_unseen(exported: Exported) -> None:
    agreed, items, books = exported.beancount_sums(), exported.items, exported.books
    for number, item in enumerate(items):
        changed = [*items[:number], with_another_amount(item), *items[number + 1 :]]
        assert sums_from_items.sums(changed, books) != agreed, item["accountingEntryId"]


def test_no_item_can_be_left_out_unseen(exported: Exported) -> None:
    agreed, items, books = exported.beancount_sums(), exported.items, exported.books
    for number, item in enumerate(items):
        others = [*items[:number], *items[number + 1 :]]
        assert sums_from_items.sums(others, books) != agreed, item["accountingEntryId"]


def test_no_tax_can_change_unseen(exported: Exported) -> None:
    agreed, items, books = exported.beancount_sums(), exported.items, exported.books
    changes = 0
    for number, item in enumerate(items):
        for changed in with_other_taxes(item, books):
            changes += 1
            others = [*items[:number], changed, *items[number + 1 :]]
            assert sums_from_items.sums(others, books) != agreed, item["accountingEntryId"]
    assert changes


def test_the_script_prints_the_sums_by_hand(exported: Exported) -> None:
    command = [sys.executable, sums_from_items.__file__]
    files = [exported.ledger, exported.configuration, exported.served]
    told = subprocess.run([*command, *files], check=True, capture_output=True, text=True).stdout
    rows = [line.split("\t") for line in told.splitlines()]
    assert {(account, unit): Decimal(text) for account, unit, text in rows} == exported.expected()


def with_another_amount(item: sums_from_items.Json) -> dict[str, Any]:
    changed = deepcopy(dict(item))
    changed["accountingEntryLines"][0]["lineAmount"]["inWalletCurrency"]["value"] += 100
    return changed


def with_other_taxes(
    item: sums_from_items.Json, books: sums_from_items.Books
) -> list[dict[str, Any]]:
    """Change each tax that stands on an account of its own."""
    changes = []
    for number, line in enumerate(item["accountingEntryLines"]):
        tax = line.get("tax") or {}
        if tax.get("ingoingTaxAccount") or ("tax_codes", tax.get("code")) in books.named:
            changed = deepcopy(dict(item))
            amount = changed["accountingEntryLines"][number]["tax"]["amount"]
            amount["inWalletCurrency"]["value"] += 100
            changes.append(changed)
    return changes
