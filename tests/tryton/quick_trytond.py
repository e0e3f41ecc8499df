"""Runs Tryton's own server, without two seconds that only tests pay: each has a new database.

The classes of a database are put together when it is first asked for; all databases that are
copies of one another share those of the first. And passwords are hashed in the cheapest way.
Runs with Tryton's Python; ``COPIES`` in the environment begins the names of the copies.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import trytond.config
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from trytond.cli import main

# What Tryton is made of reads the configuration when it is imported.
trytond.config.update_etc(sys.argv[-1])

from trytond.pool import Pool  # noqa: E402 -- see above
from trytond.res import user  # noqa: E402 -- see above

COPIES = os.environ["COPIES"]
_load = Pool.init
_loaded: list[str] = []
"""The first copy, once it has its classes."""


def _init(pool: Any, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 -- Tryton's own
    """Take the classes of another copy, where one was asked for before."""
    name = pool.database_name
    if not (name.startswith(COPIES) and _loaded):
        _load(pool, *arguments, **options)
        _loaded.extend([name] if name.startswith(COPIES) else [])
        return
    with Pool._lock:
        Pool._pools[name] = pool._pool = Pool._pools[_loaded[0]]
        Pool._pool_modules[name] = pool._modules = Pool._pool_modules[_loaded[0]]
        Pool._pool_instances.clear()
        Pool._pool_instances.add(pool)
        pool.ready = True


if __name__ == "__main__":
    Pool.init = _init
    user.PASSWORD_HASH = PasswordHash([Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)])
    sys.argv[0] = "trytond"
    sys.exit(main())
