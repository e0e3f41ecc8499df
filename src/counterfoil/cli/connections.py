"""``counterfoil connections``: all of them, one of them, trying one, and binding it anew.

Which are in the file and which in the register is shown; what the register keeps of them is changed
by ``connections_kept``, consent by ``authorise``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from counterfoil.cli import connections_kept as kept
from counterfoil.cli.authorise import authorise, disconnect
from counterfoil.cli.connection_shown import shown_connection
from counterfoil.cli.connections_kept import NameArgument, YesOption
from counterfoil.cli.doctor import show_findings
from counterfoil.cli.groups import command_group
from counterfoil.cli.lines import say, show_json
from counterfoil.cli.logs import set_up_logs
from counterfoil.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    ConnectionOption,
    JsonOption,
    load_config,
)
from counterfoil.cli.plan import the_connection
from counterfoil.cli.screen import show_table
from counterfoil.cli.trouble import existing_register
from counterfoil.config import Config, Connection
from counterfoil.register import Register
from counterfoil.register.connections import Binding
from counterfoil.runner.binding import binding_of, rebind
from counterfoil.runner.examining import examine

__all__ = ["app"]

app = command_group("Add, show, try, pause, bind anew and remove connections.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A connection in the list: where it is configured, what it stands for, and how it is."""

    name: str
    where: str
    """``file``, ``register``, or ``nowhere``: only what was booked through it is left."""
    company_id: str
    environment: str
    target: str
    bound: bool
    """Whether it was used, so that it stays with company and books."""
    remark: str


@app.command("list")
def list_connections(
    *,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """List every connection with its company, the books that it is bound to, and how it is."""
    loaded = load_config(config, connection, secrets=False)
    with existing_register(loaded) as register:
        found = [each for each in _all(loaded, register) if connection in {None, each.name}]
    if as_json:
        show_json(found)
        return
    columns = ("connection", "from", "company", "Pleo", "books", "remark")
    rows = [
        (each.name, each.where, each.company_id, each.environment, each.target, each.remark)
        for each in found
    ]
    show_table(columns, rows)


def _all(config: Config, register: Register | None) -> Iterator[Listed]:
    bound = {each.name: each for each in register.connections.all()} if register else {}
    added = register.added.all() if register else {}
    pauses = register.pauses.all() if register else {}
    for each in config.connections:
        where = "register" if each.name in added else "file"
        remark = str(pauses.get(each.name, ""))
        yield _listed(each, where, bound.pop(each.name, None), remark)
    for stray in bound.values():
        yield _of(stray, where="nowhere", remark="not in the configuration")


def _listed(connection: Connection, where: str, bound: Binding | None, remark: str) -> Listed:
    if not connection.company_id:
        test = f"its company is not known yet: counterfoil connections test {connection.name}"
        return _of(bound, where=where, remark=remark or test, name=connection.name)
    now = binding_of(connection)
    if bound is None:
        return _of(now, where=where, remark=remark or "not used yet", bound=False)
    if bound != now and not remark:
        remark = f"configured now: {now.company_id}, {now.environment}, {now.target}"
    return _of(bound, where=where, remark=remark)


def _of(
    binding: Binding | None, *, where: str, remark: str, name: str = "", bound: bool = True
) -> Listed:
    shown = binding or Binding(name=name, company_id="", environment="", target="")
    return Listed(
        name=shown.name,
        where=where,
        company_id=shown.company_id,
        environment=shown.environment,
        target=shown.target,
        bound=bound and binding is not None,
        remark=remark,
    )


@app.command("show")
def show_connection(
    name: NameArgument, *, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False
) -> None:
    """Show how a connection is configured, and where its secrets are; never the secrets."""
    loaded = load_config(config, name, secrets=False)
    with existing_register(loaded) as register:
        shown = shown_connection(the_connection(loaded, name), register)
    if as_json:
        show_json(shown)
        return
    for key, value in shown.items():
        say(f"{key:<22} {value if value not in {None, ''} else '-'}")


@app.command("test")
def try_connection(
    name: NameArgument, *, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False
) -> None:
    """Try a connection: its credential, company, scopes, books and settings; books nothing."""
    loaded = load_config(config, name)
    set_up_logs(as_json=as_json)
    findings = asyncio.run(examine(loaded, [the_connection(loaded, name)]))
    show_findings(loaded, findings, as_json=as_json)


@app.command("rebind")
def rebind_connection(
    name: NameArgument,
    *,
    yes: YesOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Bind a connection to the company and the book that are configured now."""
    loaded = load_config(config, name, secrets=False)
    chosen = the_connection(loaded, name)
    target = binding_of(chosen).target
    kept.agreed(
        f"Bind {name} to {target}? Expenses that are not in those books are booked there when they "
        "are exported again",
        f"connections rebind: give --yes to bind {name} to {target}; expenses that are not in "
        "those books are booked there when they are exported again",
        yes=yes,
    )
    with loaded.open_register() as register:
        bound = rebind(chosen, register)
    if as_json:
        show_json(bound)
    else:
        say(f"{name} is bound to company {bound.company_id} and {bound.target}")


app.command("add")(kept.add)
app.command("set-key")(kept.set_key)
app.command()(authorise)
app.command()(disconnect)
app.command("pause")(kept.pause)
app.command("resume")(kept.resume)
app.command("remove")(kept.remove)
