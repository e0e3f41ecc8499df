"""``/v1/subscriptions``: integrations say where Pleo's webhooks go.

Source: Pleo Webhook Subscriptions API v1, OpenAPI 11.6.2. A subscription is whose the credential is
that made it; another company's is not there. What is delivered, and how, is ``outbox``'s.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from counterfoil.sandbox import bodies
from counterfoil.sandbox.access import authenticate, uuid_of
from counterfoil.sandbox.apierrors import bad_request, not_found
from counterfoil.sandbox.hooks import Hook, HookActivity
from counterfoil.sandbox.model import ApiKey, encode
from counterfoil.sandbox.pages import PageQuery, paginate
from counterfoil.sandbox.replies import paged, reply
from counterfoil.sandbox.state import State

__all__ = ["activities", "create", "delete", "get", "list_all", "secret", "update"]

_OPERATIONS = frozenset({"CREATE", "UPDATE", "DELETE"})


def list_all(state: State, request: Request, _: bytes) -> Response:
    """Show a page of the caller's subscriptions."""
    key = authenticate(state, request)
    params = request.query_params
    query = PageQuery.of(params)
    status, events = params.get("status"), set(params.getlist("event_types"))
    page = paginate(
        [hook for hook in state.hooks.values() if _may_see(key, hook)],
        query,
        size=_size(state, query),
        keep=lambda hook: (
            status in {None, hook.status} and (not events or bool(events & {*hook.event_types}))
        ),
        fields=Hook.as_json,
    )
    asked = {"status": [status] if status is not None else [], "event_types": sorted(events)}
    info = page.info(query, {name: values for name, values in asked.items() if values})
    return paged([encode(hook.as_json()) for hook in page.rows], info)


def create(state: State, request: Request, body: bytes) -> Response:
    """Make a subscription."""
    key = authenticate(state, request)
    wanted = bodies.parse(bodies.SUBSCRIPTION, body)
    now = state.clock.now()
    hook = Hook(state.new_id(), key.company_id, wanted.endpoint_url, wanted.event_types, now, now)
    _set(state, hook, wanted, "CREATE", key)
    state.hooks[hook.id] = hook
    return reply({"data": hook.as_json()})


def get(state: State, request: Request, _: bytes) -> Response:
    """Show one."""
    return reply({"data": _hook(state, request, authenticate(state, request)).as_json()})


def update(state: State, request: Request, body: bytes) -> Response:
    """Replace all of one but its id and its secret."""
    key = authenticate(state, request)
    hook = _hook(state, request, key)
    _set(state, hook, bodies.parse(bodies.SUBSCRIPTION, body), "UPDATE", key)
    return reply({"data": hook.as_json()})


def delete(state: State, request: Request, _: bytes) -> Response:
    """Remove one."""
    hook = _hook(state, request, authenticate(state, request))
    del state.hooks[hook.id]
    return Response(status_code=204)


def secret(state: State, request: Request, _: bytes) -> Response:
    """Show what signs its deliveries."""
    hook = _hook(state, request, authenticate(state, request))
    return reply({"data": {"secretKey": hook.secret}})


def activities(state: State, request: Request, _: bytes) -> Response:
    """Show a page of what was done to one."""
    hook = _hook(state, request, authenticate(state, request))
    query = PageQuery.of(request.query_params)
    operations = frozenset(request.query_params.getlist("operation_types"))
    if unknown := operations - _OPERATIONS:
        raise bad_request(f"operation_types: {', '.join(sorted(unknown))} is no operation.")
    page = paginate(
        hook.activities,
        query,
        size=_size(state, query),
        keep=(lambda activity: activity.operation in operations) if operations else None,
        fields=HookActivity.as_json,
    )
    asked = {"operation_types": sorted(operations)} if operations else {}
    return paged([encode(each.as_json()) for each in page.rows], page.info(query, asked))


def _set(
    state: State, hook: Hook, wanted: bodies.SubscriptionBody, operation: str, key: ApiKey
) -> None:
    hook.endpoint_url = wanted.endpoint_url
    hook.event_types = wanted.event_types
    hook.status = wanted.status
    hook.custom_headers = wanted.custom_headers
    auth = wanted.endpoint_auth
    hook.endpoint_auth = None if auth is None else auth.model_dump(exclude_none=True)
    hook.updated_at = state.clock.now()
    whose = f"company:{key.company_id}" if key.company_id else "organisation"
    actor = f"urn:pleo:{whose}"
    activity = HookActivity(state.new_id(), hook.id, operation, hook.updated_at, actor)
    hook.activities.append(activity)


def _may_see(key: ApiKey, hook: Hook) -> bool:
    return key.company_id in {None, hook.company_id}


def _hook(state: State, request: Request, key: ApiKey) -> Hook:
    hook = state.hooks.get(uuid_of("id", request.path_params["id"]))
    if hook is None or not _may_see(key, hook):
        raise not_found("Subscription")
    return hook


def _size(state: State, query: PageQuery) -> int:
    wanted = state.page_size if query.limit is None else query.limit
    return min(wanted, state.max_page_size)
