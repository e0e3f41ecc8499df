"""Accounts, employees, tags, tax codes and receipts that items mention, as the old API had them.

The bridge knows nothing else of a company: what no item mentions is not there. What Pleo does not
tell with an item (an employee's mail address, an account's category) is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from counterfoil.bridge.expense import OldJson, files_of, receipt_id
from counterfoil.pleo.models import NO_ID, Account, ExportItem, Person, Tag, Tax

__all__ = ["accounts", "employees", "receipts", "tag_groups", "tags", "tax_codes"]


def accounts(items: Iterable[ExportItem]) -> list[OldJson]:
    """Return each account that a line names, once, in the order of first mention."""
    found: dict[str, Account] = {}
    for item in items:
        for line in item.accounting_entry_lines:
            if line.account is not None and line.account.id != NO_ID:
                found.setdefault(line.account.id, line.account)
    return [_account(account) for account in found.values()]


def _account(account: Account) -> OldJson:
    return {
        "id": account.id,
        "name": account.name,
        "accountCategoryId": None,
        "hidden": False,
        "accountNumber": account.code,
        "taxCodeId": None,
    }


def employees(items: Iterable[ExportItem]) -> list[OldJson]:
    """Return each employee who spent something, once, in the order of first mention."""
    found: dict[str, Person] = {}
    for item in items:
        if item.user is not None:
            found.setdefault(item.user.id, item.user)
    return [_employee(person) for person in found.values()]


def _employee(person: Person) -> OldJson:
    """Split the name before its last word: Pleo tells it in one piece now."""
    first, _, last = person.name.strip().rpartition(" ")
    return {
        "id": person.id,
        "firstName": first or last,
        "lastName": last if first else None,
        "email": None,
        "jobTitle": None,
        "role": None,
        "phone": None,
        "avatar": None,
        "code": person.code,
        "teamId": None,
    }


def tag_groups(items: Iterable[ExportItem]) -> list[OldJson]:
    """Return each dimension that a line names; its id and its name are its code."""
    return [_group(code) for code in dict.fromkeys(tag.group_code for tag in _all_tags(items))]


def _group(code: str) -> OldJson:
    attribute: OldJson = {"id": code, "name": code, "displayOrder": 0, "hidden": False}
    return {"id": code, "name": code, "tagAttributes": [attribute], "archived": False}


def tags(items: Iterable[ExportItem], group_code: str) -> list[OldJson]:
    """Return each tag of a dimension that a line names, once."""
    found = {tag.id: tag for tag in _all_tags(items) if tag.group_code == group_code}
    return [_tag(tag) for tag in found.values()]


def _tag(tag: Tag) -> OldJson:
    return {
        "id": tag.id,
        "name": tag.code,
        "code": tag.code,
        "tagGroupId": tag.group_code,
        "attributeValues": [{"attributeId": tag.group_code, "value": tag.code}],
        "hidden": False,
    }


def _all_tags(items: Iterable[ExportItem]) -> Iterator[Tag]:
    for item in items:
        for line in item.accounting_entry_lines:
            yield from (tag for tag in line.tags or () if tag is not None)


def tax_codes(items: Iterable[ExportItem]) -> list[OldJson]:
    """Return each tax code that a line names, once; its name is its code, its rate a fraction."""
    found: dict[str, Tax] = {}
    for item in items:
        for line in item.accounting_entry_lines:
            if line.tax is not None:
                found.setdefault(line.tax.id, line.tax)
    return [_tax_code(tax) for tax in found.values()]


def _tax_code(tax: Tax) -> OldJson:
    return {
        "id": tax.id,
        "name": tax.code,
        "rate": tax.rate,
        "enabled": True,
        "code": tax.code,
        "type": "reverse" if tax.type == "reverse" else "normal",
        "ingoingTaxAccount": tax.ingoing_tax_account,
        "outgoingTaxAccount": tax.outgoing_tax_account,
        "createdAt": None,
        "updatedAt": None,
        "deletedAt": None,
    }


def receipts(item: ExportItem) -> list[OldJson]:
    """Return an expense's receipts with their download URLs, which live for 24 hours."""
    return [
        {
            "id": receipt_id(item, place),
            "name": None,
            "mimeType": file.type,
            "size": file.size,
            "url": file.url,
        }
        for place, file in files_of(item)
    ]
