"""Enters a company of Tryton, and finds out what it offers: modules, rights, journals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from counterfoil.errors import JobFailureType
from counterfoil.systems.contract import BooksNotReady
from counterfoil.systems.tryton.access import Access
from counterfoil.systems.tryton.exchange import Refusal, not_ready
from counterfoil.systems.tryton.options import TrytonOptions
from counterfoil.systems.tryton.values import INVOICE, MARK, MOVE
from counterfoil.systems.tryton.wire import Row, Value

__all__ = ["ADVICE", "Offer", "enter"]

ADVICE = (
    "without the module trytond_counterfoil, Tryton itself does not keep a second record of one "
    "expense out: install it beside the server (pip install ./packages/trytond_counterfoil), "
    "activate it (trytond-admin -d DATABASE -u counterfoil) and restart the server"
)
MODULES: Mapping[str, str] = {MOVE: "account", INVOICE: "account_invoice"}
RIGHTS: Mapping[str, Iterable[str]] = {
    MOVE: ("read", "create", "write", "delete"),
    "account.move.line": ("read", "create"),
    INVOICE: ("read", "create", "write", "delete"),
    "ir.attachment": ("read", "create"),
    "account.move.reconciliation": ("read", "create"),
    "account.account": ("read",),
    "account.tax": ("read",),
    "account.period": ("read",),
    "party.party": ("read",),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """What a company is, and what its database offers beyond what it must."""

    company: int
    company_name: str
    currency: int
    """What the company's books are kept in."""
    module: bool
    """Our module, which keeps a second record of one reference out."""
    earlier: bool
    """Whether records were made before it was there."""
    analytic: bool


async def enter(access: Access, options: TrytonOptions) -> Offer:
    """Log in, choose the company, and look around; raises BooksNotReady."""
    await access.enter()
    try:
        preferences = await access.call("res.user", "get_preferences", context_only=False)
        company = await _choose_company(access, options, preferences)
        fields = {model: await _fields(access, model, name) for model, name in MODULES.items()}
        await _check_rights(access)
        module = "external_id" in fields[MOVE]
        return Offer(
            company=options.company,
            company_name=company["rec_name"],
            currency=company["currency"],
            module=module,
            earlier=module and await _has_earlier(access, options.company),
            analytic=await _has(access, "analytic_account.account"),
        )
    except Refusal as error:
        raise not_ready(
            f"Tryton does not let this user work: {error}", JobFailureType.AUTHORIZATION_FAILURE
        ) from error


async def _choose_company(
    access: Access, options: TrytonOptions, preferences: Mapping[str, Value]
) -> Row:
    """Make every call in the company, and in English: the words are shown to people.

    Returns what the company is.

    Nothing is asked in a company before it is known to be there: for a while Tryton remembers what
    it found in one, which is nothing where there is none.
    """
    company = options.company
    mine = {name: value for name, value in preferences.items() if name in {"employee", "groups"}}
    access.context = {**mine, "language": "en"}
    rows = await access.search_read("company.company", [], ("rec_name", "currency"))
    known = {row["id"]: row for row in rows}
    if company not in known:
        names = ", ".join(f"{id} ({row['rec_name']})" for id, row in known.items()) or "none"
        raise not_ready(
            f"Tryton's database {options.database} has no company {company}; there is {names}: "
            "correct options.company."
        )
    access.context |= {"company": company, "companies": [company], "company_filter": "one"}
    # It names none where the user is bound to none.
    allowed = preferences.get("companies")
    if allowed and company not in allowed:
        raise not_ready(
            f"The user may not work in the company {known[company]['rec_name']} ({company}): add "
            "it to the user's companies in Tryton.",
            JobFailureType.AUTHORIZATION_FAILURE,
        )
    return known[company]


async def _fields(access: Access, model: str, module: str) -> Mapping[str, object]:
    """Describe what shows our module; raises BooksNotReady where the model's is not active."""
    try:
        found: Mapping[str, object] = await access.call(
            model, "fields_get", fields_names=["state", "external_id"]
        )
    except Refusal as error:
        raise not_ready(
            f"Tryton's module {module} is not active in this database: activate it "
            f"(trytond-admin -d DATABASE -u {module})."
        ) from error
    return found


async def _has(access: Access, model: str) -> bool:
    """Whether a module that need not be there is active."""
    try:
        await access.call(model, "fields_get", fields_names=["name"])
    except (Refusal, BooksNotReady):
        return False
    return True


async def _check_rights(access: Access) -> None:
    told = await access.call("ir.model.access", "get_access", models=list(RIGHTS))
    missing = list(_missing(told))
    if missing:
        raise not_ready(
            f"The user lacks rights in Tryton ({', '.join(missing)}): put it into the group "
            "Accounting.",
            JobFailureType.AUTHORIZATION_FAILURE,
        )


def _missing(told: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    for model, rights in RIGHTS.items():
        for right in rights:
            if not told.get(model, {}).get(right, 1):
                yield f"{right} {model}"


async def _has_earlier(access: Access, company: int) -> bool:
    """Whether records carry their reference in the description, from before the module."""
    for model in (MOVE, INVOICE):
        domain = [
            ["company", "=", company],
            ["description", "like", f"%[{MARK} %"],
            ["external_id", "=", None],
        ]
        if await access.call(model, "search", domain=domain, offset=0, limit=1):
            return True
    return False
