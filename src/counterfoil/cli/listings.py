"""``counterfoil jobs``: the export jobs that the register remembers."""

from __future__ import annotations

from counterfoil.cli.lines import say, show_json
from counterfoil.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    load_config,
)
from counterfoil.cli.screen import show_table
from counterfoil.cli.trouble import existing_register
from counterfoil.register import JobRecord

__all__ = ["NOTHING", "jobs"]

NOTHING = "Nothing was exported yet: counterfoil run --once"


def jobs(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the export jobs that were worked on, newest first."""
    with existing_register(load_config(config, connection, secrets=False)) as register:
        found = register.jobs.all(connection) if register else ()
    if as_json:
        show_json(found)
    elif not found:
        say(NOTHING)
    else:
        columns = ("job", "connection", "created", "state", "outcome", "reason")
        show_table(columns, [_cells(job) for job in found])


def _cells(job: JobRecord) -> tuple[str, ...]:
    created = f"{job.created_at:%Y-%m-%d %H:%M}Z"
    return (job.job_id, job.connection, created, job.state, job.outcome or "", job.reason or "")
