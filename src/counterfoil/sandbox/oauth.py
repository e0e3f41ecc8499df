"""The wire of Pleo's OAuth: the page where a person consents, the token endpoint, revocation.

    GET, POST /oauth/authorize   the page; its button leads back to the client
    POST      /oauth/token       a code or a refresh token for a pair of tokens
    POST      /oauth/revoke      end an authorisation (RFC 7009)

What is allowed is ``grants``'s. Pleo serves these on a host of its own; here it is the same one.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote_plus, urlencode

from jinja2 import Environment
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from counterfoil.sandbox import installations
from counterfoil.sandbox.grants import Asked, Authorisation, OAuthClient, OAuthRefused
from counterfoil.sandbox.model import SCOPES
from counterfoil.sandbox.replies import reply
from counterfoil.sandbox.state import State

__all__ = ["decide", "exchange", "revoke", "show_consent"]

Fields: TypeAlias = Mapping[str, str]
Handler: TypeAlias = "Callable[[State, Request, bytes], Response]"

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")

_PAGES = Environment(autoescape=True)
_CONSENT = _PAGES.from_string("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Pleo (sandbox): connect an integration</title>
<h1>Connect an integration</h1>
<p><strong>{{ asked.client_id }}</strong> asks to:</p>
<ul>{% for scope in asked.scopes | sort %}<li>{{ scope }}</li>{% endfor %}</ul>
<form method="post" action="/oauth/authorize">
{% for name, value in fields.items() %}
<input type="hidden" name="{{ name }}" value="{{ value }}">
{% endfor %}
<p><label>Company <select name="company">
{% for company in companies %}<option value="{{ company.id }}">{{ company.name }}</option>
{% endfor %}</select></label></p>
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button>
</form>
</html>
""")
_REFUSAL = _PAGES.from_string("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Pleo (sandbox): this cannot be connected</title>
<h1>This cannot be connected</h1>
<p>{{ description }}</p>
</html>
""")


class _SentBack(Exception):
    """The browser goes back to the client with these parameters."""

    def __init__(self, redirect_uri: str, state: str | None, **parameters: str) -> None:
        super().__init__()
        given = {**parameters, **({"state": state} if state is not None else {})}
        self.location = f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(given)}"


def _page(handler: Handler) -> Handler:
    """Answer a person: with a page, or by sending the browser on."""

    @wraps(handler)
    def answer(state: State, request: Request, body: bytes) -> Response:
        try:
            response = handler(state, request, body)
        except OAuthRefused as refusal:
            response = HTMLResponse(_REFUSAL.render(description=refusal.description), 400)
        except _SentBack as back:
            response = RedirectResponse(back.location, 303)
        response.headers["Cache-Control"] = "no-store"
        return response

    return answer


def _endpoint(handler: Handler) -> Handler:
    """Answer a program, with JSON that nobody keeps."""

    @wraps(handler)
    def answer(state: State, request: Request, body: bytes) -> Response:
        try:
            response = handler(state, request, body)
        except OAuthRefused as refusal:
            said = {"error": refusal.error, "error_description": refusal.description}
            response = reply(said, refusal.status)
            if refusal.error == "invalid_client":
                response.headers["WWW-Authenticate"] = 'Basic realm="Pleo"'
        response.headers["Cache-Control"] = "no-store"
        return response

    return answer


@_page
def show_consent(state: State, request: Request, _: bytes) -> Response:
    """Show what a client asks for, and the buttons."""
    fields = _fields(str(request.url.query))
    asked = _asked(state, fields)
    companies = list(state.companies.values())
    return HTMLResponse(_CONSENT.render(asked=asked, fields=fields, companies=companies))


@_page
def decide(state: State, _: Request, body: bytes) -> Response:
    """Take the person's decision back to the client."""
    fields = _fields(body.decode("utf-8", "replace"))
    asked = _asked(state, fields)
    if fields.get("decision") != "allow":
        said = {"error": "access_denied", "error_description": "The person said no."}
        raise _SentBack(asked.redirect_uri, asked.state, **said)
    company = fields.get("company", "")
    if company not in state.companies:
        raise OAuthRefused("invalid_request", "There is no such company.")
    code = state.oauth.consent(asked, company)
    raise _SentBack(asked.redirect_uri, asked.state, code=code)


@_endpoint
def exchange(state: State, request: Request, body: bytes) -> Response:
    """Give a pair of tokens for a code or a refresh token."""
    fields = _form(request, body)
    client = _client(state, request.headers, fields)
    match fields.get("grant_type"):
        case "authorization_code":
            given = _exchanged(state, client, fields)
            state.note("authorised", value=given.id)
        case "refresh_token":
            given = state.oauth.refresh(client, _needed(fields, "refresh_token"))
            state.note("refreshed", value=given.id)
        case other:
            raise OAuthRefused("unsupported_grant_type", f"grant_type {other} is not supported.")
    return reply(
        {
            "access_token": given.access_token,
            "refresh_token": given.refresh_token,
            "token_type": "Bearer",
            "expires_in": state.oauth.access_seconds,
            "scope": " ".join(sorted(given.scopes)),
        }
    )


def _exchanged(state: State, client: OAuthClient, fields: Fields) -> Authorisation:
    verifier = _needed(fields, "code_verifier")
    if not _VERIFIER.fullmatch(verifier):
        raise OAuthRefused("invalid_request", "code_verifier must have 43 to 128 characters.")
    given = state.oauth.exchange(
        client, _needed(fields, "code"), _needed(fields, "redirect_uri"), verifier
    )
    company = state.companies[given.company_id]
    if company.installation is None:
        installations.install(state, company, status="AUTHORIZED")
    return given


@_endpoint
def revoke(state: State, request: Request, body: bytes) -> Response:
    """End what a token belongs to; a token nobody knows is as good as revoked."""
    fields = _form(request, body)
    client = _client(state, request.headers, fields)
    ended = state.oauth.revoke_token(client, _needed(fields, "token"))
    if ended is not None:
        state.note("revoked", value=ended.id)
    return reply({})


def _asked(state: State, fields: Fields) -> Asked:
    """Check a request for consent; only a registered address is ever sent anything."""
    client = state.oauth.clients.get(fields.get("client_id", ""))
    redirect_uri = fields.get("redirect_uri", "")
    if client is None:
        raise OAuthRefused("invalid_client", "client_id is unknown.")
    if redirect_uri not in client.redirect_uris:
        raise OAuthRefused(
            "invalid_request",
            f"redirect_uri {redirect_uri or 'is missing, and'} is not registered.",
        )
    try:
        return Asked(
            client.id, redirect_uri, _scopes(fields), _challenge(fields), fields.get("state")
        )
    except OAuthRefused as refusal:
        said = {"error": refusal.error, "error_description": refusal.description}
        raise _SentBack(redirect_uri, fields.get("state"), **said) from refusal


def _challenge(fields: Fields) -> str:
    """Return the PKCE challenge of a request for a code; nothing but S256 will do."""
    if fields.get("response_type") != "code":
        raise OAuthRefused("unsupported_response_type", "response_type must be code.")
    challenge = fields.get("code_challenge", "")
    if fields.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise OAuthRefused(
            "invalid_request", "PKCE is required: code_challenge with code_challenge_method=S256."
        )
    return challenge


def _scopes(fields: Fields) -> frozenset[str]:
    asked = frozenset(fields.get("scope", "").split()) or SCOPES
    if unknown := asked - SCOPES:
        raise OAuthRefused("invalid_scope", f"There is no scope {', '.join(sorted(unknown))}.")
    return asked


def _form(request: Request, body: bytes) -> Fields:
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise OAuthRefused("invalid_request", "The body must be a form.")
    return _fields(body.decode("utf-8", "replace"))


def _fields(text: str) -> Fields:
    """Read a form or query; RFC 6749 (3.1, 3.2) wants each parameter once."""
    pairs = parse_qsl(text)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise OAuthRefused("invalid_request", "A parameter is given twice.")
    return fields


def _client(state: State, headers: Headers, fields: Fields) -> OAuthClient:
    """Return the client, which says who it is in the header or in the body, not in both."""
    header = headers.get("Authorization")
    if header is None:
        return state.oauth.client(fields.get("client_id", ""), fields.get("client_secret", ""))
    if "client_secret" in fields:
        raise OAuthRefused("invalid_request", "The client's secret is given twice.")
    try:
        raw = base64.b64decode(header.partition(" ")[2], validate=True).decode()
    except (binascii.Error, ValueError):
        raw = ""
    client_id, _, secret = raw.partition(":")
    return state.oauth.client(unquote_plus(client_id), unquote_plus(secret))


def _needed(fields: Fields, name: str) -> str:
    if not fields.get(name):
        raise OAuthRefused("invalid_request", f"{name} is missing.")
    return fields[name]
