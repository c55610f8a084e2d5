"""PostgreSQL: transactions that tell row-level security who asks, the outbox and its relay, migrations."""

from ioc_kit.sql.database import Database, Transaction
from ioc_kit.sql.outbox import OutboxRelay

__all__ = ["Database", "OutboxRelay", "Transaction"]
