"""What must agree between the keys of a configuration, beyond each key on its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from counterfoil.config.model import Connection
from counterfoil.config.shape import RegisterShape
from counterfoil.register import is_server

__all__ = [
    "company_problems",
    "key_problems",
    "name_problems",
    "pleo_problems",
    "register_problems",
]


def pleo_problems(table: Mapping[str, object]) -> Iterator[str]:
    """Exactly one of ``base_url`` and ``environment`` says which Pleo is meant."""
    if "base_url" in table and "environment" in table:
        yield "pleo.environment: stands beside base_url; keep one of the two"
    if "base_url" not in table and "environment" not in table:
        yield 'pleo: does not say which Pleo; add environment = "production" (or "staging")'


def register_problems(register: RegisterShape) -> Iterator[str]:
    """Only a register on PostgreSQL has a way past a pooler."""
    if register.direct_url and not is_server(register.url):
        yield (
            "register.direct_url: stands beside a url that is a file; it belongs to a register on "
            "PostgreSQL, so remove it or let url name that"
        )


def key_problems(
    pleo: Mapping[str, object], connections: Mapping[str, Mapping[str, object]]
) -> Iterator[str]:
    """Every connection has an API key, of its own or that of ``[pleo]``, or connects by OAuth."""
    if "api_key" in pleo and "oauth" in pleo:
        yield (
            "pleo.oauth: stands beside api_key, the key for every connection; keep one of the two, "
            "and give connections with a key of their own theirs"
        )
    for section, table in connections.items():
        if not ({"api_key", "oauth"} & set(pleo) or "api_key" in table):
            yield f'{section}.api_key: is missing; add api_key = "env:PLEO_API_KEY" to [pleo]'


def name_problems(tables: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """No two connections have one name."""
    seen: set[object] = set()
    for number, table in enumerate(tables, start=1):
        name = table.get("name")
        if isinstance(name, str) and name.strip() in seen:
            yield f'connection[{number}].name: "{name}" is taken; give each connection its own name'
        elif isinstance(name, str):
            seen.add(name.strip())


def company_problems(connections: Sequence[Connection]) -> Iterator[str]:
    """No two connections export one company: each would take the other's jobs."""
    for first, second in combinations(connections, 2):
        same = (first.company_id, first.base_url) == (second.company_id, second.base_url)
        if first.company_id and same:
            yield (
                f"connection[{second.name}].company_id: connection {first.name} exports this "
                "company already; remove one of the two"
            )
