"""Databases at a low price for the tests of pages."""

from tests.support.databases import database_url, lent_databases, sqlite_with_keys

__all__ = ["database_url", "lent_databases", "sqlite_with_keys"]
