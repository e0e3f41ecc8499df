"""A real Tryton on a real PostgreSQL: installed, set up once, copied for each test.

Tryton runs from a virtual environment of its own, which is kept in a cache folder with a dump of
the database that every test's own is copied from; both are named by a hash of what they are made
of, so that a change makes new ones. The PostgreSQL is that of all tests.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
from psycopg import sql

from counterfoil.sandbox import catalogue
from tests.postgres_server import installed_programs
from tests.tryton.tryton_company import ADMIN, SERVICE, set_up
from tests.tryton.tryton_rpc import Rpc

__all__ = ["Database", "NoTryton", "Tryton", "running_tryton"]

HERE = Path(__file__).parent
MODULE = HERE.parent.parent / "packages" / "trytond_counterfoil"
MODULES = (
    *("account", "account_invoice", "analytic_account", "analytic_invoice"),
    *("company", "counterfoil", "currency", "party"),
)
UNAUTHORIZED = 401
PASSING = ("ir_cache", "ir_sequence_strict")
"""Tables that change with whatever is done: when caches were emptied, the next numbers."""
STARTING = 60.0
"""Seconds that a server may take to answer."""


class NoTryton(Exception):
    """Tryton cannot be installed or started here; the text says why."""


@dataclass(frozen=True)
class Database:
    """A database of its own in a running Tryton."""

    url: str
    name: str

    def admin(self) -> Rpc:
        """Log in as the administrator."""
        return Rpc(self.url, self.name, *ADMIN)

    def service(self) -> Rpc:
        """Log in as the user that the adapter is."""
        return Rpc(self.url, self.name, *SERVICE)


@dataclass
class Lent:
    """A database that is lent to one test after the other."""

    held: AbstractContextManager[Database]
    database: Database
    postgres: str
    """Its URL in PostgreSQL."""
    before: Mapping[str, tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        """Look what it holds, when nothing is booked."""
        self.before = contents(self.postgres)


@dataclass
class Tryton:
    """A Tryton server that serves every database of its PostgreSQL."""

    programs: Path
    postgres: str
    folder: Path
    prefix: str
    port: int
    _process: subprocess.Popen[bytes] | None = None
    _lent: Lent | None = None

    @property
    def template(self) -> str:
        """The database that every test's own is copied from."""
        return f"{self.prefix}template"

    @property
    def copies(self) -> str:
        """How the names of whole copies begin: they have all their classes in common."""
        return f"{self.prefix}copy_"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it on its port; return when it answers."""
        with (self.folder / "trytond.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.programs / "python", HERE / "quick_trytond.py", "-c", configured(self)],
                env=surroundings(COPIES=self.copies),
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + STARTING
        while not listening(self.port):
            if self._process.poll() is not None or time.monotonic() > until:
                text = (self.folder / "trytond.log").read_text("utf-8", "replace")
                raise NoTryton(f"trytond does not start: {text[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it, as a deployment does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    @contextmanager
    def database(self, without: Sequence[str] = ()) -> Iterator[Database]:
        """Copy the template for a while, as if some modules had never been activated."""
        name = f"{self.prefix if without else self.copies}{uuid.uuid4().hex[:12]}"
        run_sql(
            self.postgres, "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, self.template
        )
        try:
            for module in without:
                set_module(in_database(self.postgres, name), module, "not activated")
            yield self.serve(name)
        finally:
            run_sql(self.postgres, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    @contextmanager
    def lent(self) -> Iterator[Database]:
        """Lend a database with nothing booked in it.

        What was booked is deleted afterwards, and the database is lent again: a new one takes
        seconds. Where more than that was changed, it is dropped.
        """
        if self._lent is None:
            self._lent = self._lend()
        try:
            yield self._lent.database
        finally:
            if not is_as_before(self._lent):
                self.take_back()

    def _lend(self) -> Lent:
        held = self.database()
        database = held.__enter__()
        return Lent(held, database, in_database(self.postgres, database.name))

    def take_back(self) -> None:
        """Drop the database that is lent, if there is one."""
        if self._lent is not None:
            self._lent.held.__exit__(None, None, None)
            self._lent = None

    def serve(self, name: str) -> Database:
        """Let the server load a database.

        It keeps the list of databases by host name for minutes: a new name makes it look.
        """
        url = f"{self.url}/{name}/rest/model/ir.lang"
        host = f"{name.replace('_', '-')}.local"
        answer = httpx.get(url, headers={"Host": host}, timeout=60)
        if answer.status_code != UNAUTHORIZED:
            raise NoTryton(f"trytond does not load {name}: {answer.status_code} {answer.text}")
        return Database(self.url, name)


@contextmanager
def running_tryton(folder: Path, postgres: str, run: str) -> Iterator[Tryton]:
    """Run a server on a PostgreSQL (its URL), with the company's template set up.

    ``folder`` takes its configuration and log; ``run`` begins the names of its databases.
    """
    server = Tryton(
        programs=programs(),
        postgres=postgres,
        folder=folder,
        prefix=f"{run}tryton_",
        port=free_port(),
    )
    with locked("template"):
        make_template(server)
    server.start()
    try:
        yield server
    finally:
        server.take_back()
        server.stop()


def recipe() -> str:
    """Hash all that the template is made of; the year, too, as the fiscal years follow it."""
    made_of = hashlib.sha256(f"{MODULES} {today().year}".encode())
    own = [HERE / name for name in ("requirements.txt", "tryton_company.py", "quick_trytond.py")]
    for file in [
        *own,
        Path(catalogue.__file__),
        *sorted((MODULE / "trytond_counterfoil").glob("*.*")),
    ]:
        made_of.update(file.read_bytes())
    return made_of.hexdigest()[:12]


def today() -> dt.date:
    """Return the day, UTC."""
    return dt.datetime.now(dt.UTC).date()


def cache() -> Path:
    """Return the folder that outlives the run."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "counterfoil-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Let one process at a time in."""
    with (cache() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def programs() -> Path:
    """Return the folder of Tryton's programs; install them the first time."""
    made_of = hashlib.sha256((HERE / "requirements.txt").read_bytes())
    made_of.update((MODULE / "pyproject.toml").read_bytes())
    made_of.update(f"{sys.version_info[:2]} {MODULE}".encode())
    venv = cache() / f"tryton-{made_of.hexdigest()[:12]}"
    with locked("programs"):
        if not (venv / "ready").exists():
            install(venv)
            (venv / "ready").touch()
    return venv / "bin"


def install(venv: Path) -> None:
    """Make the virtual environment; raises NoTryton."""
    shutil.rmtree(venv, ignore_errors=True)
    wanted = ["-r", str(HERE / "requirements.txt"), "-e", str(MODULE)]
    uv = Path(sys.executable).parent / "uv"
    if uv.exists():
        run([sys.executable, "-m", "venv", "--without-pip", venv])
        run([uv, "pip", "install", "-q", "--python", venv / "bin" / "python", *wanted])
    else:
        run([sys.executable, "-m", "venv", venv])
        run([venv / "bin" / "python", "-m", "pip", "install", "-qq", *wanted])


def run(command: list[str | Path], **more: str) -> None:
    """Run a program to its end; raises NoTryton with what it said."""
    done = subprocess.run(
        [str(part) for part in command],
        env=surroundings(**more),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NoTryton(f"{Path(command[0]).name} failed: {(done.stdout + done.stderr)[-2000:]}")


def in_database(postgres: str, name: str) -> str:
    """Return the URL of a database of a server."""
    return urlsplit(postgres)._replace(path=f"/{name}").geturl()


def run_sql(postgres: str, statement: str, *names: str) -> list[tuple[object, ...]]:
    """Run a statement on the server, outside of any transaction."""
    whole = sql.SQL(statement).format(*map(sql.Identifier, names))
    with psycopg.connect(postgres, autocommit=True) as connection:
        answer = connection.execute(whole)
        return answer.fetchall() if answer.description else []


def contents(database: str) -> dict[str, tuple[int, int]]:
    """Return of each table how many rows it has, and the latest transaction of these."""
    with psycopg.connect(database) as connection:
        names = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        one = "SELECT {}, count(*), coalesce(max(xmin::text::bigint), 0) FROM {}"
        each = [sql.SQL(one).format(name, sql.Identifier(name)) for (name,) in names]
        found = connection.execute(sql.SQL(" UNION ALL ").join(each)).fetchall()
    return {name: (rows, latest) for name, rows, latest in found if name not in PASSING}


def is_as_before(lent: Lent) -> bool:
    """Delete the rows that were added; tell whether that was all."""
    try:
        return wiped(lent)
    except psycopg.errors.InsufficientPrivilege:
        # Only a superuser may leave aside what refers to what.
        return False


def wiped(lent: Lent) -> bool:
    """Delete the rows that were added; tell whether all others are as they were."""
    with psycopg.connect(lent.postgres) as connection:
        one = "SELECT {}, count(*) FILTER (WHERE xmin::text::bigint <= {}), count(*) FROM {}"
        each = [
            sql.SQL(one).format(name, latest, sql.Identifier(name))
            for name, (_, latest) in lent.before.items()
        ]
        now = connection.execute(sql.SQL(" UNION ALL ").join(each)).fetchall()
        if any(old != lent.before[name][0] for name, old, _ in now):
            return False
        connection.execute("SET LOCAL session_replication_role = replica")
        for name, old, rows in now:
            if rows > old:
                gone = sql.SQL("DELETE FROM {} WHERE xmin::text::bigint > {}")
                connection.execute(gone.format(sql.Identifier(name), lent.before[name][1]))
    return True


def set_module(database: str, module: str, state: str) -> None:
    """Set what a database (its URL) says of a module; a server reads it when it loads it."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE ir_module SET state = %s WHERE name = %s", [state, module])


def configured(server: Tryton) -> Path:
    """Write Tryton's configuration."""
    file = server.folder / f"trytond-{server.port}.conf"
    uri = in_database(server.postgres, "")
    web = f"[web]\nlisten = 127.0.0.1:{server.port}\n"
    file.write_text(f"{web}[database]\nuri = {uri.rstrip('/')}/\n", "utf-8")
    return file


def surroundings(**more: str) -> dict[str, str]:
    """Return the environment of programs that are none of ours: nothing listens in them."""
    ours = ("PYTHONPATH", "COUNTERFOIL_GATE", "SSL_CERT_FILE")
    return {name: value for name, value in os.environ.items() if name not in ours} | more


def make_template(server: Tryton) -> None:
    """Set the template up, from a dump where there is one."""
    known = {row[0] for row in run_sql(server.postgres, "SELECT datname FROM pg_database")}
    if server.template in known:
        return
    draft = f"{server.prefix}draft"
    run_sql(server.postgres, "DROP DATABASE IF EXISTS {} WITH (FORCE)", draft)
    run_sql(server.postgres, "CREATE DATABASE {}", draft)
    dump = cache() / f"tryton-{recipe()}.dump"
    url = in_database(server.postgres, draft)
    with locked("dump"):
        if dump.exists():
            run([installed_programs() / "pg_restore", "--no-owner", "-d", url, dump])
        else:
            activate(server, draft)
            part = dump.with_suffix(".part")
            run([installed_programs() / "pg_dump", "-Fc", "-f", part, url])
            part.replace(dump)
    run_sql(server.postgres, "ALTER DATABASE {} RENAME TO {}", draft, server.template)


def activate(server: Tryton, name: str) -> None:
    """Activate the modules in an empty database, and set the company up."""
    password = server.folder / "password"
    password.write_text(ADMIN[1], "utf-8")
    config = configured(server)
    run(
        [
            *(server.programs / "trytond-admin", "-c", config, "-d", name),
            *("-u", *MODULES, "--activate-dependencies", "--email", "admin@example.com"),
        ],
        TRYTONPASSFILE=str(password),
    )
    server.start()
    try:
        set_up(server.serve(name).admin(), today())
    finally:
        server.stop()


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def listening(port: int) -> bool:
    """Whether something takes connections there."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0
