"""What the demo company is made of: categories, tax codes, wallets, people, suppliers, texts.

Data alone; which expenses come of it is ``scenes``'s, which books fit it ``books``'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

__all__ = [
    "ATTENDEES",
    "CATEGORIES",
    "NOTES",
    "PEOPLE",
    "SUPPLIERS",
    "TAGS",
    "TAX_CODES",
    "TEAMS",
    "WALLETS",
    "Category",
    "Person",
    "Supplier",
    "TaxCode",
    "Team",
    "Wallet",
]


@dataclass(frozen=True, slots=True)
class Category:
    """An account of the books that lines are booked to, as Pleo knows it."""

    code: str
    name: str
    account: str
    """Its name in the Beancount ledger, which is its identifier there."""


CATEGORIES: Mapping[str, Category] = {
    each.code: each
    for each in (
        Category("1460", "Receivable from employees", "Assets:Receivable:Employees"),
        Category("4900", "Cashback", "Income:Cashback"),
        Category("6100", "Travel", "Expenses:Travel"),
        Category("6110", "Hotels", "Expenses:Travel:Hotels"),
        Category("6120", "Meals & Entertainment", "Expenses:Meals"),
        Category("6200", "Software", "Expenses:Software"),
        Category("6210", "Hardware", "Expenses:Hardware"),
        Category("6300", "Office supplies", "Expenses:Office"),
        Category("6400", "Advertising", "Expenses:Marketing:Advertising"),
        Category("6500", "Consultants", "Expenses:Professional:Consultants"),
        Category("6600", "Mileage", "Expenses:Travel:Mileage"),
        Category("6610", "Per diem", "Expenses:Travel:PerDiem"),
        Category("6700", "Bank fees", "Expenses:Bank:Fees"),
        Category("6710", "Interest", "Expenses:Bank:Interest"),
        Category("6800", "Training", "Expenses:Training"),
        Category("6900", "Phone & Internet", "Expenses:Telecom"),
    )
}


@dataclass(frozen=True, slots=True)
class TaxCode:
    """A tax code of Pleo's, with its tax accounts where it names them; None: a tax without code."""

    code: str | None
    rate: Decimal
    type: str
    currency: str
    ingoing: str | None = None
    outgoing: str | None = None


TAX_CODES: Sequence[TaxCode] = (
    TaxCode("VAT20", Decimal("0.2"), "inclusive", "GBP", ingoing="2201"),
    TaxCode("VAT20", Decimal("0.2"), "inclusive", "GBP"),
    TaxCode("VAT5", Decimal("0.05"), "inclusive", "GBP"),
    TaxCode("VAT0", Decimal(0), "inclusive", "GBP"),
    TaxCode("EXC20", Decimal("0.20"), "exclusive", "GBP"),
    TaxCode("RC20", Decimal("0.2"), "reverse", "GBP", ingoing="2201", outgoing="2202"),
    TaxCode("DE19", Decimal("0.19"), "inclusive", "EUR"),
    TaxCode("FR55", Decimal("0.055"), "exclusive", "EUR", ingoing="2201"),
    TaxCode("RC19", Decimal("0.19"), "reverse", "EUR"),
    TaxCode("DK25", Decimal("0.25"), "exclusive", "DKK"),
    TaxCode("DK25", Decimal("0.25"), "inclusive", "DKK", ingoing="2201"),
    TaxCode("RC25", Decimal("0.25"), "reverse", "DKK", outgoing="2202"),
    TaxCode("JCT10", Decimal("0.1"), "exclusive", "JPY"),
    TaxCode("JCT8", Decimal("0.08"), "inclusive", "JPY"),
)


@dataclass(frozen=True, slots=True)
class Wallet:
    """A wallet: its currency, that currency's digits (ISO 4217), its account, its usual amounts."""

    currency: str
    digits: int
    code: str
    weight: int
    scale: int
    """What an amount of one pound is about here, in minor units."""
    abroad: str
    """The currency that its foreign suppliers charge in, which has two digits."""
    rate: Decimal
    """How much of that currency one unit of the wallet's buys."""


WALLETS: Sequence[Wallet] = (
    Wallet("GBP", 2, "1800", 62, 100, "USD", Decimal("1.2731")),
    Wallet("EUR", 2, "1801", 16, 115, "SEK", Decimal("11.2304")),
    Wallet("DKK", 2, "1802", 12, 870, "NOK", Decimal("1.5312")),
    Wallet("JPY", 0, "1803", 5, 190, "USD", Decimal("0.0067")),
    Wallet("KWD", 3, "1804", 5, 390, "USD", Decimal("3.2541")),
)


@dataclass(frozen=True, slots=True)
class Person:
    """An employee; ``code`` is the books' name for him or her, ``account`` what is owed there."""

    name: str
    code: str | None = None
    account: str | None = None


PEOPLE: Sequence[Person] = (
    Person("Luke Richardson", "E01", "Liabilities:Employees:Richardson"),
    Person("Natalie White", "E02", "Liabilities:Employees:White"),
    Person("Søren Ærøskjold", "E03", "Liabilities:Employees:Aeroskjold"),
    Person("Zoë O'Neill-Łukaszewska"),
    Person("山田 太郎"),
    Person("Αλέξανδρος Παπαδόπουλος"),
    Person("فاطمة الزهراء"),
)


@dataclass(frozen=True, slots=True)
class Team:
    """A team and the books' code for it."""

    name: str
    code: str | None


TEAMS: Sequence[Team] = (
    Team("Engineering", "5678"),
    Team("Marketing", "5610"),
    Team("Sales & Partnerships", None),
    Team("Людський капітал", "5690"),
)


@dataclass(frozen=True, slots=True)
class Supplier:
    """Whom the company pays. Those with an ``account`` are vendors in the books."""

    name: str
    country: str
    category: str
    merchant_code: str = "5999"
    code: str | None = None
    account: str | None = None
    tax_number: str | None = None
    registration: str | None = None

    @property
    def is_vendor(self) -> bool:
        """Whether the books know it."""
        return self.account is not None


SUPPLIERS: Sequence[Supplier] = (
    Supplier("GOOGLE*ADS8693645259", "IE", "6400", "7311"),
    Supplier("Target", "GB", "6300", "5310"),
    Supplier("Café Ærø & Søn", "DK", "6120", "5812"),
    Supplier('The "Crown" Inn', "GB", "6120", "5813"),
    Supplier("Hôtel de l'Étoile", "FR", "6110", "7011"),
    Supplier("株式会社 東京文具", "JP", "6300", "5111"),
    Supplier("مطعم الخليج", "KW", "6120", "5812"),
    Supplier("Deutsche Bahn AG", "DE", "6100", "4112"),
    Supplier("Trainline", "GB", "6100", "4112"),
    Supplier("Ταξιδιωτικό Γραφείο Ήλιος", "GR", "6100", "4722"),
    Supplier("Figma Inc.", "US", "6200", "5734"),
    Supplier(
        "Nordic Hosting ApS",
        "DK",
        "6200",
        "4816",
        "V001",
        "Liabilities:AP:NordicHosting",
        "DK12345678",
        "12345678",
    ),
    Supplier(
        "Bright & Partners LLP",
        "GB",
        "6500",
        "8111",
        "V002",
        "Liabilities:AP:BrightPartners",
        "GB123456789",
    ),
    Supplier(
        "Müller Bürotechnik GmbH",
        "DE",
        "6210",
        "5045",
        "V003",
        "Liabilities:AP:Mueller",
        "DE811907980",
        "HRB 4711",
    ),
    Supplier(
        "Académie du Numérique",
        "FR",
        "6800",
        "8299",
        None,
        "Liabilities:AP:Academie",
        "FR40303265045",
    ),
    Supplier("Telekom Polska S.A.", "PL", "6900", "4814", "V005", "Liabilities:AP:Telekom"),
)

TAGS: Mapping[str, Sequence[str]] = {
    "COSTCENTRE": ("100", "200", "300"),
    "PROJECT": ("APOLLO", "ZEUS", "P-2026/07"),
    "REGION": ("EMEA", "APAC"),
}

ATTENDEES: Sequence[str] = ("Anna Jensen", "Bob Müller", "李小龍", "Chloë Dubois", "Дмитро Коваль")

NOTES: Sequence[str | None] = (
    None,
    None,
    "Printer ink",
    "This was approved before the event.",
    'Dinner with "Big Client" \\ follow-up',
    "Frokost på Ærø med kunden",
    "Übernachtung während der Messe, 3 Nächte",
    "Ταξίδι στην Αθήνα",
    "Билеты на поезд",
    "飲み会、取引先と",
    "会议费用",
    "출장 식비",
    "غداء عمل مع العميل",
    "ארוחת צהריים",
    "ग्राहक के साथ दोपहर का भोजन",
    "Team lunch 🎉🍕",
    "Two lines:\nthe second one; 2020-01-01 open Nothing",
)
