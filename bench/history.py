"""A past for a ledger: entries as Counterfoil writes them, made as text, quickly.

They lie in month files of five years, the last of which is the year that the exports fall into, so
that new entries go into files that are long already.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

__all__ = ["write_history"]

MONTHS = [(year, month) for year in range(2021, 2027) for month in range(1, 13)][6:66]
"""July 2021 to June 2026."""

ENTRY = """
{year}-{month:02}-{day:02} * "Café Nørrebro ApS" "Café Nørrebro ApS Søren Ærø Lunch" ^{id}
  pleo_entry: "{id}"
  pleo_part: "entry"
  pleo_attempt: 1
  pleo_booked_at: "{year}-{month:02}-28T08:15:42Z"
  pleo_fingerprint: "{number:016x}"
  pleo_link: "https://app.pleo.io/export/{id}"
  type: "card_purchase"
  supplier: "Café Nørrebro ApS"
  user: "Søren Ærø"
  team: "Sales"
  team_code: "5690"
  note: "Lunch"
  reconciliation_id: "REC{number:08X}"
  Expenses:Travel  {net} GBP
    rule: "line-account"
    tax_code: "VAT20"
    tax_type: "inclusive"
    tax_rate: 0.2
    tax_base: {net}
    tax_amount: 2.00
  Assets:VAT:Input  2.00 GBP
    rule: "tax-ingoing"
  Assets:Pleo:Wallet:GBP  -{gross} GBP
    rule: "wallet"
"""


def write_history(ledger: Path, entries: int) -> None:
    """Write past entries beside a main ledger, and the ``include`` that leads to them."""
    home = ledger.parent / "counterfoil"
    home.mkdir()
    for place, (year, month) in enumerate(MONTHS):
        numbers = range(place, entries, len(MONTHS))
        with (home / f"{year}-{month:02}.beancount").open("w", encoding="utf-8") as file:
            file.writelines(_texts(numbers, year, month))
    with ledger.open("a", encoding="utf-8") as file:
        file.write('\ninclude "counterfoil/*.beancount"\n')


def _texts(numbers: range, year: int, month: int) -> Iterator[str]:
    for place, number in enumerate(numbers):
        pence = number % 90
        yield ENTRY.format(
            year=year,
            month=month,
            day=1 + 28 * place // len(numbers),
            number=number,
            id=f"{number:08x}-0000-4000-8000-{number:012x}",
            net=f"10.{pence:02}",
            gross=f"12.{pence:02}",
        )
