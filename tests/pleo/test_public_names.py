"""What others may import stays what it is; a change here is a change for every user."""

from __future__ import annotations

import counterfoil.pleo


def test_the_public_names() -> None:
    assert counterfoil.pleo.__all__ == [
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


def test_the_client_has_the_calls_of_the_contract_and_no_more() -> None:
    public = {name for name in vars(counterfoil.pleo.PleoClient) if not name.startswith("_")}
    assert public == {
        "activate",
        "base_url",
        "create_job",
        "export_item_pages",
        "get_job",
        "install",
        "installation",
        "list_job_items",
        "list_jobs",
        "send_event",
        "server_date",
        "update_items",
    }
