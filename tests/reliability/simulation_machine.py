"""What may happen to the simulated world, as a Hypothesis state machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from counterfoil.errors import JobFailureType, ReceiptDownloadFailure
from counterfoil.export.policies import OnChange
from counterfoil.receipts.errors import ReceiptExpired
from counterfoil.sandbox.faults import Fault, Kind
from counterfoil.systems.contract import EntryState, Problem, Uniqueness
from counterfoil.testing.memory import Fate
from tests.reliability.simulation import SETTLE_SECONDS, Installation, Simulation, Terms
from tests.reliability.simulation_parts import TIMEOUT_SECONDS, Death

ENDPOINTS = (
    "*",
    "list_jobs",
    "get_job",
    "post_event",
    "list_job_items",
    "list_export_items",
    "update_items",
)
KINDS = tuple(
    kind for kind in Kind if kind not in {Kind.URL_EXPIRED, Kind.TRUNCATED, Kind.WRONG_SIZE}
)
ONLY_AT = {Kind.PARTIAL: "update_items", Kind.CLAIM_FIRST: "post_event", Kind.REPEAT_PAGE: "*"}
CALLS = ("__aenter__", "ready", "chart", "find", "record", "post", "attach", "void", "reverse")
SLOWNESS = (3, 29, 31, 45, 400)
"""Seconds of a slow answer; a client waits 30."""
WAITS = (0.05, 0.2, 0.3, 0.5, 0.8, 1.3, 2, 3, 8, 31, 70, 600, 3700)
JUMPS = (-7200, -600, -61, 0, 61, 3300, 7200)

EFFECTS = (
    "",
    "memory.record",
    "register.intend",
    "register.settle",
    "register.intend_claim",
    "register.claimed",
    "register.save_payloads",
    "register.mark_reported",
    "register.close_job",
    "pleo.send_event",
    "pleo.put_items",
    "pleo.list_job_items",
    "memory.void",
    "memory.reverse",
    "memory.post",
    "memory.attach",
)

MEANWHILE = (
    (),
    ("job closed",),
    ("job closed", "register lost"),
    ("register lost", "job closed"),
    ("clock jumps",),
    ("books away",),
    ("job closed", "clock jumps", "books away"),
)

terms = st.builds(
    Terms,
    uniqueness=st.sampled_from([*Uniqueness, Uniqueness.PROBE_ONLY, Uniqueness.PROBE_ONLY]),
    on_change=st.sampled_from(OnChange),
    final=st.booleans(),
    in_one_step=st.booleans(),
    batch_size=st.sampled_from([100, 1, 2]),
    chunk=st.sampled_from([100, 1, 2]),
    page_size=st.sampled_from([100, 1, 2]),
)
machines = st.sampled_from([0, 0, 0, 1])
numbers = st.integers(0, 30)
fates = st.tuples(
    st.sampled_from([Fate.BOOKED_LATE, Fate.BOOKED_LATE, Fate.BOOKED, Fate.NOT_BOOKED]),
    st.sampled_from([59, 59, 29, 1]),
)
deaths = st.just(Death("after", "memory.record", 0)) | st.builds(
    Death,
    st.sampled_from(["before", "after"]),
    st.sampled_from(["memory.record", *EFFECTS]),
    st.integers(0, 3),
)


class Troubles(RuleBasedStateMachine):
    """Everything happens to it that may; at the end it must be in order."""

    def __init__(self) -> None:
        super().__init__()
        self._world: Simulation | None = None

    @property
    def world(self) -> Simulation:
        assert self._world is not None
        return self._world

    @initialize(terms=terms, items=st.integers(1, 3))
    def begin(self, *, terms: Terms, items: int) -> None:
        self._world = Simulation(terms).__enter__()
        for _ in range(items):
            self.world.spend()
        self.world.export()

    def teardown(self) -> None:
        if self._world is None:
            return
        try:
            wrong = self.world.end()
            for sentence in wrong:
                note(sentence)
            assert wrong == []
        finally:
            self.world.__exit__()

    def entry(self, number: int) -> str | None:
        every = list(self.world.company.entries)
        return every[number % len(every)] if every else None

    # What people do in Pleo.

    @rule(
        value=st.sampled_from([1200, 700]),
        method=st.sampled_from([None, "accounts_payable"]),
        receipt=st.booleans(),
    )
    def spend(self, *, value: int, method: str | None, receipt: bool) -> None:
        if len(self.world.company.entries) < 5:
            self.world.spend(value, method, receipt=receipt)

    def spend_and_export(self) -> None:
        """See to it that there is something to book."""
        if len(self.world.company.entries) < 8:
            self.world.spend()
        self.world.export()

    @rule()
    def export_queued(self) -> None:
        self.world.export()

    @rule(number=numbers)
    def export_again(self, *, number: int) -> None:
        if entry_id := self.entry(number):
            self.world.export([entry_id])

    @rule(number=numbers, value=st.sampled_from([1200, 1300]))
    def correct(self, *, number: int, value: int) -> None:
        if entry_id := self.entry(number):
            self.world.correct(entry_id, value)

    @rule(number=numbers, expires=st.booleans())
    def end_job(self, *, number: int, expires: bool) -> None:
        jobs = list(self.world.state.jobs)
        if jobs:
            act = self.world.state.expire if expires else self.world.state.close
            act(jobs[number % len(jobs)])

    @rule(number=numbers)
    def start_elsewhere(self, *, number: int) -> None:
        jobs = list(self.world.state.jobs.values())
        if jobs:
            self.world.start_elsewhere(jobs[number % len(jobs)])

    # What people do in the books.

    @rule(number=numbers, act=st.sampled_from(["delete", "void", "change_figures", "move", "post"]))
    def touch(self, *, number: int, act: str) -> None:
        records = self.world.touchable()
        if records:
            record = records[number % len(records)]
            if act != "post" or record.state is EntryState.DRAFT:
                getattr(self.world, act)(record)

    # What happens to processes and machines.

    @rule(number=machines, seconds=st.sampled_from(WAITS))
    def trigger(self, *, number: int, seconds: float) -> None:
        self.start(number)
        self.world.wait(seconds)

    @rule(number=machines)
    def run_to_the_end(self, *, number: int) -> None:
        self.start(number)
        self.world.wait(300)

    @rule(
        number=machines,
        moment=st.sampled_from(["before", "after"]),
        effect=st.sampled_from(EFFECTS),
        left=st.integers(0, 3),
    )
    def trigger_and_die(self, *, number: int, moment: str, effect: str, left: int) -> None:
        self.start(number, Death(moment, effect, left))
        self.world.wait(5)

    @rule(
        number=machines,
        fates=st.lists(fates, min_size=1, max_size=3),
        seconds=st.sampled_from(WAITS),
        away=st.integers(0, 3),
        after=st.integers(1, 2),
    )
    def trigger_without_answers(
        self, *, number: int, fates: list[tuple[Fate, int]], seconds: float, away: int, after: int
    ) -> None:
        """Lose answers, and let the books be away when they are asked what became of it."""
        self.spend_and_export()
        for fate in fates:
            self.lose_answer(fate=fate)
        for time in range(away):
            self.interrupt(call="find", passing=False, after=0 if time else after)
        self.start(number)
        self.world.wait(seconds)

    @rule(
        number=machines,
        fates=st.lists(fates, min_size=1, max_size=3) | st.just([]),
        death=deaths,
        meanwhile=st.sampled_from(MEANWHILE),
        jump=st.sampled_from(JUMPS),
        call=st.sampled_from(CALLS),
    )
    def crash_and_start_again(
        self,
        *,
        number: int,
        fates: list[tuple[Fate, int]],
        death: Death,
        meanwhile: tuple[str, ...],
        jump: int,
        call: str,
    ) -> None:
        """Let a process die with requests under way, and the next one start at once."""
        self.spend_and_export()
        for fate in fates:
            self.lose_answer(fate=fate)
        self.start(number, replace(death))
        self.world.wait(3)
        for _ in range(8):
            if self.world.installations[number].running and self.world.ledger.upcoming:
                self.world.wait(TIMEOUT_SECONDS)
        self.world.kill_all(self.world.installations[number])
        self.befall(number, meanwhile, jump, call)
        self.run_to_the_end(number=number)

    def befall(self, number: int, meanwhile: tuple[str, ...], jump: int, call: str) -> None:
        """Let this happen between a death and the next start."""
        if "job closed" in meanwhile:
            for job in list(self.world.state.jobs):
                self.world.state.close(job)
            self.world.export(self.world.company.entries)
        if "register lost" in meanwhile:
            self.lose_register(number=number, restores=False)
        if "books away" in meanwhile:
            self.interrupt(call=call, passing=False, after=0)
        if "clock jumps" in meanwhile:
            self.jump(number=number, seconds=jump)

    @rule(number=machines, job=numbers)
    def take_over(self, *, number: int, job: int) -> None:
        """Go on with a job that another integration has under way, because a person says so."""
        running = [
            each.id for each in self.world.state.jobs.values() if each.status == "in_progress"
        ]
        installation = self.world.installations[number]
        if running and self.world.may_start(installation) and not self.world.running:
            self.world.start(installation, take_over=running[job % len(running)])

    def start(self, number: int, dies: Death | None = None) -> None:
        installation = self.world.installations[number]
        if self.world.may_start(installation) and len(installation.running) < 2:
            self.world.start(installation, dies=dies)

    @rule(seconds=st.sampled_from(WAITS))
    def wait(self, *, seconds: float) -> None:
        self.world.wait(seconds)

    @precondition(lambda self: bool(self.world.running))
    @rule(number=numbers)
    def kill(self, *, number: int) -> None:
        running = self.world.running
        running[number % len(running)].kill()
        self.world.wait(0)

    @precondition(lambda self: bool(self.world.running))
    @rule(number=numbers, seconds=st.sampled_from(WAITS), loses_lock=st.booleans())
    def freeze(self, *, number: int, seconds: float, loses_lock: bool) -> None:
        running = self.world.running
        process = running[number % len(running)]
        process.freeze()
        if loses_lock and self.world.terms.uniqueness is not Uniqueness.PROBE_ONLY:
            for installation in self.world.installations:
                if process in installation.processes:
                    installation.locks.lose()
        self.world.wait(seconds)

    @rule(number=numbers)
    def wake(self, *, number: int) -> None:
        running = self.world.running
        if running:
            running[number % len(running)].wake()

    @rule(number=machines, seconds=st.sampled_from(JUMPS))
    def jump(self, *, number: int, seconds: int) -> None:
        self.world.installations[number].clock.ahead = timedelta(seconds=seconds)

    # What happens to registers.

    @rule(number=machines)
    def back_up(self, *, number: int) -> None:
        self.world.back_up(self.world.installations[number])

    @rule(number=machines, restores=st.booleans())
    def lose_register(self, *, number: int, restores: bool) -> None:
        installation = self.world.installations[number]
        if not restores:
            installation.backup = None
        self.world.put_back(installation)
        if restores and self.world.terms.uniqueness is Uniqueness.PROBE_ONLY:
            self.world.wait(SETTLE_SECONDS + 1)

    @rule(number=machines, full=st.booleans())
    def fill_disk(self, *, number: int, full: bool) -> None:
        own: Installation = self.world.installations[number]
        own.disk.fill() if full else own.disk.empty_out()

    # What goes wrong on the wires.

    @rule(
        kind=st.sampled_from(KINDS),
        endpoint=st.sampled_from(ENDPOINTS),
        times=st.sampled_from([1, 1, 2, 3, 6]),
        skip=st.integers(0, 3),
        value=st.sampled_from(SLOWNESS),
    )
    def trouble_pleo(self, *, kind: Kind, endpoint: str, times: int, skip: int, value: int) -> None:
        amount = value if kind in {Kind.SLOW, Kind.RATE_LIMIT} else 1
        fault = Fault(kind, ONLY_AT.get(kind, endpoint), times=times, skip=skip, value=amount)
        self.world.state.faults.append(fault)

    @rule(fate=fates)
    def lose_answer(self, *, fate: tuple[Fate, int]) -> None:
        what, seconds = fate
        if what is Fate.BOOKED_LATE and not self.world.terms.lands_late:
            what = Fate.BOOKED
        self.world.ledger.upcoming.append((what, seconds))

    @rule(call=st.sampled_from(CALLS), passing=st.booleans(), after=st.integers(0, 2))
    def interrupt(self, *, call: str, passing: bool, after: int) -> None:
        away = Problem(
            message="The books are away.",
            failure_type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
            passing=passing,
        )
        self.world.ledger.interrupt(call, away, after=after)

    @rule(number=numbers, refused=st.booleans())
    def refuse(self, *, number: int, refused: bool) -> None:
        if entry_id := self.entry(number):
            ledger = self.world.ledger
            ledger.refuse(entry_id) if refused else ledger.accept(entry_id)

    @rule(expired=st.booleans())
    def lose_receipt(self, *, expired: bool) -> None:
        kind = ReceiptExpired if expired else ReceiptDownloadFailure
        self.world.failing_receipts.append(kind("the receipt did not come"))
