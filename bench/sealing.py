"""What sealing costs: an item as received, kept and read back, without and with a key.

``python -m bench.sealing`` prints microseconds of CPU an item and bytes on the disk.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from counterfoil.register import Register, Seal, open_register
from counterfoil.register.sealing import new_key
from counterfoil.sandbox import DEFAULT_COMPANY, State, seed_company

ITEMS = 1000
PAGE = 100


def payloads() -> list[str]:
    """Take the demo company's expenses, as Pleo sends them."""
    state = State()
    seed_company(state, items=ITEMS)
    job = state.job(state.queue_job(DEFAULT_COMPANY))
    return [
        state.entry(entry_id).payload(lambda *_: "https://files/x", vendor_based=False).decode()
        for entry_id in job.items
    ]


def kept_and_read(register: Register, texts: list[str]) -> tuple[float, float]:
    """Keep every item and read it back; return the CPU seconds of both."""
    names = [f"{number:06}" for number in range(len(texts))]
    register.items.save_statuses("job", dict.fromkeys(names, "pending"))
    began = process_time()
    rows = list(zip(names, [""] * len(texts), texts, strict=True))
    for start in range(0, len(rows), PAGE):
        register.items.save_payloads("job", rows[start : start + PAGE])
    kept = process_time()
    if [item.payload for item in register.items.all("job")] != texts:
        raise SystemExit("what was kept is not what was read")
    return kept - began, process_time() - kept


def main() -> None:
    """Print a line for each way."""
    texts = payloads()
    print(f"{len(texts)} items of {sum(map(len, texts)) // len(texts)} bytes")
    for name, seal in (("in the clear", Seal()), ("sealed", Seal([new_key()]))):
        with TemporaryDirectory() as folder:
            path = Path(folder) / "register.db"
            with open_register(f"sqlite:///{path}", seal=seal) as register:
                keep, read = kept_and_read(register, texts)
            each = 1e6 / len(texts)
            print(
                f"{name:<13} keep {keep * each:6.0f} µs  read {read * each:6.0f} µs  "
                f"{path.stat().st_size // len(texts)} bytes on the disk"
            )


if __name__ == "__main__":
    main()
