"""``python -m counterfoil`` does what ``counterfoil`` does."""

from __future__ import annotations

from counterfoil.cli import main

if __name__ == "__main__":
    main()
