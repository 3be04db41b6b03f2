"""Alembic's entrance: runs on the connection that `geo.store.migrate` hands over."""

from alembic import context

from geo.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
