"""Whatever a text holds, the ledger parses, holds nothing else, and says the same text."""

from __future__ import annotations

import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterfoil.systems.beancount.syntax import (
    TEXT_LIMIT,
    entry_text,
    id_of,
    link_of,
    normalise,
    own_id,
    quoted,
)
from counterfoil.systems.contract import Refused
from tests.systems.ledgers import MAIN, TAXI, LedgerFolder, entry, only

pytestmark = pytest.mark.slow

STRING = re.compile(r'"(?:[^"\\\n]|\\[\\"nt])*"')
NOW = datetime(2026, 3, 6, 8, 0, tzinfo=UTC)

NASTY = [
    '"',
    "\\",
    '\\"',
    'x" ^link #tag',
    '"\n2026-01-01 open Assets:Evil\n  pleo_entry: "x"',
    "line\r\nline\rline\nline",
    "\x00\x07\x1b[31mred\x7f\x85",
    "; comment",
    "* heading",
    "\ud800",
    "{}{0}%s%(a)s$HOME",
    "\u202eright to left",
    "\N{PILE OF POO}\u2028",
    " lead and trail ",
    "\tTab",
    "é" * 5000,
]

texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(),
    st.text(alphabet='"\\\n\r\t;^#*!2026-01-03 abAB:{}'),
    st.lists(st.sampled_from(NASTY)).map("".join),
)


@given(texts)
def test_a_text_is_one_string_on_one_line(text: str) -> None:
    assert STRING.fullmatch(quoted(text))


@given(texts)
def test_a_normalised_text_stays_as_it_is(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert len(once) <= TEXT_LIMIT
    once.encode()


def test_what_is_normalised_is_what_the_manual_says() -> None:
    assert normalise("a\r\nb\rc\nd\te") == "a\nb\nc\nd\te"
    assert normalise("\x00\x1b[1m\x7f") == "␀␛[1m␡"
    assert normalise("\x85\ud800") == "��"
    assert normalise("x" * 3000) == "x" * 1999 + "…"
    assert normalise("Ærø ☕ \u202e") == "Ærø ☕ \u202e"


@given(st.text(min_size=1), st.text(min_size=1))
def test_ids_are_kept_apart(one: str, other: str) -> None:
    assert id_of(own_id(one)) == one
    assert (own_id(one) == own_id(other)) == (one == other)
    assert re.fullmatch(r"[A-Za-z0-9\-_/.]+", link_of(one))


def test_a_uuid_is_written_as_it_is() -> None:
    uuid = "59540ed2-ab34-4cde-9f01-23456789abcd"
    assert own_id(uuid) == link_of(uuid) == uuid


@given(st.dictionaries(texts, texts, max_size=6))
def test_metadata_keys_are_ones_that_beancount_takes_once(details: dict[str, str]) -> None:
    lines = entry_text(entry(details=details), NOW).split("\n")
    keys = [match[1] for line in lines if (match := re.match("  ([a-z][a-z0-9_-]+): ", line))]
    assert len(keys) == len(set(keys))
    assert not {"filename", "lineno"} & set(keys)
    assert len(keys) == 5 + sum(map(bool, details.values()))


async def test_names_without_quotes_cannot_smuggle_directives(ledger: LedgerFolder) -> None:
    smuggled = "Expenses:Travel  1 EUR\n\n2020-01-01 open Assets:Evil"
    async with ledger.books() as books:
        account, currency = await books.record(
            [entry(debit=smuggled), entry(TAXI, currency="EUR\n2020-01-01 open Assets:Evil")]
        )
    assert isinstance(account, Refused)
    assert isinstance(currency, Refused)
    assert "is no account" in str(account.failure)
    assert "is no currency" in str(currency.failure)
    assert "Evil" not in "".join((ledger.root / name).read_text() for name in ledger.files())


@settings(max_examples=2, suppress_health_check=list(HealthCheck))
@given(st.lists(texts, min_size=60, max_size=120))
async def test_beancount_says_the_same_text_and_nothing_else(hostile: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = LedgerFolder(Path(folder))
        ledger.main.write_text(MAIN)
        entries = [
            entry(f"id {number}", payee=text, narration=text, details={"note": text, text: "x"})
            for number, text in enumerate([*NASTY, *hostile])
        ]
        async with ledger.books() as books:
            assert len(await books.record(entries)) == len(entries)
            assert (await only(books, "id 0")).id == "id 0/entry"
        said = ledger.ask(
            "select payee, narration, any_meta('note') where account = 'Expenses:Travel'"
        )
        wanted = [normalise(text) for text in [*NASTY, *hostile]]
        assert said == [[text, text, text] for text in wanted]
        assert ledger.errors() == ""
        assert len(ledger.ask("select account from #accounts")) == 3
