"""SQLAlchemy's inspector over the schema that the test made."""

import asyncio
import sys

from sqlalchemy import MetaData, Table, create_engine, inspect, select
from sqlalchemy.ext.asyncio import create_async_engine

host, port = sys.argv[1], sys.argv[2]
engine = create_engine(f"postgresql+psycopg://test@{host}:{port}/test")
inspector = inspect(engine)


def equal(actual, expected):
    assert actual == expected, f"{actual!r} is not {expected!r}"


equal(inspector.default_schema_name, "public")
equal(sorted(inspector.get_schema_names()), ["information_schema", "public", "staging"])
equal(sorted(inspector.get_table_names()), ["customers", "orders"])
equal(inspector.get_table_names(schema="staging"), ["events"])
equal(inspector.get_view_names(), ["open_orders"])
equal(inspector.get_materialized_view_names(), ["revenue"])
equal(inspector.has_table("orders"), True)
equal(inspector.has_table("nothing"), False)

columns = {c["name"]: c for c in inspector.get_columns("orders")}
equal(list(columns), ["id", "customer_id", "amount", "status"])
equal([str(c["type"]) for c in columns.values()], ["BIGINT", "INTEGER", "NUMERIC(12, 2)", "VARCHAR(20)"])
equal([c["nullable"] for c in columns.values()], [False] * 4)
equal(columns["status"]["default"], "'new'")
serial = inspector.get_columns("customers")[0]
equal(serial["default"], "nextval('customers_id_seq'::regclass)")
equal(serial["autoincrement"], True)
equal([c["name"] for c in inspector.get_columns("revenue")], ["customer_id", "n", "total"])

equal(inspector.get_pk_constraint("orders")["constrained_columns"], ["id"])
equal(inspector.get_pk_constraint("orders")["name"], "orders_pkey")
[foreign] = inspector.get_foreign_keys("orders")
equal(foreign["constrained_columns"], ["customer_id"])
equal((foreign["referred_table"], foreign["referred_columns"]), ("customers", ["id"]))
[unique] = inspector.get_unique_constraints("customers")
equal((unique["name"], unique["column_names"]), ("customers_email_key", ["email"]))
[check] = inspector.get_check_constraints("orders")
equal((check["name"], check["sqltext"]), ("amount_positive", "amount > 0"))
indexes = sorted((i["name"], i["column_names"], i["unique"]) for i in inspector.get_indexes("customers"))
equal(indexes, [("customers_email_key", ["email"], True), ("customers_name_idx", ["name"], True)])
assert "orders" in inspector.get_view_definition("open_orders")

orders = Table("orders", MetaData(), autoload_with=engine)
with engine.connect() as connection:
    equal(connection.execute(select(orders.c.id, orders.c.status)).all(), [(1, "new")])


async def indexes_over_asyncpg():
    engine = create_async_engine(f"postgresql+asyncpg://test@{host}:{port}/test")
    async with engine.connect() as connection:
        found = await connection.run_sync(lambda c: inspect(c).get_indexes("orders"))
    await engine.dispose()
    return [(i["name"], i["column_names"], i["unique"]) for i in found]


equal(asyncio.run(indexes_over_asyncpg()), [("orders_status", ["status", "amount"], False)])
