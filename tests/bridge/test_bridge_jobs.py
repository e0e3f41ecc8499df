"""An old program polls, books and marks; its export job is claimed, kept alive, told and closed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from counterfoil.register import open_register
from counterfoil.register.locks import LockHeld
from counterfoil.sandbox.faults import Kind
from tests.bridge.conftest import Acme, OldProgram

pytestmark = pytest.mark.slow


async def test_asking_for_queued_expenses_claims_the_job(acme: Acme, old: OldProgram) -> None:
    ids = acme.items(3)
    job = acme.export()
    assert sorted(await old.queued()) == sorted(ids)
    assert acme.job(job) == "in_progress"
    assert acme.state.count("event", "started", job) == 1


async def test_looking_at_what_is_exported_claims_nothing(acme: Acme, old: OldProgram) -> None:
    acme.items(1)
    job = acme.export()
    assert await old.ids(status="EXPORTED") == []
    assert acme.job(job) == "pending"


async def test_a_job_whose_expenses_are_all_exported_is_completed(
    acme: Acme, old: OldProgram
) -> None:
    ids = acme.items(3)
    job = acme.export()
    await old.queued()
    await old.mark("EXPORTING", *ids)
    assert set(acme.outcomes(job).values()) == {"in_progress"}
    await old.exported(*ids)
    assert acme.job(job) == "completed"
    assert set(acme.outcomes(job).values()) == {"successful"}
    assert await old.queued() == []


async def test_the_next_job_follows_when_one_is_closed(acme: Acme, old: OldProgram) -> None:
    first = acme.items(1)
    acme.export(*first)
    second = acme.items(1)
    acme.export(*second)
    assert await old.queued() == first
    await old.exported(*first)
    assert await old.queued() == second


async def test_exporting_takes_an_expense_out_of_the_queue(acme: Acme, old: OldProgram) -> None:
    one, two = acme.items(2)
    acme.export()
    await old.queued()
    await old.mark("EXPORTING", one)
    assert await old.queued() == [two]
    assert await old.ids(status="EXPORTING") == [one]


async def test_put_back_to_queued_an_expense_waits_again(acme: Acme, old: OldProgram) -> None:
    (one,) = acme.items(1)
    job = acme.export()
    await old.queued()
    await old.mark("EXPORTING", one)
    await old.mark("QUEUED", one)
    assert await old.queued() == [one]
    assert acme.outcomes(job) == {one: "pending"}


async def test_not_exported_fails_with_a_reason(acme: Acme, old: OldProgram) -> None:
    one, two = acme.items(2)
    job = acme.export()
    await old.queued()
    await old.mark("NOT_EXPORTED", one)
    await old.exported(two)
    assert acme.outcomes(job) == {one: "failed", two: "successful"}
    assert acme.job(job) == "completed_with_errors"
    assert "NOT_EXPORTED" in acme.reason(job, one)


async def test_what_is_not_marked_fails_before_the_job_expires(acme: Acme, old: OldProgram) -> None:
    exported, begun, left = acme.items(3)
    job = acme.export()
    await old.queued()
    await old.exported(exported)
    await old.mark("EXPORTING", begun)
    for _ in range(40):
        acme.pass_time(minutes=5)
        await old.work.tick()
    assert acme.job(job) == "completed_with_errors"
    assert acme.outcomes(job) == {exported: "successful", begun: "failed", left: "failed"}
    assert "not certain" in acme.reason(job, begun)
    assert "did not mark" in acme.reason(job, left)


async def test_a_poll_is_no_work_so_a_stuck_program_blocks_no_job(
    acme: Acme, old: OldProgram
) -> None:
    acme.items(1)
    job = acme.export()
    for _ in range(11):
        await old.queued()
        acme.pass_time(minutes=5)
        await old.work.tick()
    assert acme.job(job) == "failed"


async def test_the_job_lives_on_while_expenses_are_exporting(acme: Acme, old: OldProgram) -> None:
    ids = acme.items(2)
    job = acme.export()
    await old.queued()
    await old.mark("EXPORTING", *ids)
    for _ in range(21):
        acme.pass_time(minutes=5)
        await old.work.tick()
    await old.exported(*ids)
    assert acme.job(job) == "completed"


async def test_looking_at_receipts_is_work_and_keeps_the_job_alive(
    acme: Acme, old: OldProgram
) -> None:
    one, two = acme.items(2)
    job = acme.export()
    await old.queued()
    for _ in range(6):
        acme.pass_time(minutes=40)
        await old.get(f"/v1/expenses/{one}/receipts")
        await old.work.tick()
    await old.exported(one, two)
    assert acme.job(job) == "completed"


async def test_exported_after_expiry_is_kept_and_told_with_the_next_job(
    acme: Acme, old: OldProgram
) -> None:
    one, two = acme.items(2)
    first = acme.export()
    await old.queued()
    acme.state.expire(first)
    answer = await old.mark("EXPORTED", one)
    assert answer.status_code == 200
    second = acme.export(one, two)
    assert await old.queued() == [two]
    assert acme.outcomes(second) == {one: "successful", two: "pending"}
    await old.exported(two)
    assert acme.job(second) == "completed"


async def test_exported_after_a_new_job_was_claimed_is_known_there_too(
    acme: Acme, old: OldProgram
) -> None:
    """The program was slow: its expense came back and is QUEUED anew when it says EXPORTED."""
    (one,) = acme.items(1)
    first = acme.export()
    await old.queued()
    acme.state.expire(first)
    second = acme.export()
    assert await old.queued() == [one]
    await old.exported(one)
    assert acme.job(second) == "completed"


async def test_a_program_that_goes_on_after_expiry_is_told_not_to_book(
    acme: Acme, old: OldProgram
) -> None:
    (one,) = acme.items(1)
    job = acme.export()
    await old.queued()
    acme.state.expire(job)
    answer = await old.mark("EXPORTING", one)
    assert answer.status_code == 409
    assert "not to be booked" in answer.json()["message"]
    again = await old.mark("EXPORTING", one)
    assert again.status_code == 409


async def test_a_job_closed_by_a_person_does_not_block_the_next(
    acme: Acme, old: OldProgram
) -> None:
    (one,) = acme.items(1)
    first = acme.export()
    await old.queued()
    acme.state.close(first)
    second = acme.export()
    assert await old.queued() == [one]
    assert acme.job(second) == "in_progress"


async def test_unknown_ids_are_named_and_the_known_ones_kept(acme: Acme, old: OldProgram) -> None:
    (one,) = acme.items(1)
    job = acme.export()
    await old.queued()
    answer = await old.mark("EXPORTED", one, "nobody-knows-me")
    assert answer.status_code == 404
    assert answer.json()["unknown"] == ["nobody-knows-me"]
    assert acme.job(job) == "completed"


async def test_exported_stays_exported(acme: Acme, old: OldProgram) -> None:
    one, _ = acme.items(2)
    acme.export()
    await old.queued()
    await old.exported(one)
    assert (await old.mark("EXPORTING", one)).status_code == 409
    assert (await old.mark("NOT_EXPORTED", one)).status_code == 409
    await old.exported(one)
    assert (await old.get(f"/v1/expenses/{one}"))["status"] == "EXPORTED"


async def test_exported_once_is_never_shown_again(acme: Acme, old: OldProgram) -> None:
    one, two = acme.items(2)
    acme.export()
    await old.queued()
    await old.exported(one, two)
    again = acme.export(one, two)
    assert await old.queued() == []
    assert acme.job(again) == "completed"


async def test_exported_and_changed_since_fails_for_a_person_to_decide(
    acme: Acme, old: OldProgram
) -> None:
    (one,) = acme.items(1)
    acme.export()
    await old.queued()
    await old.exported(one)
    changed = acme.company.build(id=one, value=9900)
    acme.state.edit_item(one, {name: changed[name] for name in ("amount", "accountingEntryLines")})
    again = acme.export(one)
    assert await old.queued() == []
    assert acme.outcomes(again) == {one: "failed"}
    assert "exported this already" in acme.reason(again, one)
    assert "99.00" in acme.reason(again, one)


async def test_an_expense_that_the_old_api_cannot_show_fails_alone(
    acme: Acme, old: OldProgram
) -> None:
    odd, fine = acme.item(type="quantum_leap"), acme.item()
    job = acme.export()
    assert await old.queued() == [fine]
    assert acme.outcomes(job)[odd] == "failed"
    assert "quantum_leap" in acme.reason(job, odd)


async def test_an_expense_without_data_fails_alone(acme: Acme, old: OldProgram) -> None:
    bare, fine = acme.items(2)
    acme.state.entry(bare).withheld = True
    job = acme.export()
    assert await old.queued() == [fine]
    assert "no data" in acme.reason(job, bare)


async def test_a_job_that_cannot_be_read_fails_with_pleos_words(
    acme: Acme, old: OldProgram
) -> None:
    acme.items(1)
    job = acme.export()
    acme.company.missing_contra_accounts.add("GBP")
    assert await old.queued() == []
    assert acme.job(job) == "failed"
    assert acme.state.job(job).failure_reason_type == "missing_configuration"


async def test_another_integrations_job_is_left_alone(acme: Acme, old: OldProgram) -> None:
    acme.items(1)
    job = acme.export()
    acme.fault(Kind.CLAIM_FIRST, "post_event", times=1)
    assert await old.queued() == []
    assert acme.job(job) == "in_progress"


async def test_two_clients_at_once_share_one_job(acme: Acme, old: OldProgram) -> None:
    ids = acme.items(4)
    job = acme.export()
    first, second = await asyncio.gather(old.queued(), old.queued())
    assert sorted(first) == sorted(second) == sorted(ids)
    await asyncio.gather(*(old.mark("EXPORTED", entry_id) for entry_id in [*first, *second]))
    assert acme.job(job) == "completed"
    assert acme.state.count("event", "started", job) == 1
    assert acme.state.count("event", "completed", job) == 1


async def test_a_second_bridge_for_one_company_is_refused(acme: Acme, old: OldProgram) -> None:
    del old
    with pytest.raises(LockHeld):
        async with acme.bridge():
            pass


async def test_exported_is_kept_while_pleo_is_away(acme: Acme, old: OldProgram) -> None:
    ids = acme.items(2)
    job = acme.export()
    await old.queued()
    acme.fault(Kind.UNAVAILABLE, "*")
    await old.exported(*ids)
    acme.state.faults.clear()
    await old.work.tick()
    assert acme.job(job) == "completed"


async def test_exported_is_kept_at_once_while_pleo_is_asked_something_else(
    acme: Acme, old: OldProgram
) -> None:
    ids = acme.items(2)
    job = acme.export()
    await old.queued()
    async with old.work._alone:
        telling = asyncio.create_task(old.mark("EXPORTED", *ids))
        kept: list[str] = []
        async with asyncio.timeout(60):
            while sorted(kept) != sorted(ids):
                await asyncio.sleep(0.01)
                kept = await old.ids(status="EXPORTED")
        assert not telling.done()
        assert acme.job(job) == "in_progress"
    assert (await telling).status_code == 200
    assert acme.job(job) == "completed"


async def test_exported_is_told_by_the_next_start(acme: Acme) -> None:
    async with acme.bridge() as old:
        ids = acme.items(2)
        job = acme.export()
        await old.queued()
        acme.fault(Kind.UNAVAILABLE, "*")
        await old.exported(*ids)
    acme.state.faults.clear()
    async with acme.bridge() as old:
        assert acme.job(job) == "completed"
        assert await old.queued() == []


async def test_exporting_and_queued_are_the_same_after_a_restart(acme: Acme) -> None:
    async with acme.bridge() as old:
        one, two = acme.items(2)
        acme.export()
        await old.queued()
        await old.mark("EXPORTING", one)
    async with acme.bridge() as old:
        assert await old.queued() == [two]
        assert await old.ids(status="EXPORTING") == [one]


async def test_an_expense_that_was_only_looked_at_is_queued_still_after_a_restart(
    acme: Acme,
) -> None:
    (one,) = acme.items(1)
    async with acme.bridge() as old:
        job = acme.export()
        await old.queued()
        acme.pass_time(minutes=40)
        await old.get(f"/v1/expenses/{one}")
        assert acme.outcomes(job) == {one: "in_progress"}
    async with acme.bridge() as old:
        assert await old.queued() == [one]


async def test_while_pleo_is_away_the_program_is_told_to_ask_again(
    acme: Acme, old: OldProgram
) -> None:
    acme.items(1)
    acme.export()
    acme.fault(Kind.UNAVAILABLE, "*")
    answer = await old.ask("GET", "/v1/expenses?status=QUEUED")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


async def test_a_key_that_pleo_refuses_is_told(acme: Acme, old: OldProgram) -> None:
    acme.state.revoke_key(acme.company.api_key)
    answer = await old.ask("GET", "/v1/expenses?status=QUEUED")
    assert answer.status_code == 502
    assert "API key" in answer.json()["message"]


async def test_a_job_whose_register_was_lost_can_be_taken_over(acme: Acme) -> None:
    (one,) = acme.items(1)
    async with acme.bridge() as old:
        job = acme.export()
        await old.queued()
    acme.register_url += ".new"
    async with acme.bridge() as old:
        assert await old.queued() == []
        await old.work.resume(take=job)
        assert await old.queued() == [one]
        await old.exported(one)
    assert acme.job(job) == "completed"


async def test_a_large_job_is_told_to_pleo_in_hundreds(acme: Acme, old: OldProgram) -> None:
    ids = acme.items(110)
    job = acme.export()
    assert len(await old.queued()) == 110
    await old.mark("EXPORTING", *ids)
    await old.exported(*ids)
    assert acme.job(job) == "completed"


async def test_an_empty_job_is_completed(acme: Acme, old: OldProgram) -> None:
    job = acme.export()
    assert await old.queued() == []
    assert acme.job(job) == "completed"


async def test_marks_are_exact_in_the_register(acme: Acme, old: OldProgram) -> None:
    (one,) = acme.items(1)
    job = acme.export()
    await old.queued()
    await old.exported(one)
    with open_register(acme.register_url) as register:
        kept = register.items.get(job, one)
    assert kept is not None
    assert kept.outcome is not None
    assert kept.reported
    assert kept.outcome.exported_at is not None
    assert timedelta(0) <= acme.clock.now() - kept.outcome.exported_at < timedelta(minutes=1)
