# SPDX-License-Identifier: GPL-3.0-or-later
"""The external id of a record: unique within a company, and never copied."""

from __future__ import annotations

from trytond.model import Index, Unique, fields
from trytond.pool import PoolMeta

__all__ = ["Invoice", "Move"]

_FIELDS = ("external_id", "external_key", "external_data")


class External:
    """What a record carries of the system that sent it."""

    __slots__ = ()

    external_id = fields.Char(
        "External Id", readonly=True, help="The sender's reference; no other record may have it."
    )
    external_key = fields.Char(
        "External Key", readonly=True, help="What all attempts at this record have in common."
    )
    external_data = fields.Text(
        "External Data", readonly=True, help="What the sender keeps with the record."
    )

    @classmethod
    def __setup__(cls):
        cls.external_id.search_unaccented = False
        cls.external_key.search_unaccented = False
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints.append(
            (
                "external_id_unique",
                Unique(table, table.company, table.external_id),
                "counterfoil.msg_external_id_unique",
            )
        )
        cls._sql_indexes.add(Index(table, (table.external_key, Index.Equality())))

    @classmethod
    def copy(cls, records, default=None):
        default = {} if default is None else default.copy()
        for name in _FIELDS:
            default.setdefault(name, None)
        return super().copy(records, default=default)


class Move(External, metaclass=PoolMeta):
    __name__ = "account.move"


class Invoice(External, metaclass=PoolMeta):
    __name__ = "account.invoice"
