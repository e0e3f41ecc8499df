"""What ``[connection.options]`` says for Tryton."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from counterfoil.trust import goes_open

__all__ = ["TrytonOptions"]

SECRET = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$"  # noqa: S105 -- the form of a reference
ADDRESS = r"^https?://[^\s/?#@]+(/[^\s?#]*)?$"


class TrytonOptions(BaseModel):
    """Where Tryton is, as whom to enter it, and which of its journals and parties to use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[
        str,
        Field(
            pattern=ADDRESS,
            description="The server's address, e.g. https://tryton.example.com.",
        ),
    ]
    ca_file: Annotated[
        Path | None,
        Field(description="Certificates (PEM) of an authority of your own, to be trusted, too."),
    ] = None
    database: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_.-]+$", description="The database, e.g. erp.")
    ]
    company: Annotated[
        int,
        Field(
            gt=0,
            description="The company's id in Tryton; doctor lists the ids there are.",
            json_schema_extra={"asked": True},
        ),
    ] = 1
    user: Annotated[
        str | None,
        Field(min_length=1, description="The login of a user.", json_schema_extra={"asked": True}),
    ] = None
    password: Annotated[
        str | None,
        Field(
            pattern=SECRET,
            description='A reference: "env:NAME" or "file:PATH".',
            json_schema_extra={"asked": True, "format": "password"},
        ),
    ] = None
    api_key: Annotated[
        str | None,
        Field(
            pattern=SECRET,
            description="Instead of user and password, the key of a user application (REST API).",
            json_schema_extra={"format": "password"},
        ),
    ] = None
    journal: Annotated[str, Field(min_length=1, description="The journal of entries.")] = "MISC"
    bill_journal: Annotated[str, Field(min_length=1, description="The journal of bills.")] = "EXP"
    fallback_party: Annotated[
        str | None,
        Field(
            min_length=1,
            description="The code of the party for what is owed to a vendor that is not in Tryton.",
        ),
    ] = None
    accept_similar_bills: Annotated[
        bool,
        Field(description="Whether to post a bill that Tryton finds similar to another one."),
    ] = False
    web_url: Annotated[
        str | None,
        Field(pattern=ADDRESS, description="The web client's address, where it is another one."),
    ] = None

    @field_validator("url")
    @classmethod
    def _encrypted(cls, url: str) -> str:
        if goes_open(url):
            message = "would send the password unencrypted (http is for private hosts only)"
            raise ValueError(message)
        return url

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        session = (self.user, self.password)
        if self.api_key is not None and session != (None, None):
            message = "api_key stands beside user and password; keep one way in"
            raise ValueError(message)
        if self.api_key is None and None in session:
            message = 'add user and password, or api_key ("env:NAME" or "file:PATH")'
            raise ValueError(message)
        return self
