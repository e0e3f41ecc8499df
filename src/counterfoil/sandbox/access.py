"""Who asks, and may they: API keys as Basic user names, Bearer tokens, scopes, companies."""

from __future__ import annotations

import base64
import binascii
import re

from starlette.requests import Request

from counterfoil.sandbox.apierrors import bad_request, export_not_found, forbidden, unauthorized
from counterfoil.sandbox.model import ApiKey, Job
from counterfoil.sandbox.state import Company, State

__all__ = ["authenticate", "company_of", "job_of", "known_company", "uuid_of"]

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def authenticate(state: State, request: Request, scope: str | None = None) -> ApiKey:
    """Return the caller's key; raises 401 for an unknown one, 403 for one without the scope."""
    key = _key(state, request.headers.get("Authorization", ""))
    if key is None:
        raise unauthorized()
    if scope is not None and scope not in key.scopes:
        raise forbidden(f"The credential lacks the scope {scope}.")
    return key


def _key(state: State, header: str) -> ApiKey | None:
    """Find an API key, or the access token of an authorisation, which only a Bearer can be."""
    secret = _secret(header)
    key = state.keys.get(secret)
    if key is None and header[:7].lower() == "bearer ":
        return state.oauth.key_of(secret)
    return key


def _secret(header: str) -> str:
    """Read a Bearer token, or the user name of Basic with an empty password; else nothing."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        name, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return ""
    return name if colon and not password else ""


def company_of(key: ApiKey, company_id: str | None) -> str:
    """Return the company a list is about; a key of the organisation must name it."""
    chosen = company_id or key.company_id
    if chosen is None:
        raise bad_request("company_id is required with a credential of the organisation.")
    _check_company(key, chosen)
    return chosen


def known_company(state: State, company_id: str) -> Company:
    """Return a company; raises the 403 that one which is not there gets, too."""
    company = state.companies.get(company_id)
    if company is None:
        raise forbidden("The credential is for another company.")
    return company


def job_of(state: State, key: ApiKey, job_id: str) -> Job:
    """Return a job that the caller may see; raises 404, 403."""
    if job_id not in state.jobs:
        raise export_not_found()
    job = state.job(job_id)
    _check_company(key, job.company_id)
    return job


def _check_company(key: ApiKey, company_id: str) -> None:
    if key.company_id is not None and key.company_id != company_id:
        raise forbidden("The credential is for another company.")


def uuid_of(name: str, text: str) -> str:
    """Check an id from a path or query; raises 400."""
    if not _UUID.fullmatch(text):
        raise bad_request(f"{name} is not a UUID.")
    return text.lower()
