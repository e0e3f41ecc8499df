"""``counterfoil worker``: drain companies beside other workers, on this machine or on others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from counterfoil.cli.lines import say
from counterfoil.cli.logs import set_up_logs
from counterfoil.cli.options import DEFAULT_CONFIG, ConfigOption, load_config
from counterfoil.cli.stopping import stopping_in_loop

if TYPE_CHECKING:
    from counterfoil.runner.working import Worker

__all__ = ["worker"]


def worker(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    at_once: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="Companies beside each other, instead of [serve] at_once."
        ),
    ] = None,
) -> None:
    """Book what comes beside other workers, over one register on PostgreSQL, until told to stop."""
    from counterfoil.runner.working import Worker

    loaded = load_config(config)
    set_up_logs()
    with loaded.open_register() as register:
        many = loaded.serve.at_once if at_once is None else at_once
        asyncio.run(_work(Worker(loaded, loaded.connections, register, at_once=many), many))


async def _work(service: Worker, at_once: int) -> None:
    stopping_in_loop(service)
    say(f"Working for {len(service.states)} connections, {at_once} at once")
    await service.run()
