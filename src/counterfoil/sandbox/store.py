"""Keeps a sandbox's state in a JSON file, replaced whole after every change.

Everything but the log is kept. An expense is written to JSON once, so that replacing the file stays
quick with ten thousand of them.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import simplejson

from counterfoil.effects import effect
from counterfoil.sandbox.clock import Clock, stamp
from counterfoil.sandbox.faults import Fault
from counterfoil.sandbox.grants import Authorisation, Grants, OAuthClient
from counterfoil.sandbox.hooks import Hook, HookActivity
from counterfoil.sandbox.model import (
    AccountingEntry,
    ApiKey,
    Item,
    Job,
    JobItem,
    Receipt,
    encode,
)
from counterfoil.sandbox.state import Company, State

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["keep", "load", "save"]

_SETTINGS = ("page_size", "max_page_size", "refuse_reasons_with_errors")
_TIMES = ("created_at", "last_updated_at", "started_at", "completed_at", "expired_at")
_HOOK_TIMES = ("created_at", "updated_at")
_UNTIL = ("access_until", "refresh_until")
_LIFETIMES = ("access_seconds", "refresh_seconds", "code_seconds")
_COMPANY = ("id", "name", "api_key", "installation")


def keep(state: State, path: Path) -> None:
    """Save now, and from now on after every change that comes in over HTTP."""
    state.on_change = lambda: save(state, path)
    save(state, path)


def save(state: State, path: Path) -> None:
    """Replace the file by the state as it is; a crash leaves the old one or the new one."""
    with state.lock:
        text = _dump(state)
    beside = path.with_name(f".{path.name}.new")
    with effect("sandbox.save", str(path)):
        with beside.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)


def load(path: Path) -> State:
    """Read a state back; raises ValueError for a file that is not one."""
    try:
        saved = simplejson.loads(path.read_bytes(), use_decimal=True)
        return _read(saved)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a sandbox's state: {error!r}") from error


def _dump(state: State) -> bytes:
    head = {
        "clockOffset": int(state.clock.offset.total_seconds()),
        "signingKey": state.signing_key.hex(),
        "settings": {name: getattr(state, name) for name in _SETTINGS},
        "keys": [_plain(key) | {"scopes": sorted(key.scopes)} for key in state.keys.values()],
        "oauth": _dump_grants(state.oauth),
        "hooks": [_dump_hook(hook) for hook in state.hooks.values()],
        "faults": [fault.as_json() for fault in state.faults],
        "jobs": [_dump_job(job) for job in state.jobs.values()],
    }
    companies = b",".join(map(_dump_company, state.companies.values()))
    return b'%s,"companies":[%s]}' % (encode(head)[:-1], companies)


def _dump_grants(grants: Grants) -> Item:
    """Write clients and authorisations; a code lives so shortly that it is not kept."""
    authorisations = [
        _plain(each)
        | {
            "scopes": sorted(each.scopes),
            **{name: (at := getattr(each, name)) and stamp(at) for name in _UNTIL},
        }
        for each in grants.authorisations.values()
    ]
    return {
        "lifetimes": {name: getattr(grants, name) for name in _LIFETIMES},
        "clients": [_plain(each) for each in grants.clients.values()],
        "authorisations": authorisations,
    }


def _plain(thing: DataclassInstance) -> Item:
    names = [field.name for field in fields(thing)]
    return {name: getattr(thing, name) for name in names}


def _dump_hook(hook: Hook) -> Item:
    """Write a webhook subscription; what was not delivered yet is not kept."""
    done = [_plain(each) | {"at": stamp(each.at)} for each in hook.activities]
    times = {name: stamp(getattr(hook, name)) for name in _HOOK_TIMES}
    return _plain(hook) | {"activities": done} | times


def _dump_job(job: Job) -> Item:
    times = {name: getattr(job, name) for name in _TIMES}
    return _plain(job) | {
        "items": [_dump_item(item) for item in job.items.values()],
        **{name: time and stamp(time) for name, time in times.items()},
    }


def _dump_item(item: JobItem) -> Item | str:
    """Write one that nothing was reported about as its id alone."""
    return item.id if item == JobItem(item.id) else _plain(item)


def _dump_company(company: Company) -> bytes:
    head = {name: getattr(company, name) for name in _COMPANY}
    entries = company.entries.values()
    head["missing_contra_accounts"] = sorted(company.missing_contra_accounts)
    head["exported"] = [entry.id for entry in entries if entry.exported]
    head["withheld"] = [entry.id for entry in entries if entry.withheld]
    fixed = b",".join(entry.remembered("stored", _fixed) for entry in entries)
    return b'%s,"entries":[%s]}' % (encode(head)[:-1], fixed)


def _fixed(entry: AccountingEntry) -> bytes:
    receipts = [
        _plain(receipt) | {"data": base64.b64encode(receipt.data).decode("ascii")}
        for receipt in entry.receipts
    ]
    fixed = {"item": entry.item, "vendor_fields": entry.vendor_fields, "receipts": receipts}
    return encode(fixed)


def _read(saved: Mapping[str, Any]) -> State:
    state = State(clock=Clock(timedelta(seconds=saved["clockOffset"])))
    state.signing_key = bytes.fromhex(saved["signingKey"])
    for name, value in saved["settings"].items():
        setattr(state, name, value)
    for key in saved["keys"]:
        state.keys[key["secret"]] = ApiKey(**key | {"scopes": frozenset(key["scopes"])})
    _read_grants(state.oauth, saved.get("oauth") or {})
    for hook in map(_read_hook, saved.get("hooks", [])):
        state.hooks[hook.id] = hook
    state.faults = [Fault(**fault) for fault in saved["faults"]]
    for company in saved["companies"]:
        state.companies[company["id"]] = _read_company(state, company)
    for job in map(_read_job, saved["jobs"]):
        state.jobs[job.id] = job
        _lock(state.companies[job.company_id], job)
    return state


def _read_grants(grants: Grants, saved: Mapping[str, Any]) -> None:
    for name, value in saved.get("lifetimes", {}).items():
        setattr(grants, name, value)
    for client in saved.get("clients", ()):
        made = OAuthClient(**client | {"redirect_uris": tuple(client["redirect_uris"])})
        grants.clients[made.id] = made
    for each in saved.get("authorisations", ()):
        times = {name: each[name] and datetime.fromisoformat(each[name]) for name in _UNTIL}
        read = Authorisation(**each | times | {"scopes": frozenset(each["scopes"])})
        grants.authorisations[read.id] = read


def _read_hook(saved: Mapping[str, Any]) -> Hook:
    done = [
        HookActivity(**each | {"at": datetime.fromisoformat(each["at"])})
        for each in saved["activities"]
    ]
    times = {name: datetime.fromisoformat(saved[name]) for name in _HOOK_TIMES}
    return Hook(**dict(saved) | times | {"activities": done})


def _read_company(state: State, saved: Mapping[str, Any]) -> Company:
    company = Company(**{name: saved[name] for name in _COMPANY}, state=state)
    company.missing_contra_accounts = set(saved["missing_contra_accounts"])
    for entry in map(_read_entry, saved["entries"]):
        company.entries[entry.id] = entry
    for name in ("exported", "withheld"):
        for entry_id in saved[name]:
            setattr(company.entries[entry_id], name, True)
    return company


def _read_entry(saved: Mapping[str, Any]) -> AccountingEntry:
    receipts = (
        Receipt(**each | {"data": base64.b64decode(each["data"])}) for each in saved["receipts"]
    )
    return AccountingEntry(**dict(saved) | {"receipts": tuple(receipts)})


def _read_job(saved: Mapping[str, Any]) -> Job:
    times = {name: saved[name] and datetime.fromisoformat(saved[name]) for name in _TIMES}
    items = [JobItem(**{"id": each} if isinstance(each, str) else each) for each in saved["items"]]
    return Job(**dict(saved) | times | {"items": {item.id: item for item in items}})


def _lock(company: Company, job: Job) -> None:
    """Give an open job the expenses it holds."""
    for entry_id in job.items if job.open else ():
        company.entries[entry_id].job_id = job.id
