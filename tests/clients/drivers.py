"""psycopg and asyncpg: connect, run queries with parameters, look types up."""

import asyncio
import datetime
import json
import sys
import uuid
from decimal import Decimal

import asyncpg
import psycopg
from psycopg.types import TypeInfo
from psycopg.types.json import Jsonb

host, port = sys.argv[1], int(sys.argv[2])


def with_psycopg():
    with psycopg.connect(host=host, port=port, user="test", dbname="test") as connection:
        assert connection.execute("SELECT name FROM customers WHERE id = %s", (1,)).fetchone() == ("Ann",)
        named = connection.execute("SELECT name FROM customers WHERE name = ANY(%s)", (["Ann", "x"],)).fetchall()
        assert named == [("Ann",)], named
        late = connection.execute("SELECT now() - now() < %s", (datetime.timedelta(days=1),)).fetchone()
        assert late == (True,), late
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
        copies_with_psycopg(connection)
        with connection.transaction(), connection.cursor("some rows") as cursor:
            cursor.execute("SELECT i FROM generate_series(1, %s) AS g(i)" % 20_000)
            assert cursor.fetchmany(3) == [(1,), (2,), (3,)]
            assert cursor.fetchone() == (4,)
            assert len(cursor.fetchall()) == 19_996
            assert cursor.fetchone() is None
        with connection.cursor("by name") as cursor:
            cursor.execute("SELECT name FROM customers WHERE id = %s", (1,))
            assert [row for row in cursor] == [("Ann",)]


# A value of each type that both drivers write in binary.
COLUMNS = """id bigint PRIMARY KEY, s smallint, i int, r real, d double precision, n numeric(20,4), f numeric, t text,
    v varchar(10), b boolean, day date, at timestamp, z timestamptz, u uuid, raw bytea, j jsonb"""
TYPES = "int8 int2 int4 float4 float8 numeric numeric text varchar bool date timestamp timestamptz uuid bytea jsonb"
VALUES = (
    -3, 4, 1.5, -0.1, Decimal("-12345678.5"), Decimal("0.0000012345"), "größe\t\n", "x", True,
    datetime.date(2024, 2, 29), datetime.datetime(1969, 12, 31, 23, 59, 59, 500000),
    datetime.datetime(2024, 6, 1, 12, tzinfo=datetime.timezone.utc),
    uuid.UUID("550e8400-e29b-41d4-a716-446655440000"), b"\x00\xff",
)
ROWS = 20_000


def copies_with_psycopg(connection):
    connection.execute(f"CREATE TABLE copied ({COLUMNS})")
    with connection.cursor() as cursor:
        with cursor.copy("COPY copied FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(TYPES.split())
            for id in range(ROWS):
                copy.write_row((id, *VALUES, Jsonb({"b": 1, "a": [None]})))
            copy.write_row((ROWS, *[None] * 15))
    rows = connection.execute("SELECT * FROM copied WHERE id >= %s ORDER BY id", (ROWS - 1,)).fetchall()
    assert rows == [(ROWS - 1, *VALUES, {"b": 1, "a": [None]}), (ROWS, *[None] * 15)], rows
    try:
        with connection.transaction(), connection.cursor() as cursor:
            with cursor.copy("COPY copied (id, n) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["int8", "numeric"])
                copy.write_row((-1, Decimal(1)))
                copy.write_row((-2, Decimal(10) ** 17))
        raise AssertionError("a number that does not fit is stored")
    except psycopg.errors.NumericValueOutOfRange as error:
        assert error.diag.message_detail == "COPY copied, line 2, column n", error.diag.message_detail
    assert connection.execute("SELECT count(*) FROM copied").fetchone() == (ROWS + 1,)
    connection.execute("DROP TABLE copied")


async def copies_with_asyncpg(connection):
    await connection.execute(f"CREATE TABLE records ({COLUMNS})")
    records = [(id, *VALUES, json.dumps({"b": 1, "a": [None]})) for id in range(ROWS)]
    assert await connection.copy_records_to_table("records", records=records) == f"COPY {ROWS}"
    row = await connection.fetchrow("SELECT * FROM records WHERE id = 7")
    assert tuple(row) == (7, *VALUES, '{"a": [null], "b": 1}'), row
    await connection.copy_records_to_table("records", records=[(-1, "some")], columns=["id", "t"])
    assert await connection.fetchval("SELECT t FROM records WHERE s IS NULL") == "some"
    try:
        await connection.copy_records_to_table("records", records=[(-2,), (-1,)], columns=["id"])
        raise AssertionError("a key is stored twice")
    except asyncpg.UniqueViolationError:
        pass
    assert await connection.fetchval("SELECT count(*) FROM records") == ROWS + 1


async def with_asyncpg():
    connection = await asyncpg.connect(host=host, port=port, user="test", database="test")
    assert await connection.fetchval("SELECT name FROM customers WHERE id = $1", 1) == "Ann"
    named = await connection.fetch("SELECT name FROM customers WHERE name = ANY($1) AND id = ANY($2)", ["Ann", "x"], [1, 2])
    assert [n["name"] for n in named] == ["Ann"], named
    tables = await connection.fetch("SELECT relname FROM pg_class WHERE relkind = 'r' ORDER BY relname")
    assert [t["relname"] for t in tables] == ["customers", "events", "orders"], tables
    row = await connection.fetchrow("SELECT current_setting('jit') AS cur, set_config('jit', 'off', false) AS new")
    assert tuple(row) == ("off", "off"), row
    keys = await connection.fetchval("SELECT conkey FROM pg_constraint WHERE conname = 'orders_pkey'")
    assert keys == [1], keys
    options = await connection.fetchval("SELECT indoption FROM pg_index ORDER BY indnatts DESC, indexrelid LIMIT 1")
    assert options == [0, 0], options
    await copies_with_asyncpg(connection)
    await connection.close()
    # What is set goes when a pool takes its connection back.
    async with asyncpg.create_pool(host=host, port=port, user="test", database="test", min_size=1, max_size=1) as pool:
        async with pool.acquire() as pooled:
            await pooled.execute("SET timezone TO 'Asia/Tokyo'")
        async with pool.acquire() as pooled:
            assert await pooled.fetchval("SHOW timezone") == "UTC"


with_psycopg()
asyncio.run(with_asyncpg())
