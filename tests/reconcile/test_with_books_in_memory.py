"""The rarer turns, with a Pleo on real HTTP and books in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from counterfoil.bookkeeping.chart import ChartVendor
from counterfoil.bookkeeping.entries import Part
from counterfoil.bookkeeping.settings import ClosedPeriods
from counterfoil.config import Connection
from counterfoil.config.model import BridgeSettings, Config, Secret
from counterfoil.errors import ConnectionBroken
from counterfoil.export.policies import OnChange
from counterfoil.export.verdicts import Finding, Verdict
from counterfoil.register import DecisionKind
from counterfoil.register.history import History
from counterfoil.register.locks import company_lock
from counterfoil.register.retention import Retention
from counterfoil.runner.deciding import resolve, take_back_items
from counterfoil.runner.reconcile_report import Reconciliation
from counterfoil.runner.reconciling import reconcile, reconcile_all
from counterfoil.sandbox.faults import Kind
from counterfoil.sandbox.model import Job
from counterfoil.systems.contract import EntryState, OtherPosting
from counterfoil.testing.kind import NoOptions, memory_kind
from counterfoil.testing.memory import MemoryRecord
from counterfoil.testing.world import World

DAY = datetime(2026, 3, 5, 12, tzinfo=UTC)
OTHER = OtherPosting(
    account="account-1800",
    amount=Decimal("500.00"),
    currency="GBP",
    date=DAY.date(),
    text="Topped up",
    place="7",
)


class Office(World):
    """A world whose company is reconciled."""

    def spend(self, value: int = 1200, *, days: int = 0, **fields: Any) -> str:  # noqa: ANN401 -- build_item's own
        """Queue an expense, so many days after the first; return its id."""
        return self.company.add_item(None, value=value, date=DAY + timedelta(days=days), **fields)

    async def book(self, *entry_ids: str) -> Job:
        """Export what is queued, a minute after the last time; return the job."""
        await self.clock.sleep(60)
        await self.export(*entry_ids)
        return list(self.state.jobs.values())[-1]

    def of(self, entry_id: str) -> MemoryRecord:
        """Return the live record of an item."""
        (record,) = [record for record in self.ledger.of(entry_id) if record.live]
        return record

    def connection(self, base_url: str) -> Connection:
        """Make the connection, as a configuration would."""
        return Connection(
            name="acme",
            company_id=self.company.id,
            base_url=base_url,
            environment="local",
            api_key=Secret("env:KEY", self.company.api_key),
            kind=memory_kind(self.ledger),
            options=NoOptions(),
            folder=Path(),
            settings=self.settings,
            on_change=self.on_change,
        )

    async def reconcile(self, since: date | None = None, *, repair: bool = False) -> Reconciliation:
        """Compare both sides."""
        async with self.ready() as (register, pleo):
            connection = self.connection(pleo.base_url)
            return await reconcile(connection, register, since=since, repairing=repair)

    async def reconcile_blind(self) -> Reconciliation:
        """Compare both sides without a register."""
        async with self.ready() as (_, pleo):
            return await reconcile(self.connection(pleo.base_url), None)

    async def prune(self) -> None:
        """Remove what the register keeps for a time only."""
        await self.clock.sleep(60)
        async with self.ready() as (register, _):
            Retention(register.database).prune(before=self.clock.now())

    async def decide(self, entry_id: str, kind: DecisionKind, reference: str | None = None) -> None:
        """Let Anna decide about an item."""
        async with self.ready() as (register, pleo):
            connection = self.connection(pleo.base_url)
            await resolve(connection, register, entry_id, kind, made_by="anna", reference=reference)


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    """Start a sandbox with one company and empty books."""
    async with Office() as started:
        yield started


def verdicts(found: Reconciliation) -> dict[str, int]:
    """Count the verdicts."""
    return {str(verdict): count for verdict, count in found.counts.items()}


def the_finding(found: Reconciliation) -> Finding:
    """Return the finding of the only item."""
    (finding,) = found.findings
    return finding


async def test_what_pleo_lists_no_more_is_compared_as_it_was_told(office: Office) -> None:
    office.spend()
    job = await office.book()
    del office.state.jobs[job.id]
    finding = the_finding(await office.reconcile())
    assert (finding.verdict, str(finding.status_from)) == (Verdict.MATCHED, "register")


async def test_what_pleo_lists_no_more_and_books_lost_is_missing(office: Office) -> None:
    entry = office.spend()
    job = await office.book()
    del office.state.jobs[job.id]
    office.ledger.delete(office.of(entry).id)
    assert the_finding(await office.reconcile()).verdict is Verdict.MISSING


async def test_what_changed_in_pleo_and_failed_for_it_differs(office: Office) -> None:
    entry = office.spend()
    await office.book()
    office.state.edit_item(entry, {"amount": office.company.build(value=1300)["amount"]})
    await office.book(entry)
    found = await office.reconcile()
    finding = the_finding(found)
    assert finding.verdict is Verdict.FIGURES_DIFFER
    assert "total 12.00 GBP became 13.00 GBP in Pleo" in finding.what
    assert "Pleo has it as failed" in finding.what


async def test_what_changed_in_pleo_and_waits_there_differs_already(office: Office) -> None:
    entry = office.spend()
    await office.book()
    lines = office.company.build(account="6300")["accountingEntryLines"]
    office.state.edit_item(entry, {"accountingEntryLines": lines})
    office.queue(entry)
    found = await office.reconcile()
    assert "account 6100 became 6300 in Pleo" in the_finding(found).what
    travel, meals = (
        next(total for total in found.totals if total.account == f"account-{code}")
        for code in ("6100", "6300")
    )
    assert (travel.pleo, travel.books) == (Decimal(0), Decimal("12.00"))
    assert (meals.pleo, meals.books) == (Decimal("12.00"), Decimal(0))


async def test_what_changed_to_something_that_cannot_be_planned_differs_too(
    office: Office,
) -> None:
    entry = office.spend()
    await office.book()
    lines = office.company.build(account="9999")["accountingEntryLines"]
    office.state.edit_item(entry, {"accountingEntryLines": lines})
    office.queue(entry)
    assert "account 6100 became 9999" in the_finding(await office.reconcile()).what


async def test_what_changed_and_was_decided_about_is_kept(office: Office) -> None:
    entry = office.spend()
    await office.book()
    lines = office.company.build(account="6300")["accountingEntryLines"]
    office.state.edit_item(entry, {"accountingEntryLines": lines})
    await office.book(entry)
    await office.decide(entry, DecisionKind.KEEP)
    office.state.entry(entry).exported = False
    await office.book(entry)
    assert the_finding(await office.reconcile()).verdict is Verdict.KEPT


async def test_a_decision_about_an_item_as_it_was_counts_no_more(office: Office) -> None:
    entry = office.spend()
    await office.book()
    await office.decide(entry, DecisionKind.KEEP)
    lines = office.company.build(account="6300")["accountingEntryLines"]
    office.state.edit_item(entry, {"accountingEntryLines": lines})
    office.on_change = OnChange.KEEP
    await office.book(entry)
    assert the_finding(await office.reconcile()).verdict is Verdict.FIGURES_DIFFER


async def test_what_is_exported_once_more_is_matched_while_it_waits(office: Office) -> None:
    entry = office.spend()
    await office.book()
    office.state.entry(entry).exported = False
    office.queue(entry)
    finding = the_finding(await office.reconcile())
    assert (finding.verdict, finding.what) == (Verdict.MATCHED, "")


async def test_an_item_that_cannot_be_read_any_more_is_compared_as_it_was(office: Office) -> None:
    entry = office.spend()
    await office.book()
    office.state.edit_item(entry, {"amount": None})
    await office.book(entry)
    finding = the_finding(await office.reconcile())
    assert finding.verdict is Verdict.UNKNOWN_TO_PLEO
    assert "cannot be used" in finding.what


async def test_what_was_pruned_is_there_but_cannot_be_compared(office: Office) -> None:
    entry, gone = office.spend(), office.spend(900)
    await office.book()
    await office.prune()
    office.ledger.delete(office.of(gone).id)
    found = await office.reconcile()
    assert verdicts(found) == {"not_comparable": 1, "missing": 1}
    there = next(each for each in found.findings if each.entry_id == entry)
    assert there.what == f"the figures of {office.of(entry).id} are not known"
    assert (there.status_from, there.figures_from) == ("pleo", None)
    wallet = next(total for total in found.totals if total.account == "account-1800")
    assert (wallet.pleo, wallet.unknown) == (Decimal("-12.00"), Decimal("-12.00"))


async def test_what_was_pruned_and_changed_in_pleo_differs(office: Office) -> None:
    entry = office.spend()
    await office.book()
    await office.prune()
    lines = office.company.build(account="6300")["accountingEntryLines"]
    office.state.edit_item(entry, {"accountingEntryLines": lines})
    office.on_change = OnChange.KEEP
    await office.book(entry)
    found = await office.reconcile()
    finding = the_finding(found)
    assert finding.verdict is Verdict.FIGURES_DIFFER
    assert "its figures are not those that were booked" in finding.what
    assert not any(total.unknown for total in found.totals)


async def test_what_has_no_day_lies_in_the_time_of_its_job(office: Office) -> None:
    entry = office.spend()
    job = await office.book()
    await office.prune()
    office.ledger.delete(office.of(entry).id)
    assert verdicts(await office.reconcile(job.created_at.date())) == {"missing": 1}
    assert verdicts(await office.reconcile(job.created_at.date() + timedelta(days=2))) == {}
    del office.state.jobs[job.id]
    assert verdicts(await office.reconcile(job.created_at.date())) == {"missing": 1}


async def test_only_what_is_booked_from_a_day_on_is_compared(office: Office) -> None:
    office.spend()
    late = office.spend(days=3)
    await office.book()
    office.ledger.others += [OTHER, replace(OTHER, date=date(2026, 3, 8))]
    found = await office.reconcile(date(2026, 3, 8))
    assert [finding.entry_id for finding in found.findings] == [late]
    assert [stray.posting.date for stray in found.strays] == [date(2026, 3, 8)]


async def test_what_is_missing_from_a_day_on_is_found_in_an_older_job(office: Office) -> None:
    early, late = office.spend(), office.spend(days=400)
    job = await office.book()
    job.created_at -= timedelta(days=2000)
    office.ledger.delete(office.of(early).id)
    found = await office.reconcile(DAY.date() + timedelta(days=300))
    assert [finding.entry_id for finding in found.findings] == [late]
    assert the_finding(found).status_from == "pleo"


async def test_the_register_names_what_was_to_be_booked_from_a_time_on(office: Office) -> None:
    early, late = office.spend(), office.spend()
    await office.book(early)
    second = await office.book(late)
    async with office.ready() as (register, _):
        history = History(register.database)
        target = office.books().target
        assert history.owners(target).keys() == {early, late}
        assert history.owners(target, second.created_at) == {late: second.id}


async def test_a_copy_from_before_the_day_is_seen(office: Office) -> None:
    entry = office.spend()
    await office.book()
    record = office.of(entry)
    office.ledger.records.append(replace(record, id="copy", date=date(2026, 1, 1)))
    assert verdicts(await office.reconcile(DAY.date())) == {"doubled": 1}


async def test_jobs_from_before_our_time_are_another_integrations(office: Office) -> None:
    office.spend()
    old = office.queue(age=timedelta(days=30))
    settle_as_another(office, old)
    await office.book(office.spend())
    found = await office.reconcile()
    assert verdicts(found) == {"matched": 1}
    assert found.compared is not None
    assert found.compared.foreign == 1


async def test_a_later_job_that_we_do_not_know_may_be_lost_memory(office: Office) -> None:
    office.spend()
    await office.book()
    office.spend()
    settle_as_another(office, office.queue())
    found = await office.reconcile()
    assert verdicts(found) == {"matched": 1, "missing": 1}
    (missing,) = [each for each in found.findings if each.verdict is Verdict.MISSING]
    assert "another integration may have booked it" in missing.what


def settle_as_another(office: Office, job_id: str) -> None:
    """Let another integration book a job's items and end it."""
    job = office.state.job(job_id)
    for item in job.items.values():
        item.status, item.external_id = "successful", "ERP-1"
    office.state.close(job_id)


async def test_another_companys_entries_in_the_same_books_are_left_out(office: Office) -> None:
    office.spend()
    await office.book()
    other = Office(office.ledger)
    async with other:
        other.register_url = office.register_url
        for _ in range(100):
            other.state.new_id()  # those that the first company uses
        other.company = other.state.add_company("Globex")
        other.spend()
        await other.book()
        assert verdicts(await other.reconcile()) == {"matched": 1}
    assert verdicts(await office.reconcile()) == {"matched": 1}


async def test_what_was_taken_back_is_missing_until_it_is_exported_again(office: Office) -> None:
    entry = office.spend()
    await office.book()
    async with office.ready() as (register, pleo):
        await take_back_items(office.connection(pleo.base_url), register, [entry], made_by="anna")
    assert "anna decided on" in the_finding(await office.reconcile()).what
    office.state.entry(entry).exported = False
    await office.book(entry)
    assert the_finding(await office.reconcile()).verdict is Verdict.MATCHED
    office.ledger.delete(office.of(entry).id)
    finding = the_finding(await office.reconcile())
    assert "it was voided there" in finding.what
    assert "anna" not in finding.what


async def test_what_a_person_found_elsewhere_cannot_be_compared(office: Office) -> None:
    entry = office.spend()
    await office.book()
    office.ledger.change(office.of(entry).id, state=EntryState.VOIDED)
    await office.decide(entry, DecisionKind.BOOKED_AS, "JE-7")
    office.state.entry(entry).exported = False
    await office.book(entry)
    finding = the_finding(await office.reconcile())
    assert finding.verdict is Verdict.NOT_COMPARABLE
    assert "booked as JE-7" in finding.what


async def test_what_stood_in_a_job_that_was_closed_is_unknown_to_pleo(office: Office) -> None:
    office.spend()
    job = await office.book()
    for item in job.items.values():
        item.status, item.external_id = "abandoned", None
    finding = the_finding(await office.reconcile())
    assert (finding.verdict, finding.job_id) == (Verdict.UNKNOWN_TO_PLEO, job.id)
    assert "Pleo has it as abandoned" in finding.what


async def reopened(office: Office, *, status: str = "pending") -> Job:
    """Let Pleo forget all that it took in the last job, and go on with it; so must we."""
    job = list(office.state.jobs.values())[-1]
    job.status, job.completed_at = "in_progress", None
    job.last_updated_at = office.state.clock.now()
    for item in job.items.values():
        item.status, item.external_id = status, None
    async with office.ready() as (register, _):
        record = register.jobs.get(job.id)
        assert record is not None
        register.jobs.claimed(job.id)
    return job


async def test_what_pleo_forgot_is_told_again(office: Office) -> None:
    entry = office.spend()
    await office.book()
    job = await reopened(office)
    found = await office.reconcile(repair=True)
    assert [(each.entry_id, each.status, each.failure) for each in found.repairs] == [
        (entry, "successful", None)
    ]
    assert office.item(job.id, entry).status == "successful"
    assert verdicts(found) == {"matched": 1}


async def test_a_failure_that_pleo_missed_is_told_too(office: Office) -> None:
    entry = office.spend(account="9999")
    await office.book()
    job = await reopened(office)
    found = await office.reconcile(repair=True)
    assert [each.status for each in found.repairs] == ["failed"]
    assert office.item(job.id, entry).failure_reason_type == "account_unknown"
    assert verdicts(found) == {"not_booked": 1}


async def test_what_the_books_do_not_hold_any_more_is_not_told(office: Office) -> None:
    entry = office.spend()
    await office.book()
    job = await reopened(office)
    office.ledger.delete(office.of(entry).id)
    found = await office.reconcile(repair=True)
    assert found.repairs == ()
    assert office.item(job.id, entry).status == "pending"


async def test_what_a_person_changed_is_not_told(office: Office) -> None:
    entry = office.spend()
    await office.book()
    job = await reopened(office)
    office.ledger.change(office.of(entry).id, date=date(2026, 3, 9))
    found = await office.reconcile(repair=True)
    assert (found.repairs, verdicts(found)) == ((), {"changed_in_books": 1})
    assert office.item(job.id, entry).status == "pending"


async def test_what_is_there_under_another_id_is_not_told(office: Office) -> None:
    entry = office.spend()
    await office.book()
    await reopened(office)
    office.ledger.records[:] = [replace(office.of(entry), id="another")]
    found = await office.reconcile(repair=True)
    assert (found.repairs, verdicts(found)) == ((), {"unknown_to_pleo": 1})


async def test_what_failed_and_is_there_is_not_told(office: Office) -> None:
    entry = office.spend(account="9999")
    await office.book()
    await reopened(office)
    booked = office.spend()
    await office.book(booked)
    office.ledger.records[:] = [
        replace(
            record, entry=replace(record.entry, reference=replace(record.reference, entry_id=entry))
        )
        for record in office.ledger.records
    ]
    assert (await office.reconcile(repair=True)).repairs == ()


async def test_what_lies_before_the_day_is_not_told(office: Office) -> None:
    office.spend()
    await office.book()
    await reopened(office)
    found = await office.reconcile(date(2026, 4, 1), repair=True)
    assert found.repairs == ()


@pytest.mark.slow  # it waits between its tries
async def test_a_row_that_pleo_refuses_is_said(office: Office) -> None:
    office.spend()
    await office.book()
    await reopened(office)
    office.fault(Kind.PARTIAL, "update_items")
    (done,) = (await office.reconcile(repair=True)).repairs
    assert done.failure == "Pleo refuses it"


async def test_a_job_that_ends_meanwhile_takes_nothing(office: Office) -> None:
    office.spend()
    await office.book()
    await reopened(office)
    office.fault(Kind.CLOSE_JOB, "update_items", times=1)
    found = await office.reconcile(repair=True)
    assert "takes no more outcomes" in (found.repairs[0].failure or "")
    assert verdicts(found) == {"unknown_to_pleo": 1}


async def test_a_job_of_another_is_not_touched(office: Office) -> None:
    entry = office.spend()
    await office.book()
    office.state.entry(entry).exported = False
    job = office.state.job(office.queue(entry))
    job.status = "in_progress"
    assert (await office.reconcile(repair=True)).repairs == ()
    assert office.item(job.id, entry).status == "pending"


async def test_without_a_register_the_account_of_a_bill_is_taken_from_the_books(
    office: Office,
) -> None:
    vendor = ChartVendor(id="V1", account="account-6300", code="V1")
    office.ledger.chart = replace(office.ledger.chart, vendors=(vendor,))
    owed = office.spend(
        type="invoice", vendor={"id": "1", "name": "V", "code": "V1", "defaultCurrency": "GBP"},
        method="journal", additionalInformation={"reconciliationId": "R1"},
    )  # fmt: skip
    await office.book(owed)
    paid = office.spend(
        type="invoice_payment",
        additionalInformation={"reconciliationId": "R2", "reconciledEntries": ["R1"]},
    )
    await office.book(paid)
    assert "account-6300" in {account for account, _ in office.of(paid).lines}
    job = await reopened(office, status="successful")
    job.items[paid].external_id = office.of(paid).id
    found = await office.reconcile_blind()
    finding = next(each for each in found.findings if each.entry_id == paid)
    assert (finding.verdict, str(finding.figures_from)) == (Verdict.MATCHED, "pleo")


async def test_without_a_register_a_day_that_was_moved_is_planned_so(office: Office) -> None:
    office.settings = replace(
        office.settings, closed=ClosedPeriods.NEXT_OPEN, closed_through=DAY.date()
    )
    entry = office.spend()
    await office.book()
    assert office.of(entry).date == date(2026, 3, 6)
    job = await reopened(office, status="successful")
    job.items[entry].external_id = office.of(entry).id
    assert verdicts(await office.reconcile_blind()) == {"matched": 1}
    office.ledger.change(office.of(entry).id, date=DAY.date())
    assert verdicts(await office.reconcile_blind()) == {"matched": 1}
    office.ledger.change(office.of(entry).id, date=date(2026, 3, 7))
    assert verdicts(await office.reconcile_blind()) == {"figures_differ": 1}


async def test_without_a_register_what_cannot_be_planned_cannot_be_compared(
    office: Office,
) -> None:
    entry = office.spend()
    await office.book()
    job = await reopened(office, status="successful")
    job.items[entry].external_id = office.of(entry).id
    office.ledger.chart = replace(
        office.ledger.chart,
        accounts={
            name: account
            for name, account in office.ledger.chart.accounts.items()
            if account.code != "6100"
        },
    )
    finding = the_finding(await office.reconcile_blind())
    assert finding.verdict is Verdict.NOT_COMPARABLE
    assert "it cannot be planned any more (The books have no account with code 6100" in finding.what


async def test_without_a_register_an_item_of_other_parts_differs_or_is_missing(
    office: Office,
) -> None:
    entry = office.spend()
    await office.book()
    job = await reopened(office, status="successful")
    job.items[entry].external_id = office.of(entry).id
    record = office.of(entry)
    moved = replace(record.reference, part=Part.PAYMENT)
    office.ledger.records[:] = [replace(record, entry=replace(record.entry, reference=moved))]
    assert verdicts(await office.reconcile_blind()) == {"missing": 1}


async def test_a_wallet_that_pleo_names_itself_is_a_wallet(office: Office) -> None:
    office.spend(contra="6300")
    await office.book()
    office.ledger.others.append(replace(OTHER, account="account-6300"))
    found = await office.reconcile()
    assert [stray.role for stray in found.strays] == ["wallet"]
    assert found.off


async def test_each_configured_account_is_asked_about(office: Office) -> None:
    accounts = replace(office.settings.accounts, wallet={"GBP": "1800", "EUR": "6300"}, contra=None)
    office.settings = replace(office.settings, accounts=accounts)
    await office.reconcile()
    asked = [about for call, about in office.ledger.calls if call == "other_postings"]
    assert asked == [("account-1800", "account-2000", "account-2900", "account-6300")]


async def test_an_item_that_only_waits_is_in_order(office: Office) -> None:
    office.spend()
    office.queue()
    found = await office.reconcile()
    assert verdicts(found) == {"not_booked": 1}
    assert not found.off


async def test_a_company_that_an_old_program_exports_is_passed_over(office: Office) -> None:
    async with office.ready() as (_, pleo):
        bridge = BridgeSettings(token=Secret("env:TOKEN", "token"))
        connection = replace(office.connection(pleo.base_url), bridge=bridge)
        config = Config(path=Path("x"), register_url="", connections=(connection,))
        assert await reconcile_all(config, None) == ()
        (named,) = await reconcile_all(config, None, only="acme")
        assert "your old program books its expenses" in (named.error or "")
        assert await reconcile_all(config, None, only="globex") == ()
        with pytest.raises(ConnectionBroken):
            await reconcile(connection, None)


async def test_a_repair_waits_for_a_run_to_end(office: Office) -> None:
    async with office.ready() as (register, pleo):
        config = Config(
            path=Path("x"), register_url="", connections=(office.connection(pleo.base_url),)
        )
        with register.locks.hold(company_lock(office.company.id)):
            (held,) = await reconcile_all(config, register, repairing=True)
            assert "is locked" in (held.error or "")
            (free,) = await reconcile_all(config, register)
            assert free.error is None
