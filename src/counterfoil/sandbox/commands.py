"""The command ``counterfoil sandbox``: serve a Pleo of your own, and be the bookkeeper at its desk.

Its sub commands talk to a running sandbox over HTTP; what they ask for is ``control``'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NoReturn

import httpx
import simplejson
import typer

from counterfoil.effects import effect
from counterfoil.sandbox import store
from counterfoil.sandbox.books import demo_config_toml, write_demo_books
from counterfoil.sandbox.company import seed_company
from counterfoil.sandbox.control import PREFIX
from counterfoil.sandbox.faults import Kind
from counterfoil.sandbox.grants import OAuthClient
from counterfoil.sandbox.server import listen, serve, url_of
from counterfoil.sandbox.state import Company, State

__all__ = ["app"]

PORT = 8890

app = typer.Typer(
    help="Serve a local Pleo to develop against.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Url = Annotated[
    str,
    typer.Option("--url", envvar="COUNTERFOIL_SANDBOX_URL", help="Where the sandbox runs."),
]
LOCAL = f"http://127.0.0.1:{PORT}"


@app.callback(invoke_without_command=True)
def sandbox(  # noqa: PLR0913 -- each is an option
    context: typer.Context,
    *,
    company: Annotated[str, typer.Option(help="The company's name.")] = "Acme",
    items: Annotated[int, typer.Option(min=0, help="How many expenses wait for export.")] = 60,
    seed: Annotated[int, typer.Option(help="The same seed gives the same expenses.")] = 1,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = PORT,
    state: Annotated[
        Path | None, typer.Option(help="Keep the state in this file, and start from it.")
    ] = None,
) -> None:
    """Serve a company with one pending export job, until interrupted."""
    if context.invoked_subcommand is not None:
        return
    served = _state(state) or _fresh(company, items, seed)
    try:
        listener = listen(host, port)
    except OSError as error:
        _fail(f"Cannot listen on {host}, port {port} ({error.strerror}): choose another --port.")
    if state is not None:
        store.keep(served, state)
    for line in _greeting(served, url_of(listener)):
        typer.echo(line)
    serve(served, listener)


def _fresh(name: str, items: int, seed: int) -> State:
    state = State()
    company = seed_company(state, name, items=items, seed=seed)
    if items:
        state.queue_job(company.id)
    return state


def _state(path: Path | None) -> State | None:
    if path is None or not path.exists():
        return None
    try:
        return store.load(path)
    except (OSError, ValueError) as error:
        _fail(f"{path} cannot be read as a sandbox's state: {error}")


def _greeting(state: State, url: str) -> list[str]:
    lines = [f"A Pleo of your own: {url}"]
    for company in state.companies.values():
        lines += ["", *_introduction(state, company, url)]
    return lines


def _client(client: OAuthClient) -> list[str]:
    return [
        f"  OAuth       client {client.id}, secret {client.secret}, users come back to",
        *(f"              {uri}" for uri in client.redirect_uris),
    ]


def _introduction(state: State, company: Company, url: str) -> list[str]:
    jobs = [job for job in state.jobs_of([company.id]) if job.open]
    waiting = [f"  export job  {job.id} ({len(job.items)} expenses, {job.status})" for job in jobs]
    return [
        company.name,
        f"  company id  {company.id}",
        f"  API key     {company.api_key}",
        *(line for client in state.oauth.clients.values() for line in _client(client)),
        *waiting,
        "",
        "counterfoil.toml for it:",
        "",
        demo_config_toml(url, company_id=company.id),
        "Then, in another terminal:",
        "",
        "  counterfoil sandbox books books      # writes a ledger that fits the company",
        f"  export PLEO_API_KEY={company.api_key}",
        "  counterfoil run --once",
    ]


@app.command()
def books(
    folder: Annotated[Path, typer.Argument(help="Where main.beancount goes.")] = Path("books"),
) -> None:
    """Write a Beancount ledger that has every account of the demo company."""
    if (folder / "main.beancount").exists():
        _fail(f"{folder / 'main.beancount'} exists already and is left as it is.")
    typer.echo(write_demo_books(folder))


@app.command()
def queue(
    count: Annotated[int, typer.Argument(min=1, help="How many expenses.")] = 1,
    *,
    seed: Annotated[int, typer.Option(help="Which ones.")] = 0,
    file: Annotated[
        Path | None, typer.Option(help="One export item as JSON, instead of drawn ones.")
    ] = None,
    url: Url = LOCAL,
) -> None:
    """Queue expenses for export; prints their ids."""
    body = {"count": count, "seed": seed} if file is None else {"item": _json_of(file)}
    for entry_id in _ask(url, "POST", "/items", body)["ids"]:
        typer.echo(entry_id)


@app.command()
def export(
    entries: Annotated[list[str] | None, typer.Argument(help="Their ids; else all queued.")] = None,
    *,
    vendor_based: Annotated[bool, typer.Option("--vendor-based")] = False,
    url: Url = LOCAL,
) -> None:
    """Click Export; prints the job's id."""
    body = {"vendorBased": vendor_based} | ({"accountingEntryIds": entries} if entries else {})
    typer.echo(_ask(url, "POST", "/jobs", body)["id"])


@app.command()
def edit(
    entry: Annotated[str, typer.Argument(help="The expense's id.")],
    changes: Annotated[str, typer.Argument(help='Keys to replace, as JSON: \'{"note": "new"}\'.')],
    *,
    url: Url = LOCAL,
) -> None:
    """Change an expense that no job holds, and queue it again; prints it."""
    try:
        body = simplejson.loads(changes, use_decimal=True)
    except ValueError as error:
        _fail(f"The changes are not JSON: {error}")
    _show(_ask(url, "PATCH", f"/items/{entry}", body))


@app.command()
def close(job: str, *, url: Url = LOCAL) -> None:
    """Close a job, as a person does in Pleo."""
    typer.echo(_ask(url, "POST", f"/jobs/{job}/close")["status"])


@app.command()
def expire(job: str, *, url: Url = LOCAL) -> None:
    """Let a job's time run out."""
    typer.echo(_ask(url, "POST", f"/jobs/{job}/expire")["status"])


@app.command()
def clock(
    advance: Annotated[int, typer.Argument(help="Seconds to move the clock forward.")] = 0,
    *,
    url: Url = LOCAL,
) -> None:
    """Move the sandbox's clock, and print its time."""
    typer.echo(_ask(url, "POST", "/clock", {"advanceSeconds": advance})["now"])


@app.command()
def webhooks(
    *,
    job: Annotated[str | None, typer.Option(help="Send the webhook of this job once more.")] = None,
    event: Annotated[str | None, typer.Option(help="Send this event, with no data.")] = None,
    url: Url = LOCAL,
) -> None:
    """Show who subscribed to webhooks, or send one; the log tells what became of it."""
    if job is not None or event is not None:
        body = {"jobId": job} if event is None else {"eventType": event}
        typer.echo(f"sent to {_ask(url, 'POST', '/webhooks', body)['sent']}")
        return
    for hook in _ask(url, "GET", "/webhooks"):
        _show(hook)


@app.command()
def faults(  # noqa: PLR0913 -- each is an option
    kind: Annotated[Kind | None, typer.Argument(help="What goes wrong; none: show them.")] = None,
    *,
    endpoint: Annotated[str, typer.Option(help="A call's name, such as update_items.")] = "*",
    times: Annotated[int | None, typer.Option(min=0, help="How often at most.")] = None,
    skip: Annotated[int, typer.Option(min=0, help="How many calls pass first.")] = 0,
    probability: Annotated[float, typer.Option(min=0, max=1)] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed draws the same chances.")] = 0,
    value: Annotated[float, typer.Option(help="Seconds, rows or bytes, by kind.")] = 1,
    clear: Annotated[bool, typer.Option("--clear", help="Switch all off.")] = False,
    url: Url = LOCAL,
) -> None:
    """Switch faults on or off, or show those that are on."""
    if clear:
        _ask(url, "DELETE", "/faults")
    if kind is not None:
        chance = {"probability": probability, "seed": seed, "value": value}
        where = {"kind": kind.value, "endpoint": endpoint, "times": times, "skip": skip}
        _ask(url, "POST", "/faults", where | chance)
    for fault in _ask(url, "GET", "/faults"):
        _show(fault)


@app.command()
def key(
    scope: Annotated[list[str] | None, typer.Argument(help="Its scopes; else all.")] = None,
    *,
    organisation: Annotated[
        bool, typer.Option("--organisation", help="For all companies.")
    ] = False,
    revoke: Annotated[str | None, typer.Option(help="Revoke this key instead.")] = None,
    url: Url = LOCAL,
) -> None:
    """Make an API key and print it, or revoke one."""
    if revoke is not None:
        _ask(url, "DELETE", f"/keys/{revoke}")
        return
    body = {"organisation": organisation} | ({"scopes": scope} if scope else {})
    typer.echo(_ask(url, "POST", "/keys", body)["key"])


@app.command()
def oauth(
    *,
    access_seconds: Annotated[int | None, typer.Option(min=1, help="Of access tokens.")] = None,
    refresh_seconds: Annotated[int | None, typer.Option(min=1, help="Of refresh tokens.")] = None,
    code_seconds: Annotated[int | None, typer.Option(min=1, help="Of a consent's code.")] = None,
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Register a client for these exact addresses.")
    ] = None,
    revoke: Annotated[str | None, typer.Option(help="Revoke this authorisation.")] = None,
    url: Url = LOCAL,
) -> None:
    """Show OAuth's clients, lifetimes and authorisations, or change them."""
    seconds = {"access": access_seconds, "refresh": refresh_seconds, "code": code_seconds}
    lifetimes = {f"{name}Seconds": value for name, value in seconds.items() if value}
    if lifetimes:
        _ask(url, "PATCH", "/oauth", lifetimes)
    if redirect_uri:
        _ask(url, "POST", "/oauth/clients", {"redirectUris": redirect_uri})
    if revoke is not None:
        _ask(url, "DELETE", f"/oauth/{revoke}")
    _show(_ask(url, "GET", "/oauth"))


@app.command()
def log(
    *,
    after: Annotated[int, typer.Option(min=0, help="Leave out so many lines.")] = 0,
    url: Url = LOCAL,
) -> None:
    """Print what happened, one JSON object a line."""
    for entry in _ask(url, "GET", f"/log?after={after}"):
        _show(entry)


def _ask(url: str, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 -- any JSON
    """Call the control API; a refusal ends the command with its words."""
    content = b"" if body is None else simplejson.dumps(body).encode()
    try:
        with effect("sandbox.control", path):
            answer = httpx.request(method, f"{url}{PREFIX}{path}", content=content, timeout=60)
    except httpx.HTTPError as error:
        _fail(f"No sandbox answers at {url} ({error}): start one, or name its --url.")
    if answer.is_error:
        _fail(answer.json()["message"])
    return simplejson.loads(answer.content, use_decimal=True) if answer.content else None


def _json_of(path: Path) -> object:
    try:
        return simplejson.loads(path.read_bytes(), use_decimal=True)
    except (OSError, ValueError) as error:
        _fail(f"{path} cannot be read as JSON: {error}")


def _show(value: object) -> None:
    typer.echo(simplejson.dumps(value, ensure_ascii=False))


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
