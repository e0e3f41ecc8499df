"""Books that fit the demo company: a Beancount main ledger and a configuration, as texts.

Every account, tax code, vendor and employee that its expenses name is in the ledger, so that none
of them fails for want of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from string import Template

from counterfoil.effects import effect
from counterfoil.sandbox.catalogue import CATEGORIES, PEOPLE, SUPPLIERS, TAX_CODES, WALLETS
from counterfoil.sandbox.state import DEFAULT_COMPANY

__all__ = ["DEMO_LEDGER", "demo_config_toml", "demo_ledger", "write_demo_books"]

DEMO_LEDGER = "main.beancount"
OPENED = "2020-01-01"

_CONFIG = Template("""\
[pleo]
base_url = "$base_url"
api_key = "$api_key"

[register]
url = "$register"

[[connection]]
name = "acme"
company_id = "$company_id"
system = "beancount"
timezone = "Europe/London"

[connection.options]
ledger = "$ledger"
$fava
[connection.accounts]
wallet = { $wallets }
out_of_pocket = "2900"
contra = "1899"
payable = "2000"

[connection.posting]
mode = "draft"

[connection.periods]
closed = "fail"
""")


def demo_config_toml(
    base_url: str,
    *,
    company_id: str = DEFAULT_COMPANY,
    ledger: str = f"books/{DEMO_LEDGER}",
    register: str = "sqlite:///counterfoil.db",
    api_key: str = "env:PLEO_API_KEY",
    fava_url: str | None = None,
) -> str:
    """Return a ``counterfoil.toml`` for the demo company; the key is a reference, never a value.

    The sandbox's own key is ``sandbox-key``: ``export PLEO_API_KEY=sandbox-key``.
    """
    wallets = ", ".join(f'{wallet.currency} = "{wallet.code}"' for wallet in WALLETS)
    return _CONFIG.substitute(
        base_url=base_url,
        company_id=company_id,
        ledger=ledger,
        register=register,
        api_key=api_key,
        wallets=wallets,
        fava=f'fava_url = "{fava_url}"\n' if fava_url else "",
    )


def write_demo_books(folder: Path, name: str = "Acme") -> Path:
    """Write the demo company's main ledger into a folder (made if need be); return its path."""
    ledger = folder / DEMO_LEDGER
    with effect("sandbox.write_books", str(ledger)):
        folder.mkdir(parents=True, exist_ok=True)
        ledger.write_text(demo_ledger(name), encoding="utf-8")
    return ledger


def demo_ledger(name: str = "Acme") -> str:
    """Return the demo company's main ledger: options and ``open`` directives, no entries."""
    title = name.replace("\\", "\\\\").replace('"', '\\"')
    currencies = [f'option "operating_currency" "{wallet.currency}"' for wallet in WALLETS]
    head = ['option "title" "' + title + '"', *currencies]
    return "\n".join([*head, "", *_accounts()]) + "\n"


def _accounts() -> Iterator[str]:
    for wallet in WALLETS:
        name = f"Assets:Pleo:Wallet:{wallet.currency}"
        yield _open(name, currency=wallet.currency, code=wallet.code)
    yield _open("Assets:Pleo:Contra", code="1899")
    yield _open("Liabilities:Payable", code="2000")
    yield _open("Liabilities:OutOfPocket", code="2900")
    yield _open("Assets:VAT:Input", code="2201", tax_codes=_codes())
    yield _open("Liabilities:VAT:Output", code="2202", reverse_tax_codes=_codes("reverse"))
    for category in CATEGORIES.values():
        yield _open(category.account, code=category.code)
    for supplier in SUPPLIERS:
        if supplier.account:
            yield _open(
                supplier.account,
                vendor_code=supplier.code,
                vendor_name=supplier.name,
                vendor_tax_id=supplier.tax_number,
                vendor_registration=supplier.registration,
            )
    for person in PEOPLE:
        if person.account:
            yield _open(person.account, vendor_code=person.code, vendor_name=person.name)


def _codes(kind: str | None = None) -> str:
    """Name all tax codes, or those of one type, each once."""
    codes: Iterable[str] = (
        code.code for code in TAX_CODES if code.code and kind in {None, code.type}
    )
    return " ".join(dict.fromkeys(codes))


def _open(account: str, currency: str = "", **metadata: str | None) -> str:
    lines = [f"{OPENED} open {account} {currency}".rstrip()]
    lines += [f'  {key}: "{value}"' for key, value in metadata.items() if value is not None]
    return "\n".join(lines)
