"""The names of the rules that make lines, each with what it says; every line carries one."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["RULES"]

RULES: Mapping[str, str] = {
    "line-account": "the account of the line's category, matched by identifier, else by code",
    "codes-map": "the account that `[connection.codes]` gives for Pleo's code or identifier",
    "tax-in-cost": "the line's account, with the tax in it: no tax code, or one that the books "
    "do not recover",
    "tax-ingoing": "the tax that was paid, on its ingoing tax account",
    "reverse-ingoing": "a reverse charge's deductible side, on the ingoing tax account",
    "reverse-outgoing": "a reverse charge's owed side, on the outgoing tax account",
    "wallet": "`[connection.accounts] wallet`, as the item names no contra account",
    "item-contra-account": "the item's own `contraAccount`: the wallet's account in the books",
    "out-of-pocket": "`[connection.accounts] out_of_pocket`: what is owed to, or by, employees",
    "contra": "`[connection.accounts] contra`: the intermediate account, never the item's own",
    "payable": "`[connection.accounts] payable`: the fallback where no vendor has an account",
    "vendor-payable": "the vendor's payable account in the books",
    "employee-payable": "the payable account of the employee, whom the books have as a vendor",
    "paid-account": "the account of the bill that a payment pays",
    "table-account": "an account that the connection's own row of the booking table names",
}
