"""psycopg and asyncpg: connect, run queries with parameters, look types up."""

import asyncio
import sys

import asyncpg
import psycopg
from psycopg.types import TypeInfo

host, port = sys.argv[1], int(sys.argv[2])


def with_psycopg():
    with psycopg.connect(host=host, port=port, user="test", dbname="test") as connection:
        assert connection.execute("SELECT name FROM customers WHERE id = %s", (1,)).fetchone() == ("Ann",)
        info = TypeInfo.fetch(connection, "int4")
        assert (info.name, info.oid, info.array_oid, info.regtype) == ("int4", 23, 1007, "integer"), info
        assert TypeInfo.fetch(connection, "hstore") is None
        user, database = connection.execute("SELECT current_user, current_database()").fetchone()
        assert (user, database) == ("test", "sluice"), (user, database)
        connection.execute("INSERT INTO staging.events VALUES ('kept', 1)")
        try:
            with connection.transaction():
                connection.execute("INSERT INTO staging.events VALUES ('undone', 2)")
                connection.execute("SELECT nothing")
        except psycopg.errors.UndefinedColumn:
            pass
        hosts = connection.execute("SELECT host FROM staging.events").fetchall()
        assert hosts == [("kept",)], hosts


async def with_asyncpg():
    connection = await asyncpg.connect(host=host, port=port, user="test", database="test")
    assert await connection.fetchval("SELECT name FROM customers WHERE id = $1", 1) == "Ann"
    tables = await connection.fetch("SELECT relname FROM pg_class WHERE relkind = 'r' ORDER BY relname")
    assert [t["relname"] for t in tables] == ["customers", "events", "orders"], tables
    row = await connection.fetchrow("SELECT current_setting('jit') AS cur, set_config('jit', 'off', false) AS new")
    assert tuple(row) == ("off", "off"), row
    keys = await connection.fetchval("SELECT conkey FROM pg_constraint WHERE conname = 'orders_pkey'")
    assert keys == [1], keys
    await connection.close()


with_psycopg()
asyncio.run(with_asyncpg())
