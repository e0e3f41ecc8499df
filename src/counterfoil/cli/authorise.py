"""``counterfoil connections authorise`` and ``disconnect``: consent by OAuth, and its end."""

from __future__ import annotations

import asyncio
import errno
import socket
import webbrowser
from datetime import datetime
from ipaddress import ip_address
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from counterfoil.cli.lines import complain, say
from counterfoil.cli.logs import set_up_logs
from counterfoil.cli.options import DEFAULT_CONFIG, ConfigOption, load_config
from counterfoil.cli.plan import the_connection
from counterfoil.cli.web import server_for
from counterfoil.effects import effect
from counterfoil.errors import ConfigurationError, CounterfoilError
from counterfoil.register import Register
from counterfoil.runner import authorising
from counterfoil.runner.authorising import Authoriser, ConsentFailed
from counterfoil.web.app import create_app
from counterfoil.web.consent import callback_route

__all__ = ["authorise", "disconnect"]

WAIT_SECONDS: Final = 600.0
"""How long a person has; a consent works no longer."""

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The connection's name.")]


def authorise(
    name: NameArgument,
    *,
    link: Annotated[
        bool, typer.Option("--link", help="Print a link for somebody to consent by, and end.")
    ] = False,
    browser: Annotated[bool, typer.Option("--browser", help="Open a browser.")] = False,
    redirect_uri: Annotated[
        str | None,
        typer.Option(help="Registered at Pleo, on 127.0.0.1, instead of [pleo.oauth]'s."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Have a person consent to a connection at Pleo, by OAuth."""
    set_up_logs()
    loaded = load_config(config, name, secrets=False)
    chosen = the_connection(loaded, name)
    with loaded.open_register() as register:
        authoriser = Authoriser({name: chosen}, register)
        back = redirect_uri or authorising.settings_of(chosen).redirect_uri
        if redirect_uri and (link or not _is_loopback(redirect_uri)):
            raise ConfigurationError(
                f"--redirect-uri {redirect_uri}: a terminal is answered on this machine "
                "(http://127.0.0.1:PORT/PATH), and a link where [pleo.oauth] redirect_uri says: "
                "leave it out, or correct it"
            )
        if link or not _is_loopback(back):
            _show("Whoever opens this link within a day can consent, once:", authoriser.link(name))
            return
        asyncio.run(_Terminal(authoriser, register, name, back).consent(open_browser=browser))
    say(f"{name} is connected")


def disconnect(name: NameArgument, *, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Revoke a connection's consent at Pleo, and forget its tokens."""
    set_up_logs()
    loaded = load_config(config, name, secrets=False)
    with loaded.open_register() as register:
        say(asyncio.run(authorising.disconnect(the_connection(loaded, name), register)))


def _is_loopback(uri: str) -> bool:
    parts = urlsplit(uri)
    try:
        return parts.scheme == "http" and ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


class _Terminal:
    """A person consents in a browser on this machine, while the command waits."""

    def __init__(self, authoriser: Authoriser, register: Register, name: str, back: str) -> None:
        self._authoriser = authoriser
        self._register = register
        self._name = name
        self._back = back

    async def consent(self, *, open_browser: bool) -> None:
        """Return when the connection is authorised; raises ConsentFailed."""
        was = self._consented_at()
        begun = self._authoriser.begin(self._name, redirect_uri=self._back)
        listener = self._listen()
        _show("Open this address in a browser on this machine, and consent:", begun.url)
        if open_browser:
            await asyncio.to_thread(_open, begun.url)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                if listener is None:
                    await self._elsewhere(was)
                else:
                    await self._here(listener)
        except TimeoutError:
            raise ConsentFailed("Nobody consented within ten minutes; run it again.") from None

    def _listen(self) -> socket.socket | None:
        """Listen where Pleo sends the browser back to; None where the service does already."""
        parts = urlsplit(self._back)
        host, port = parts.hostname or "", parts.port or 80
        try:
            with effect("authorise.listen", f"{host}:{port}"):
                family = socket.AF_INET6 if ":" in host else socket.AF_INET
                return socket.create_server((host, port), family=family)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise CounterfoilError(
                    f"Cannot listen on {host}, port {port} ({error.strerror}), where Pleo sends "
                    "the browser back to: register another address at Pleo, and name it with "
                    "--redirect-uri"
                ) from error
        complain(f"{self._back} is in use: taken to be counterfoil serve, which takes the answer")
        return None

    async def _here(self, listener: socket.socket) -> None:
        done: asyncio.Queue[str | CounterfoilError] = asyncio.Queue()
        server = server_for(create_app(callback_route(self._authoriser, done.put_nowait)))
        with listener:
            web = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                outcome = await done.get()
            finally:
                server.should_exit = True
                await web
        if isinstance(outcome, CounterfoilError):
            raise outcome

    async def _elsewhere(self, was: datetime | None) -> None:
        """Wait until the service has stored a consent's tokens; a refresh changes others."""
        while self._consented_at() == was:  # noqa: ASYNC110 -- another process stores them
            await asyncio.sleep(0.5)

    def _consented_at(self) -> datetime | None:
        held = self._register.authorisations.get(self._name)
        return held.consented_at if held else None


def _show(words: str, address: str) -> None:
    for line in (words, "", f"  {address}", ""):
        say(line)


def _open(url: str) -> None:
    with effect("authorise.open_browser", urlsplit(url).netloc):
        opened = webbrowser.open(url)
    if not opened:
        complain("No browser could be opened here")
