"""Two plain pages: ``/connect/{name}`` begins a consent, ``/oauth/callback`` ends it.

Who may begin one: whoever has a link that ``counterfoil connections authorise NAME --link``
printed, once, within a day. Opening the link uses nothing up (mail scanners open links); its button
does. The browser that pressed it gets a cookie, without which what Pleo brings back is worth
nothing, so that nobody can be made to finish another's consent. The pages hold no scripts and no
secrets but the link's own; they are not kept, not framed, and tell no other site where they were.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import structlog
from jinja2 import Environment, PackageLoader
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from counterfoil.config.addresses import CALLBACK
from counterfoil.errors import CounterfoilError
from counterfoil.register.consents import digest_of
from counterfoil.runner.authorising import Authoriser, ConsentFailed, ConsentUnknown
from counterfoil.web.bodies import Refused, read_body

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["Done", "callback_route", "consent_routes"]

log = structlog.get_logger(__name__)

Done: TypeAlias = Callable[[str | CounterfoilError], None]
"""Hears the name of a connection that was connected, or why it was not."""

COOKIE: Final = "counterfoil_consent"
COOKIE_SECONDS: Final = 600
FORM_LIMIT: Final = 4096
"""The longest form we read, in bytes; ours has one field."""
FORM_SECONDS: Final = 5.0
"""How long a form may take to arrive."""

_PAGES = Environment(
    loader=PackageLoader("counterfoil.web"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def consent_routes(
    authoriser: Authoriser, auth_url: str, redirect_uri: str, done: Done = lambda _: None
) -> Sequence[Route]:
    """Return both pages; the button of the first leads to ``auth_url``, and nowhere else."""
    pages = _Pages(authoriser, auth_url, redirect_uri)
    connect = Route("/connect/{name}", pages.show, methods=["GET"])
    return (
        connect,
        Route("/connect/{name}", pages.begin, methods=["POST"]),
        callback_route(authoriser, done),
    )


def callback_route(authoriser: Authoriser, done: Done) -> Route:
    """Return the page that Pleo sends people back to.

    ``done`` hears what came of a consent; what belongs to none that is under way it does not hear.
    """

    async def finish(request: Request) -> Response:
        parameters = dict(parse_qsl(request.url.query))
        cookie = _cookie_for(parameters.get("state", ""))
        try:
            name = await authoriser.finish(parameters, browser=request.cookies.get(cookie))
        except ConsentUnknown as unknown:
            return _failed(unknown)
        except CounterfoilError as failure:
            done(failure)
            return _failed(failure)
        done(name)
        text = "Expenses that are exported in Pleo will be booked. You can close this page."
        answer = _page("outcome.html", title=f"{name} is connected", text=text)
        answer.delete_cookie(cookie, path=urlsplit(str(request.url)).path)
        return answer

    return Route(CALLBACK, finish, methods=["GET"])


def _cookie_for(state: str) -> str:
    """Name the cookie of one consent: a browser may have several under way."""
    return f"{COOKIE}_{digest_of(state)[:16]}"


class _Pages:
    """The page that begins a consent."""

    def __init__(self, authoriser: Authoriser, auth_url: str, redirect_uri: str) -> None:
        self._authoriser = authoriser
        self._back = urlsplit(redirect_uri)
        target = urlsplit(auth_url)
        # The button posts to us, and we send the browser on to Pleo: browsers check both.
        self._leads_to = f"'self' {target.scheme}://{target.netloc}"

    async def show(self, request: Request) -> Response:
        """Say what is asked for; nothing is begun by looking."""
        name, link = request.path_params["name"], request.query_params.get("link", "")
        try:
            connection = await asyncio.to_thread(self._authoriser.opens, name, link)
        except CounterfoilError as failure:
            return _failed(failure, 403)
        return _page(
            "connect.html",
            leads_to=self._leads_to,
            title=f"Connect {name} to Pleo",
            name=name,
            company_id=connection.company_id,
            action=request.url.path.rpartition("/")[2],
            link=link,
        )

    async def begin(self, request: Request) -> Response:
        """Use the link up, and send the browser to Pleo."""
        try:
            body = await read_body(request, limit=FORM_LIMIT, seconds=FORM_SECONDS)
        except Refused as refused:
            failure = ConsentFailed(f"Nothing could be read of the form: {refused.why}.")
            answer: Response = _failed(failure, 403)
            answer.headers.update(refused.headers)
            return answer
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        name, link = request.path_params["name"], form.get("link", "")
        try:
            begun = await asyncio.to_thread(self._authoriser.begin_by_link, name, link)
        except CounterfoilError as failure:
            return _failed(failure, 403)
        answer = RedirectResponse(begun.url, 303, _headers(self._leads_to))
        answer.set_cookie(
            _cookie_for(begun.state),
            begun.browser or "",
            max_age=COOKIE_SECONDS,
            path=self._back.path,
            secure=self._back.scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return answer


def _failed(failure: CounterfoilError, status: int = 400) -> Response:
    """Tell a person what failed; what concerns whoever runs this is for the log alone."""
    text = str(failure)
    if not isinstance(failure, ConsentFailed):
        log.error("a consent could not be worked on", reason=text)
        status, text = 503, "Not now: whoever runs Counterfoil finds in its log why."
    return _page("outcome.html", status=status, title="Not connected", text=text)


def _page(
    template: str, *, status: int = 200, leads_to: str = "'none'", **values: str
) -> HTMLResponse:
    body = _PAGES.get_template(template).render(values)
    return HTMLResponse(body, status, _headers(leads_to))


def _headers(leads_to: str) -> Mapping[str, str]:
    policy = f"default-src 'none'; base-uri 'none'; form-action {leads_to}; frame-ancestors 'none'"
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
