"""The register's tables of connections: how each reaches Pleo, what it may, and who paused it."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

from counterfoil.register.columns import SEALED, UtcTime, metadata

__all__ = [
    "added_connections",
    "api_keys",
    "authorisations",
    "consents",
    "installations",
    "pauses",
    "sealing",
    "webhook_subscriptions",
]

sealing = Table(
    "sealing",
    metadata,
    Column("name", String, primary_key=True),
    Column("sealed", Text, nullable=False, info=SEALED, comment="its name, to try a key on"),
)

webhook_subscriptions = Table(
    "webhook_subscriptions",
    metadata,
    Column("subscription_id", String, primary_key=True, comment="Pleo's"),
    Column("connection", String, nullable=False),
    Column("company_id", String, nullable=False),
    Column("environment", String, nullable=False, comment="which Pleo"),
    Column("token_hash", String, nullable=False, comment="of the token in its URL"),
    Column("credentials", Text, nullable=False, info=SEALED, comment="what proves a delivery"),
    Column("made_at", UtcTime, nullable=False),
    Column("heard_at", UtcTime, comment="latest genuine delivery"),
    Column("replaces", String, comment="removed at Pleo when this one has delivered"),
    Index("webhook_subscriptions_token", "token_hash", unique=True),
)

authorisations = Table(
    "authorisations",
    metadata,
    Column("connection", String, primary_key=True),
    Column("auth_url", String, nullable=False, comment="whose OAuth gave it"),
    Column("client_id", String, nullable=False),
    Column("version", Integer, nullable=False, comment="raised by whatever changes the tokens"),
    Column("access_token", Text, nullable=False, info=SEALED, comment="empty: consent is needed"),
    Column("refresh_token", Text, nullable=False, info=SEALED),
    Column("issued_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False, comment="of the access token"),
    Column("consented_at", UtcTime, nullable=False),
    Column("tries", Integer, nullable=False, comment="refreshes in a row without a clear answer"),
    Column("try_again_at", UtcTime, comment="not before then"),
    Column("refused", Boolean, nullable=False, comment="a fresh access token was refused (401)"),
    Column("why", Text, comment="why consent is needed"),
)

consents = Table(
    "consents",
    metadata,
    Column("digest", String, primary_key=True, comment="of a link's ticket, or of a state"),
    Column("kind", String, nullable=False, comment="link, state"),
    Column("connection", String, nullable=False),
    Column("verifier", Text, nullable=False, info=SEALED, comment="of PKCE; empty for a link"),
    Column("redirect_uri", String, nullable=False),
    Column("browser", String, comment="digest of what the browser that began it has"),
    Column("expires_at", UtcTime, nullable=False),
    Index("consents_connection", "connection"),
)

added_connections = Table(
    "added_connections",
    metadata,
    Column("name", String, primary_key=True),
    Column("settings", Text, nullable=False, info=SEALED, comment="as in a file, JSON"),
    Column("added_at", UtcTime, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("connection", String, primary_key=True),
    Column("sealed", Text, nullable=False, info=SEALED),
    Column("stored_at", UtcTime, nullable=False),
)

pauses = Table(
    "pauses",
    metadata,
    Column("connection", String, primary_key=True),
    Column("since", UtcTime, nullable=False),
    Column("why", Text),
)

installations = Table(
    "installations",
    metadata,
    Column("connection", String, primary_key=True),
    Column("credential", String, nullable=False, comment="a digest, to notice another one"),
    Column("company_id", String, comment="whose it is; none where Pleo does not say"),
    Column("told_at", UtcTime, nullable=False),
)
