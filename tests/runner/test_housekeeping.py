"""Once a day what was kept long enough goes, and a day on which that fails is no harm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from counterfoil.register import Delivery, Register
from counterfoil.runner.housekeeping import keep_house, keeping_house
from counterfoil.testing.world import World

NOW = datetime.now(UTC)
LATER = timedelta(days=60)


async def test_old_items_webhooks_and_notices_go() -> None:
    async with World() as world:
        world.company.add_item(account="6100")
        (result,) = await world.export()
        async with world.ready() as (register, _):
            delivery = Delivery(webhook_id="w", connection="acme", company_id=world.company.id)
            assert register.wakeups.heard([delivery], now=NOW) == [True]
            register.notices.add("job_failed j", "{}", now=NOW)
            register.notices.done("job_failed j", now=NOW)
            keep_house(register, timedelta(days=90), NOW + LATER)
            (item,) = register.items.all(result.job_id)
            assert item.payload is not None
            assert register.retention.counts()["webhook_deliveries"] == 0
            assert register.retention.counts()["notices"] == 0
            keep_house(register, timedelta(days=30), NOW + LATER)
            (item,) = register.items.all(result.job_id)
            assert item.payload is None


def test_it_begins_with_the_block_and_ends_with_it_whatever_happens(register: Register) -> None:
    with register.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE notices")
    with keeping_house(register, timedelta(days=1)):
        pass
