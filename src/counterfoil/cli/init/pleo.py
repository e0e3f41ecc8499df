"""What is asked of Pleo: which one, the key, the company; each is tried at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from counterfoil.cli.init.questions import Answer, Question, Wrong, shape_value
from counterfoil.cli.init.secrets import HOW, kept_secret
from counterfoil.cli.init.state import State
from counterfoil.config.addresses import ENVIRONMENTS
from counterfoil.config.shape import ConnectionShape, PleoShape
from counterfoil.errors import CounterfoilError
from counterfoil.pleo.auth import ApiKeyAuth
from counterfoil.pleo.client import PleoClient
from counterfoil.pleo.retry import Retries
from counterfoil.pleo.rights import SCOPES, company_told, missing_scopes

__all__ = ["KEY_FILE", "pleo_questions"]

KEY_FILE = "pleo.key"

T = TypeVar("T")


def pleo_questions(state: State) -> Iterator[Question]:
    """Give the questions about Pleo."""
    yield Question(
        key="pleo",
        words="Which Pleo: production, staging, or an address",
        check=lambda text: _pleo(state, text),
        suggestion="production",
    )
    if "ca_file" in state.given:
        yield Question(
            key="ca_file",
            words="Certificates of an authority of your own, to be trusted at Pleo",
            check=lambda text: _ca_file(state, text),
        )
    yield Question(
        key="api_key",
        words=f"Its API key ({HOW})",
        check=lambda text: _key(state, text),
        secret=True,
        about=(
            f"The key needs the scopes {', '.join(SCOPES)}.",
            f"It is kept in {KEY_FILE}, for you alone to read.",
        ),
    )
    told = f"Pleo says that the key is for company {state.company}." if state.company else ""
    yield Question(
        key="company_id",
        words="The company's id in Pleo",
        check=lambda text: _company(state, text),
        suggestion=state.company or "",
        sure=state.company is not None,
        about=(told,) if told else (),
    )


def _pleo(state: State, text: str) -> Answer:
    if text not in ENVIRONMENTS:
        text = str(shape_value(PleoShape, "base_url", text, state.around))
    return Answer(value=text, text=text)


def _ca_file(state: State, text: str) -> Answer:
    shape_value(PleoShape, "ca_file", text, state.around)
    return Answer(value=text, text=text)


def _key(state: State, text: str) -> Answer:
    """Try the key, and learn whose it is; raises Wrong. Source: Pleo, "API keys"."""
    answer = kept_secret(state, KEY_FILE, text)
    key = state.secret(answer)
    state.company = _ask(state, key, "", company_told)
    if state.company is not None:
        _refuse_without_scopes(state, key, state.company)
    return answer


def _refuse_without_scopes(state: State, key: str, company_id: str) -> None:
    missing = _ask(state, key, company_id, missing_scopes)
    if missing:
        raise Wrong(
            f"The key lacks {', '.join(missing)} for company {company_id}: give it these scopes "
            "in Pleo, or take a key of the company that you mean."
        )


def _company(state: State, text: str) -> Answer:
    company_id = str(shape_value(ConnectionShape, "company_id", text, state.around))
    if state.company not in {None, company_id}:
        raise Wrong(f"Pleo says that the key is for company {state.company}.")
    _refuse_without_scopes(state, state.secret(state.answers["api_key"]), company_id)
    return Answer(value=company_id, text=company_id)


def _ask(state: State, key: str, company_id: str, ask: Callable[[PleoClient], Awaitable[T]]) -> T:
    async def asked() -> T:
        auth, retries = ApiKeyAuth(key), Retries(attempts=2)
        client = PleoClient(
            state.base_url, auth, company_id=company_id, retries=retries, ca_file=state.ca_file
        )
        async with client as pleo:
            return await ask(pleo)

    try:
        return asyncio.run(asked())
    except CounterfoilError as error:
        raise Wrong(str(error)) from error
