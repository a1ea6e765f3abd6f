"""Compares a lake, as DuckDB reads it, with lines of what it should hold.

states.py EXTENSIONS DIR    DIR/expected.jsonl has, for each kept snapshot and table, [snapshot, schema, table] and then
                            [snapshot, schema, table, row id, cells] for each row

Checks every table at every snapshot, and that the change feed between any two kept snapshots leads from one to the other.
"""

import json
import sys

import duckdb


def attach(extensions, folder):
    con = duckdb.connect(config={"extension_directory": extensions})
    con.execute("LOAD ducklake")
    con.execute("LOAD sqlite_scanner")
    con.execute(f"ATTACH 'ducklake:sqlite:{folder}/catalog.sqlite' AS lake (READ_ONLY)")
    con.execute("USE lake")
    return con


def text(value):
    return "NULL" if value is None else str(value)


def expected(folder):
    states = {}
    with open(f"{folder}/expected.jsonl") as lines:
        for line in lines:
            snapshot, schema, table, *row = json.loads(line)
            state = states.setdefault((schema, table), {}).setdefault(snapshot, {})
            if row:
                state[row[0]] = row[1]
    return states


def stored(con, table, snapshot):
    rows = con.execute(f"SELECT rowid, * FROM {table} AT (VERSION => {snapshot})").fetchall()
    assert len({r[0] for r in rows}) == len(rows), f"a row id twice in {table} at {snapshot}"
    return {r[0]: [text(v) for v in r[1:]] for r in rows}


def replayed(con, schema, name, state, first, last):
    state = dict(state)
    # The condition on the snapshot stays here: DuckDB 1.5.5 loses deletes when it is part of the query.
    rows = con.execute(
        f"SELECT * FROM ducklake_table_changes('lake', '{schema}', '{name}', {first}, {last}) "
        "ORDER BY snapshot_id, CASE WHEN change_type IN ('delete', 'update_preimage') THEN 0 ELSE 1 END"
    ).fetchall()
    for snapshot, rowid, kind, *values in rows:
        if snapshot == first:
            continue
        values = [text(v) for v in values]
        if kind in ("delete", "update_preimage"):
            was = state.pop(rowid, None)
            if was != values:
                return f"{kind} of row {rowid} at {snapshot} shows {values}, it was {was}"
        elif rowid in state:
            return f"{kind} of row {rowid} at {snapshot}, which is there"
        else:
            state[rowid] = values
    return state


def main():
    extensions, folder = sys.argv[1:]
    con = attach(extensions, folder)
    reads = feeds = wrong = 0
    for (schema, name), states in expected(folder).items():
        table = f'"{schema}"."{name}"'
        for snapshot, state in states.items():
            reads += 1
            if stored(con, table, snapshot) != state:
                wrong += 1
                print(f"{table} at {snapshot} differs")
        order = sorted(states)
        for at, first in enumerate(order):
            for last in order[at + 1 :]:
                feeds += 1
                result = replayed(con, schema, name, states[first], first, last)
                if result != states[last]:
                    wrong += 1
                    print(f"changes of {table} from {first} to {last}: {result if isinstance(result, str) else 'differ'}")
    print(f"{reads} reads, {feeds} feeds, {wrong} wrong")
    sys.exit(1 if wrong else 0)


main()
