"""Reads a lake with DuckDB alone.

check.py EXTENSIONS DIR name=query ...   compares each view with its query at every snapshot, and its change feed
check.py EXTENSIONS DIR --print QUERY    prints the rows of a query
check.py EXTENSIONS DIR --history ID     prints the rows of a table at every snapshot, and plays its change feed
check.py EXTENSIONS DIR --write SQL      runs a statement that writes
check.py EXTENSIONS DIR --steady QUERY FILE   expects one and the same answer until the file is there
"""

import datetime
import os
import sys
import time

import duckdb


def attach(extensions, folder, mode="(READ_ONLY)"):
    con = duckdb.connect(config={"extension_directory": extensions})
    con.execute("LOAD ducklake")
    con.execute("LOAD sqlite_scanner")
    con.execute("SET TimeZone = 'UTC'")
    con.execute(f"ATTACH 'ducklake:sqlite:{folder}/catalog.sqlite' AS lake {mode}")
    con.execute("USE lake")
    return con


def write(con, sql):
    """Runs statements one by one, and what is between BEGIN and COMMIT together."""
    together, inside = [], False
    for statement in con.extract_statements(sql):
        together.append(statement)
        inside ^= statement.type == duckdb.StatementType.TRANSACTION
        if not inside:
            patiently(con, together)
            together = []


def patiently(con, statements):
    """Tries again while somebody else commits, as docs/other-writers.md says."""
    for attempt in range(300):
        try:
            for statement in statements:
                con.execute(statement)
            return
        except duckdb.TransactionException as error:
            if "database is locked" not in str(error) or attempt == 299:
                raise
        time.sleep(0.05)


def steady(con, query, file):
    """Asks with a pause in between, in which rows may move."""
    expected, asked = con.execute(query).fetchall(), 0
    while not os.path.exists(file):
        answer = con.execute(query).fetchall()
        if answer != expected:
            sys.exit(f"{answer} instead of {expected} after {asked} equal answers")
        asked += 1
        time.sleep(0.01)
    print(f"{asked} times {expected}")


def shown(value):
    if isinstance(value, datetime.datetime) and value.tzinfo:
        return value.strftime("%Y-%m-%d %H:%M:%S+00")
    return value


def rows(con, sql):
    return sorted(con.execute(sql).fetchall(), key=repr)


def at(query, tables, version):
    """The query with every table read at one version."""
    words = []
    for word in query.split(" "):
        if word in tables:
            word = f"(SELECT * FROM {word} AT (VERSION => {version}))"
        words.append(word)
    return " ".join(words)


def compare(con, views):
    versions = [row[0] for row in con.execute("SELECT snapshot_id FROM snapshots() ORDER BY 1").fetchall()]
    compared = differing = 0
    for version in versions:
        tables = {
            row[0]
            for row in con.execute(
                f"SELECT t.table_name FROM __ducklake_metadata_lake.ducklake_table t "
                f"WHERE t.begin_snapshot <= {version} AND (t.end_snapshot IS NULL OR t.end_snapshot > {version})"
            ).fetchall()
        }
        for name, query in views:
            if name not in tables:
                continue
            compared += 1
            stored = rows(con, f"SELECT * FROM {name} AT (VERSION => {version})")
            computed = rows(con, at(query, tables, version))
            if stored != computed:
                differing += 1
                print(f"{name} at {version}: {len(stored)} rows stored, {len(computed)} computed")
    return versions, compared, differing


def feed(con, name, versions):
    """Playing the change feed from the table's first snapshot gives its last state."""
    first = con.execute(
        f"SELECT min(begin_snapshot) FROM __ducklake_metadata_lake.ducklake_table WHERE table_name = '{name}'"
    ).fetchone()[0]
    played = {}
    changes = con.execute(
        f"SELECT * FROM lake.table_changes('{name}', {first}, {versions[-1]}) "
        "ORDER BY snapshot_id, CASE WHEN change_type IN ('delete', 'update_preimage') THEN 0 ELSE 1 END"
    ).fetchall()
    for _, rowid, kind, *values in changes:
        if kind in ("delete", "update_preimage"):
            if played.pop(rowid, None) != values:
                return 1
        else:
            played[rowid] = values
    final = sorted((tuple(v) for v in played.values()), key=repr)
    return int(final != rows(con, f"SELECT * FROM {name}"))


def history(con, table):
    """The rows at every snapshot, whatever the table and its columns were called then."""
    names = con.execute(
        "SELECT s.snapshot_id, t.table_name FROM __ducklake_metadata_lake.ducklake_snapshot s "
        "JOIN __ducklake_metadata_lake.ducklake_table t ON t.begin_snapshot <= s.snapshot_id "
        f"AND (t.end_snapshot IS NULL OR t.end_snapshot > s.snapshot_id) WHERE t.table_id = {table} ORDER BY 1"
    ).fetchall()
    for version, name in names:
        query = f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {name} AT (VERSION => {version})"
        for row in con.execute(query).fetchall():
            print(f"{version}: " + " | ".join("NULL" if v is None else v for v in row))
    last, name = names[-1]
    played = {}
    changes = con.execute(
        f"SELECT * FROM lake.table_changes('{name}', {names[0][0]}, {last}) "
        "ORDER BY snapshot_id, CASE WHEN change_type IN ('delete', 'update_preimage') THEN 0 ELSE 1 END"
    ).fetchall()
    for _, rowid, kind, *values in changes:
        if kind in ("delete", "update_preimage"):
            played.pop(rowid)
        else:
            played[rowid] = tuple(values)
    if sorted(played.values(), key=repr) != rows(con, f"SELECT * FROM {name}"):
        print("the change feed does not lead to the rows")
        sys.exit(1)


def main():
    extensions, folder, *arguments = sys.argv[1:]
    if arguments[0] == "--write":
        write(attach(extensions, folder, ""), arguments[1])
        return
    con = attach(extensions, folder)
    if arguments[0] == "--print":
        for row in con.execute(arguments[1]).fetchall():
            print("(" + ", ".join(repr(shown(v)) for v in row) + ")")
        return
    if arguments[0] == "--steady":
        steady(con, arguments[1], arguments[2])
        return
    if arguments[0] == "--history":
        history(con, int(arguments[1]))
        return
    views = [tuple(a.split("=", 1)) for a in arguments]
    versions, compared, differing = compare(con, views)
    for name, _ in views:
        wrong = feed(con, name, versions)
        differing += wrong
        if wrong:
            print(f"the change feed of {name} does not lead to its rows")
    print(f"{len(versions)} snapshots, {compared} comparisons, {differing} differences")
    sys.exit(1 if differing else 0)


main()
