"""Days: the day an item is booked on, an invoice's own days, and the next day that is open.

Pure: today is told, never asked. ``servicePeriod`` moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from counterfoil.bookkeeping.accounts import Choice, named
from counterfoil.bookkeeping.chart import Chart, ChartAccount, ClosedSpan
from counterfoil.bookkeeping.settings import ClosedPeriods, Settings
from counterfoil.errors import InvalidItem, PeriodClosed

__all__ = ["booked_day", "checked_day", "day_in", "invoice_day", "posting_day"]

YEARS_BACK = 10
YEARS_AHEAD = 1


def day_in(moment: datetime, zone: ZoneInfo) -> date:
    """Return the day that a moment falls on in a zone; at the ends of the calendar, in UTC."""
    try:
        return moment.astimezone(zone).date()
    except OverflowError:
        return moment.date()


def invoice_day(moment: datetime, zone: ZoneInfo) -> date:
    """Return the day an invoice names: a bare day stays as it is, a moment falls in the zone.

    Pleo's contract gives these fields a day's mask and a moment's format.
    """
    if moment.timetz() == time(tzinfo=UTC):
        return moment.date()
    return day_in(moment, zone)


def booked_day(moment: datetime, zone: ZoneInfo, today: date) -> date:
    """Return the day to book on; raises InvalidItem where it is too far off to be right."""
    return checked_day(day_in(moment, zone), "the date", today)


def checked_day(day: date, what: str, today: date) -> date:
    """Return the day if it is at most ten years back and one year ahead, else raise InvalidItem."""
    if _years_from(today, -YEARS_BACK) <= day <= _years_from(today, YEARS_AHEAD):
        return day
    raise InvalidItem(
        f"{what[:1].upper()}{what[1:]} is {day.isoformat()}, over {YEARS_BACK} years back or "
        f"{YEARS_AHEAD} year ahead: correct it in Pleo, then export again."
    )


def _years_from(day: date, years: int) -> date:
    year = min(max(day.year + years, date.min.year), date.max.year)
    try:
        return day.replace(year=year)
    except ValueError:  # 29 February
        return day.replace(year=year, day=28)


@dataclass(frozen=True, slots=True)
class _Closing:
    """Days that are closed: by the books, by one account's settled balance, or by the settings."""

    span: ClosedSpan
    account: ChartAccount | None = None
    setting: str | None = None

    @property
    def why(self) -> str:
        """The reason, for the middle of a sentence."""
        last = self.span.last.isoformat()
        if self.setting is not None:
            return f"{self.setting} is {last}"
        if self.account is not None:
            return f"account {named(self.account)} is settled up to {last}"
        since = f"from {self.span.first.isoformat()} " if self.span.first else ""
        return f"the books are closed {since}to {last}"


def posting_day(day: date, choices: Iterable[Choice], chart: Chart, settings: Settings) -> date:
    """Return the day to post on: the day itself, or the next open one where that is wished.

    Raises PeriodClosed where a closed day must not move, or where no day after it is open.
    """
    closings = list(_closings((choice.account for choice in choices), chart, settings))
    closing = _closed(day, closings)
    if closing is None:
        return day
    if settings.closed is ClosedPeriods.FAIL:
        raise PeriodClosed(
            f"The date lies in a closed period: {closing.why}. Open the period, or book "
            'such items on the next open day with [connection.periods] closed = "next_open".'
        )
    return _next_open(day, closings)


def reversal_day(day: date, ids: Iterable[str], chart: Chart, settings: Settings) -> date:
    """Return the day to take an entry of these accounts back on: its own, or the next open one."""
    accounts = [chart.accounts[id] for id in ids if id in chart.accounts]
    return _next_open(day, list(_closings(accounts, chart, settings)))


def _closings(
    accounts: Iterable[ChartAccount], chart: Chart, settings: Settings
) -> Iterable[_Closing]:
    through = settings.closed_through
    if through is not None:
        setting = "[connection.periods] closed_through"
        yield _Closing(ClosedSpan(first=None, last=through), setting=setting)
    for span in chart.closed:
        yield _Closing(span)
    for account in accounts:
        before = account.closed_before
        if before is not None and before > date.min:
            span = ClosedSpan(first=None, last=before - timedelta(days=1))
            yield _Closing(span, account=account)


def _closed(day: date, closings: Iterable[_Closing]) -> _Closing | None:
    return next((closing for closing in closings if day in closing.span), None)


def _next_open(day: date, closings: list[_Closing]) -> date:
    open_day = day
    while (closing := _closed(open_day, closings)) is not None:
        if closing.span.last == date.max:
            raise PeriodClosed(
                "The date lies in a closed period, and no day after it is open: "
                f"{closing.why}. Open a period in the books, then export again."
            )
        open_day = closing.span.last + timedelta(days=1)
    return open_day
