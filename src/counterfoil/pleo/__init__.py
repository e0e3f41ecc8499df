"""Pleo's side of the wire: models, client, auth. Knows no accounting system."""

from __future__ import annotations

from counterfoil.pleo.auth import ApiKeyAuth, BearerAuth
from counterfoil.pleo.client import PleoClient
from counterfoil.pleo.errors import (
    ClientRefused,
    ConsentNeeded,
    MissingContraAccounts,
    PleoBadRequest,
    PleoConflict,
    PleoError,
    PleoForbidden,
    PleoMalformed,
    PleoNotFound,
    PleoRateLimited,
    PleoRefused,
    PleoRejected,
    PleoTooLarge,
    PleoUnanswered,
    PleoUnauthenticated,
    PleoUnprocessable,
)
from counterfoil.pleo.retry import Retries

__all__ = [
    "ApiKeyAuth",
    "BearerAuth",
    "ClientRefused",
    "ConsentNeeded",
    "MissingContraAccounts",
    "PleoBadRequest",
    "PleoClient",
    "PleoConflict",
    "PleoError",
    "PleoForbidden",
    "PleoMalformed",
    "PleoNotFound",
    "PleoRateLimited",
    "PleoRefused",
    "PleoRejected",
    "PleoTooLarge",
    "PleoUnanswered",
    "PleoUnauthenticated",
    "PleoUnprocessable",
    "Retries",
]
