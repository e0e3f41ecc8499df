"""``/v1/installations/me``: an integration's installation at a company, which tells the company.

With an API key the integration makes it; with OAuth the flow does, and the integration activates
it.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from counterfoil.sandbox import bodies
from counterfoil.sandbox.access import authenticate, company_of, known_company
from counterfoil.sandbox.apierrors import not_found
from counterfoil.sandbox.clock import stamp
from counterfoil.sandbox.model import Item
from counterfoil.sandbox.replies import reply
from counterfoil.sandbox.state import Company, State

__all__ = ["activate", "create", "get", "install"]


def install(
    state: State, company: Company, *, status: str, metadata: Mapping[str, str] | None = None
) -> Item:
    """Make the company's installation, or change the one it has."""
    now = stamp(state.clock.now())
    kept = company.installation or {
        "id": state.new_id(),
        "applicationId": state.new_id(),
        "createdAt": now,
        "metadata": {},
        "resource": f"urn:pleo:company:{company.id}",
    }
    new = {} if metadata is None else {"metadata": dict(metadata)}
    company.installation = kept | new | {"status": status, "updatedAt": now}
    return company.installation


def get(state: State, request: Request, _: bytes) -> Response:
    """Show it; 404 before it is made."""
    return reply(_installed(_company(state, request)))


def create(state: State, request: Request, body: bytes) -> Response:
    """Make it, as an integration with an API key must."""
    company = _company(state, request)
    wanted = bodies.parse(bodies.INSTALLATION, body)
    return reply(install(state, company, status=wanted.status, metadata=wanted.metadata), 201)


def activate(state: State, request: Request, _: bytes) -> Response:
    """Say that the integration works now."""
    company = _company(state, request)
    _installed(company)
    return reply(install(state, company, status="ACTIVATED"))


def _company(state: State, request: Request) -> Company:
    """Return whose installation is meant; a key of the organisation must name the company."""
    given = request.query_params.get("company_id")
    return known_company(state, company_of(authenticate(state, request), given))


def _installed(company: Company) -> Item:
    if company.installation is None:
        raise not_found("Installation")
    return company.installation
