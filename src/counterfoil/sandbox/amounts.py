"""Amounts of the demo company, reckoned in whole minor units and written as Pleo does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from counterfoil.sandbox.catalogue import TaxCode, Wallet
from counterfoil.sandbox.model import Item

__all__ = ["Money", "tax_of"]


@dataclass(frozen=True, slots=True)
class Money:
    """What a wallet paid, and what the supplier charged where that was another currency.

    ``minor`` counts minor units of the wallet's currency, ``theirs`` those of the supplier's.
    """

    wallet: Wallet
    minor: int
    theirs: int | None = None

    @classmethod
    def paid(cls, wallet: Wallet, minor: int, *, abroad: bool = False) -> Money:
        """Reckon what the supplier charged from what the wallet paid."""
        units = Decimal(minor).scaleb(-wallet.digits)
        return cls(wallet, minor, _whole(units * wallet.rate * 100) if abroad else None)

    @classmethod
    def total(cls, parts: Sequence[Money]) -> Money:
        """Add amounts of one wallet and one supplier up."""
        theirs = [part.theirs for part in parts if part.theirs is not None]
        return cls(
            parts[0].wallet, sum(part.minor for part in parts), sum(theirs) if theirs else None
        )

    def share(self, minor: int) -> Money:
        """Return another amount that the same supplier charged."""
        return Money.paid(self.wallet, minor, abroad=self.theirs is not None)

    def as_json(self) -> Item:
        """Return the pair ``inSupplierCurrency``, ``inWalletCurrency``."""
        own = {"currency": self.wallet.currency, "value": self._hundredths()}
        theirs = {"currency": self.wallet.abroad, "value": self.theirs}
        return {
            "inSupplierCurrency": dict(own) if self.theirs is None else theirs,
            "inWalletCurrency": own,
        }

    def _hundredths(self) -> int | Decimal:
        """Pleo's ``value``: hundredths of the unit in every currency, so 12.345 KWD is 1234.5."""
        value = Decimal(self.minor).scaleb(2 - self.wallet.digits)
        return int(value) if value == int(value) else value


def tax_of(paid: int, code: TaxCode) -> int:
    """Return the tax in minor units: contained in what was paid, or on top of it (reverse)."""
    share = code.rate if code.type == "reverse" else code.rate / (1 + code.rate)
    return _whole(paid * share)


def _whole(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))
