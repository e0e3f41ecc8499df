"""What ``[connection.options]`` says for a Beancount ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["BeancountOptions"]


class BeancountOptions(BaseModel):
    """Where the ledger is, where its receipts go, and where Fava shows it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ledger: Annotated[
        Path, Field(description="The main ledger file, relative to the configuration's folder.")
    ]
    documents: Annotated[
        Path, Field(description="The folder for receipts, relative to the main ledger's folder.")
    ] = Path("documents")
    fava_url: Annotated[
        str | None,
        Field(
            pattern=r"^https?://\S+$",
            description="The ledger's address in Fava, e.g. http://localhost:5000/acme.",
        ),
    ] = None
