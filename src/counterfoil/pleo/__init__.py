"""Pleo's side of the wire: models, client, auth. Knows no accounting system."""
