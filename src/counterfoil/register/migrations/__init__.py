"""The register's migrations, run by alembic on the connection that opens the register."""
