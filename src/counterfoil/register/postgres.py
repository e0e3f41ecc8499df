"""A register in a database of PostgreSQL: how it is reached, and what it must be fit for.

Reading and writing go through a small pool, which may be a pooler's (PgBouncer). Locks and
migrations go straight to PostgreSQL: a pooler that changes the session between two transactions
would share a lock among strangers, so one is recognised and refused.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from psycopg import ProgrammingError
from psycopg.types.string import StrDumper
from sqlalchemy import URL, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from counterfoil.effects import effect
from counterfoil.errors import ConfigurationError
from counterfoil.register.advisory import AdvisoryLocks, application
from counterfoil.register.database import Database, Place
from counterfoil.register.queue_tables import bring_queue_up
from counterfoil.register.versions import (
    HEAD,
    SchemaMismatch,
    bring_up,
    refuse_newer,
    version_of,
)

if TYPE_CHECKING:
    from psycopg import Connection as Psycopg
    from psycopg.abc import Buffer
    from sqlalchemy import Connection, Engine

__all__ = ["open_server", "reached_by", "upgrade_server"]

REMEDY = (
    "start PostgreSQL, or correct [register] url, and run again; what was under way is found and "
    "finished then"
)
OLDEST = 140000
"""The oldest PostgreSQL that will do, as it tells its own version."""
CONNECTIONS = 5
"""How many the register keeps, beside those of the locks: as many transactions at once."""

_PARAMETERS = {
    "client_encoding": "utf8",
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""libpq's: how texts come, and how our end notices a connection that is gone."""

_WHO = text("SELECT pg_backend_pid()")
_FITNESS = text(
    """
    SELECT current_setting('server_version_num')::int AS version,
           current_setting('server_version') AS told,
           current_setting('server_encoding') AS encoding,
           current_setting('synchronous_commit') AS durable,
           pg_is_in_recovery() AS standby
    """
)


class _Plain(StrDumper):
    """Sends a text without NUL, which PostgreSQL keeps in no text."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "�"))


def open_server(url: str, direct_url: str | None) -> tuple[Database, AdvisoryLocks]:
    """Open the register in a database of PostgreSQL, and what hands out its locks.

    Locks use ``direct_url``, without it ``url``. Raises RegisterUnavailable; SchemaMismatch for a
    database that needs ``register upgrade``; ConfigurationError for one that will not do.
    """
    shown, direct = _reach(url, direct_url)
    locks = AdvisoryLocks(direct, shown, lambda connection: _refuse_other(connection, shown))
    database = _pooled(url, shown, through_pooler=direct_url is not None)
    try:
        with database.read() as connection:
            _refuse_other(connection, shown)
    except BaseException:
        database.close()
        raise
    return database, locks


def upgrade_server(url: str, direct_url: str | None) -> tuple[str | None, str]:
    """Bring the schema up to ours, alone; return the version it had (None: no tables) and has.

    Raises LockHeld while any process works with the register, and what ``open_server`` raises.
    """
    shown, direct = _reach(url, direct_url)
    locks = AdvisoryLocks(direct, shown, lambda _: None)
    in_one = {"isolation_level": "READ COMMITTED"}
    database = Database(direct, shown.url, shown, reading=in_one, writing=in_one)
    with locks.alone():
        with database.read() as connection:
            had = version_of(connection)
        if had != HEAD:
            refuse_newer(had, shown.url)
            with database.write("migrate") as connection:
                bring_up(connection, had)
        bring_queue_up(database)
    return had, HEAD


def _reach(url: str, direct_url: str | None) -> tuple[Place, Engine]:
    """Make the engine for locks and migrations, and look whether what it reaches will do."""
    shown = Place(url=_shown(_parsed(url)), remedy=REMEDY)
    direct = _engine(direct_url or url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    key = "direct_url" if direct_url else "url"
    with effect("register.open", shown.url):
        try:
            _refuse_unfit(direct, shown, key)
        except DBAPIError as error:
            if isinstance(error.orig, ProgrammingError):
                problem = f"[register] {key}: {error.orig}; correct the URL"
                raise ConfigurationError(problem) from error
            raise shown.failed(error) from error
    return shown, direct


def _pooled(url: str, shown: Place, *, through_pooler: bool) -> Database:
    engine = _engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_pre_ping=True,
        # A pooler may give each transaction another session, without the statements prepared.
        connect_args={"prepare_threshold": None} if through_pooler else {},
    )
    return Database(
        engine,
        shown.url,
        shown,
        reading={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
        writing={"isolation_level": "READ COMMITTED"},
    )


def _engine(
    url: str, *, connect_args: dict[str, object] | None = None, **options: object
) -> Engine:
    engine = create_engine(
        _parsed(url),
        use_native_hstore=False,
        connect_args={**_PARAMETERS, "application_name": application(), **(connect_args or {})},
        **options,
    )
    event.listen(engine, "connect", _set_up_connection)
    return engine


def reached_by(url: str) -> tuple[str, dict[str, object]]:
    """Return what psycopg itself needs to reach a database as the register is reached."""
    plain = _parsed(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return plain, {**_PARAMETERS, "application_name": application()}


def _set_up_connection(connection: Psycopg, record: object) -> None:
    del record
    connection.adapters.register_dumper(str, _Plain)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError(
            "[register] url: cannot be read; write postgresql://USER@HOST/DATABASE"
        ) from error
    return parsed.set(drivername="postgresql+psycopg")


def _shown(url: URL) -> str:
    """Write a URL as it may be shown: without passwords, with nothing about the driver."""
    named = URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, url.query
    )
    return named.difference_update_query(["password", "sslpassword"]).render_as_string()


def _refuse_other(connection: Connection, shown: Place) -> None:
    """Raise SchemaMismatch for a schema that is not ours."""
    version = version_of(connection)
    if version == HEAD:
        return
    refuse_newer(version, shown.url)
    has = f"has schema {version}, and this Counterfoil works with {HEAD}" if version else "is empty"
    raise SchemaMismatch(
        f"The register {shown.url} {has}: counterfoil register upgrade makes it fit. If it should "
        "hold exports already, look whether [register] url names the right database"
    )


def _refuse_unfit(engine: Engine, shown: Place, key: str) -> None:
    """Raise ConfigurationError where PostgreSQL would lose or mix up what is kept there."""
    with engine.connect() as connection:
        found = connection.execute(_FITNESS).one()
    unfit = {
        f"is PostgreSQL {found.told}; 14 or newer would be right": found.version < OLDEST,
        f"keeps texts as {found.encoding}; a database with ENCODING 'UTF8' would be right": (
            found.encoding != "UTF8"
        ),
        "does not wait until a commit is on disk; ALTER ROLE ... SET synchronous_commit = on "
        "would be right": found.durable == "off",
        "is a standby that only reads; name the primary": found.standby,
    }
    for problem, is_so in unfit.items():
        if is_so:
            raise ConfigurationError(f"[register] {key}: {shown.url} {problem}")
    if _shares_sessions(engine):
        raise ConfigurationError(
            f"[register] {key}: {shown.url} is a pooler that gives each transaction another "
            "session, and locks are held by a session. Name PostgreSQL itself beside it, "
            'direct_url = "postgresql://USER@HOST/DATABASE", for locks and migrations'
        )


def _shares_sessions(engine: Engine) -> bool:
    """Tell whether two transactions of one connection may be served by different processes.

    One after the other they often are not, in an idle pooler. So others are kept busy between them,
    and one of these that is served by the first one's process is proof as well.
    """
    with ExitStack() as busy:
        first = busy.enter_context(engine.connect())
        served_by = first.execute(_WHO).scalar()
        for _ in range(_others(first, served_by)):
            other = busy.enter_context(
                engine.execution_options(isolation_level="READ COMMITTED").connect()
            )
            if other.execute(_WHO).scalar() == served_by:
                return True
            if first.execute(_WHO).scalar() != served_by:
                return True
    return False


def _others(connection: Connection, served_by: object) -> int:
    """Say how many others to keep busy: more where something between us and PostgreSQL shows.

    PostgreSQL tells every client its process when it connects; a pooler tells a number of its own.
    """
    driver = connection.connection.driver_connection
    return 1 if driver is not None and driver.info.backend_pid == served_by else 4
