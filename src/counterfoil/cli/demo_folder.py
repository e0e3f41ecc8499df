"""The demo's own folder: made afresh, and removed only as far as an earlier demo made it."""

from __future__ import annotations

import shutil
from pathlib import Path

from counterfoil.effects import effect
from counterfoil.errors import ConfigurationError

__all__ = ["CONFIGURATION", "KEY", "start_afresh", "write"]

MARKER = ".made-by-counterfoil-demo"
CONFIGURATION = "counterfoil.toml"
KEY = "pleo.key"
REGISTER = "counterfoil.db"
MADE = ("books", CONFIGURATION, KEY, f"{REGISTER}*")
"""What a demo leaves in its folder, besides the marker; anything else there is somebody's own."""


def start_afresh(folder: Path) -> None:
    """Make the folder, without what an earlier demo left; raises ConfigurationError for another's.

    The marker is written first and never removed, so that an interrupted demo is known as one.
    """
    if folder.is_symlink() or (folder.exists() and not _is_ours(folder)):
        raise ConfigurationError(
            f"{folder.absolute()} was not made by an earlier demo; move it away, or run the demo "
            "in another folder"
        )
    with effect("demo.make_folder", str(folder)):
        folder.mkdir(exist_ok=True)
    write(folder / MARKER, "Made by `counterfoil demo`, which may remove it again.\n")
    for path in (found for pattern in MADE for found in sorted(folder.glob(pattern))):
        _remove(path)


def write(path: Path, text: str) -> None:
    """Write a file of the demo; only its owner can read it."""
    with effect("demo.write", str(path)):
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")


def _is_ours(folder: Path) -> bool:
    return folder.is_dir() and ((folder / MARKER).is_file() or not any(folder.iterdir()))


def _remove(path: Path) -> None:
    with effect("demo.remove", str(path)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
