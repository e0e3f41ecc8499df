"""Fetch and inspect the documents that belong to an expense."""
