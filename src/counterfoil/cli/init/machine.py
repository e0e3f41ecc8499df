"""What the machine itself knows: its time zone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from zoneinfo import available_timezones

__all__ = ["time_zone"]

LOCAL = Path("/etc/localtime")


def time_zone(environ: Mapping[str, str]) -> str:
    """Return the machine's time zone by its IANA name; empty where it does not say one."""
    linked = str(LOCAL.resolve()).partition("zoneinfo/")[2] if LOCAL.is_symlink() else ""
    name = environ.get("TZ", "").removeprefix(":") or linked
    return name if name in available_timezones() and not name.startswith("Etc/") else ""
