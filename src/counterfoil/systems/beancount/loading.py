"""One load of the ledger: its chart, our records in it, and what is wrong with it.

Beancount reads the ledger and says what is in it; the text is read for what Beancount cannot say,
above all for entries of ours that a syntax error hides from it.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

from counterfoil.bookkeeping.chart import Chart
from counterfoil.effects import effect
from counterfoil.errors import JobFailureType
from counterfoil.systems.beancount.charting import (
    ACCOUNTS,
    AccountRow,
    claimed_twice,
    read_accounts,
    read_chart,
)
from counterfoil.systems.beancount.programs import Finding, check, query
from counterfoil.systems.beancount.records import Books, dated_query, postings_query, read_books
from counterfoil.systems.beancount.sources import (
    Mention,
    Sources,
    Watch,
    block_at,
    mentions,
    read_sources,
)
from counterfoil.systems.beancount.syntax import id_of
from counterfoil.systems.contract import BooksNotReady, Problem

__all__ = ["Fault", "Snapshot", "faults", "load", "private_cache"]

UNREADABLE = re.compile(
    r"syntax error|Invalid token|\w*(Error|Exception|InvalidOperation): |"
    r'File glob ".*" does not match any files|File ".*" does not exist'
)
"""Findings that mean Beancount left something out; others judge what it read."""
EMPTY_GLOB = re.compile(r'File glob "(.*)" does not match any files')
SPAN = ("2000-01.beancount", "2099-12.beancount")
"""Month files that an include of our folder must find."""
ATTEMPTS = 3
"""Loads begun again because somebody wrote to the ledger meanwhile."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A finding, and the id (with part) of the record of ours it stands in, if any."""

    message: str
    place: str
    record: str | None


@dataclass(slots=True)
class Snapshot:
    """What one load of the ledger told."""

    chart: Chart
    books: Books
    declarations: Mapping[str, str]
    """By account, the directives that open and close it."""
    options: Mapping[str, list[bytes]]
    faults: Counter[Fault]
    problems: Sequence[Problem]
    watch: Watch
    cache: Path | None = None
    """Where the programs find this load again, as long as nothing changed."""


async def load(main: Path, own: str, scratch: Path, *, keep: bool = False) -> Snapshot:
    """Read a ledger once; ``own`` is the pattern of our files. Raises BooksNotReady.

    To ``keep`` the programs' load is for a session that writes nothing: a cache does not notice
    new files. It goes with ``scratch``.
    """
    for _ in range(ATTEMPTS):
        sources = read_sources(main, own)
        snapshot = await _load(sources, scratch, keep=keep)
        if not snapshot.watch.changed():
            return snapshot
    raise BooksNotReady(
        Problem(
            message=f"{main} is being changed all the time; close what is writing to it.",
            failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
            passing=True,
        )
    )


def faults(findings: Iterable[Finding], texts: Mapping[Path, bytes]) -> Counter[Fault]:
    """Tell for each finding which record of ours it stands in."""
    starts: dict[Path, list[int]] = {}
    counted: Counter[Fault] = Counter()
    for finding in findings:
        text = texts.get(finding.file, b"")
        if finding.file not in starts:
            starts[finding.file] = [0, *(match.end() for match in re.finditer(b"\n", text))]
        record = None
        if 0 < finding.line <= len(starts[finding.file]):
            record = _record_in(text[block_at(text, starts[finding.file][finding.line - 1])])
        counted[Fault(finding.message, finding.place, record)] += 1
    return counted


async def _load(sources: Sources, scratch: Path, *, keep: bool) -> Snapshot:
    with private_cache(scratch, keep=keep) as cache:
        findings = await check(sources.main, cache)
        accounts, dated, postings = await _answers(sources, cache)
    books = read_books(dated, postings)
    rows = read_accounts(accounts)
    return Snapshot(
        chart=read_chart(rows, books.balances),
        books=books,
        declarations={row.account: row.declaration for row in rows},
        options=sources.options,
        faults=faults(findings, sources.texts),
        problems=[
            *_unreadable(findings, sources.main),
            *_narrow(sources),
            *_hidden(sources, books),
            *_ambiguous(rows),
        ],
        watch=sources.watch,
        cache=cache if keep else None,
    )


@contextmanager
def private_cache(scratch: Path, *, keep: bool = False) -> Iterator[Path]:
    """Give the programs a folder to share one load in: a cache does not notice new files."""
    with effect("beancount.scratch", str(scratch)):
        cache = Path(tempfile.mkdtemp(dir=scratch))
    try:
        yield cache
    finally:
        if not keep:
            with effect("beancount.scratch", str(cache)):
                shutil.rmtree(cache, ignore_errors=True)


async def _answers(sources: Sources, cache: Path) -> list[list[list[str]]]:
    """Ask all questions, two at a time: each holds the whole ledger in memory."""
    seats = asyncio.Semaphore(2)

    async def answer(question: str | None) -> list[list[str]]:
        if question is None:
            return []
        async with seats:
            return await query(sources.main, question, cache)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(answer(question)) for question in _questions(sources)]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def _questions(sources: Sources) -> tuple[str, str | None, str | None]:
    """Ask for accounts, and for what else the ledger can hold: each question is a process."""
    texts = sources.texts
    opaque = any(b"plugin" in text for text in texts.values())
    opaque = opaque or any(path.suffix in {".gpg", ".asc"} for path in texts)
    ours = opaque or any(b"pleo_" in text for text in texts.values())
    dated = ours or any(b"balance" in text for text in texts.values())
    return (
        ACCOUNTS,
        dated_query(_most_receipts(texts.values())) if dated else None,
        postings_query() if ours else None,
    )


def _unreadable(findings: Iterable[Finding], main: Path) -> Iterator[Problem]:
    for finding in findings:
        if UNREADABLE.match(finding.message) and not _of_our_empty_folder(finding, main):
            place = finding.place or "the ledger"
            yield Problem(
                message=f"Beancount cannot read {place}: {finding.message}. "
                "Correct it (bean-check shows it), then export again."
            )


def _of_our_empty_folder(finding: Finding, main: Path) -> bool:
    """Whether only an include of our own folder finds nothing: the first entry makes its files."""
    empty = EMPTY_GLOB.match(finding.message)
    return empty is not None and Path(normpath(main.parent / empty[1])).parent == _home(main)


def _home(main: Path) -> Path:
    return main.parent / "counterfoil"


def _narrow(sources: Sources) -> Iterator[Problem]:
    """Find includes of single files of ours: beside our own, Beancount would read them twice."""
    home = _home(sources.main)
    for pattern in sorted(sources.watch.included):
        months = Watch(frozenset({pattern}), pattern)
        if Path(pattern).parent == home and not all(map(months.covers, map(home.joinpath, SPAN))):
            yield Problem(
                message=f"The ledger includes {pattern} by itself, so later months would be left "
                'out or read twice. Write include "counterfoil/*.beancount" in its place in '
                f"{sources.main}, then export again."
            )


def _hidden(sources: Sources, books: Books) -> Iterator[Problem]:
    """Find entries of ours that Beancount does not report: they would be booked again."""
    reported = books.mentioned()
    for path, text in sources.texts.items():
        counts = reported.get(path, Counter[tuple[str, str]]())
        for mention in mentions(path, text):
            if counts[mention.key, id_of(mention.id)] > 0:
                counts[mention.key, id_of(mention.id)] -= 1
            else:
                yield Problem(message=_hidden_words(sources, mention))


def _ambiguous(rows: Iterable[AccountRow]) -> Iterator[Problem]:
    for code, accounts in claimed_twice(rows).items():
        yield Problem(
            message=f"The tax code {code} is claimed by {', '.join(accounts)}: "
            "leave it at one of them."
        )


def _hidden_words(sources: Sources, mention: Mention) -> str:
    where = f"{mention.file}:{mention.line} holds {mention.id}"
    if sources.watch.covers(mention.file) or mention.file.parent.name != "counterfoil":
        return (
            f"{where}, but Beancount does not report it. Correct the lines around it, then "
            "export again."
        )
    return (
        f"{where}, but {sources.main} does not include that file. Put the line "
        'include "counterfoil/*.beancount" back, then export again.'
    )


def _most_receipts(texts: Iterable[bytes]) -> int:
    numbers = (
        int(n)
        for text in texts
        for n in re.findall(rb"^\s+document-(\d{1,3}):", text, re.MULTILINE)
    )
    return max(numbers, default=1)


def _record_in(block: bytes) -> str | None:
    found = re.findall(rb'^[ \t]+(pleo_\w+):[ \t]*"?([^"\n]*)', block, re.MULTILINE)
    metadata = {key.decode(): value.decode("utf-8", "replace").strip() for key, value in found}
    if "pleo_entry" not in metadata:
        return metadata.get("pleo_reverses")
    return f"{id_of(metadata['pleo_entry'])}/{metadata.get('pleo_part', 'entry')}"
