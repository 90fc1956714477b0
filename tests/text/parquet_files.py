"""Parquet files of many shapes by four writers, each with FILE.jsonl beside it: one object per row, as the writer was given
it. Needs pyarrow, fastparquet, duckdb and polars (those that are there are used).

  parquet_files.py DIR          all of them; then ASC_PARQUET_DIR=DIR build/text_test_parquet compares
  parquet_files.py DIR --small  only those that tests/text/parquet keeps

Into DIR/nested go files of lists and groups, with FILE.rows beside each: whole rows.
"""

import datetime
import decimal
import json
import math
import random
import sys
from pathlib import Path

out, small = Path(sys.argv[1]), "--small" in sys.argv
KEPT = """pa-none-v1-plain pa-snappy-v1-dict pa-gzip-v2-dict pa-zstd-v2-plain pa-lz4-v1-dict pa-plain-v2-nulls
pa-delta_length_byte_array-v2-nulls pa-delta_byte_array-v1-full pa-delta_byte_array-v2-nulls pa-fallback pa-empty
pa-all-null pa-nul pa-tiny-groups pa-numbers-dict pa-numbers-plain pa-numbers-delta pa-half pa-struct pa-list
fp-lz4-nulls fp-zstd-full fp-category duck-snappy-v1 duck-zstd-v2 polars-zstd polars-gzip refused-brotli""".split()
out.mkdir(parents=True, exist_ok=True)
rng = random.Random(7)
made = 0


def plain(x):
    """As it stands in the .jsonl: what JSON lacks as a string."""
    if isinstance(x, float) and not math.isfinite(x):
        return str(x)
    if isinstance(x, decimal.Decimal):
        return float(x)
    if isinstance(x, bool):
        return int(x)
    return x


def expect(name, rows):
    global made
    made += 1
    with open(out / (name + ".jsonl"), "w") as f:
        for row in rows:
            f.write(json.dumps({k: plain(v) for k, v in row.items()}) + "\n")


def words(n):
    return " ".join(rng.choice("alpha beta gamma delta über naïve 漢字 😀 the of and to in".split()) for _ in range(n))


def texts(n, nulls, distinct=None):
    pool = [words(rng.randrange(1, 30)) for _ in range(distinct)] if distinct else None
    some = [rng.choice(pool) if pool else words(rng.randrange(0, 40)) for _ in range(n)]
    return [None if nulls and rng.random() < nulls else t for t in some]


def rows_of(columns):
    names = list(columns)
    return [dict(zip(names, values)) for values in zip(*columns.values())]


def with_pyarrow():
    import pyarrow as pa
    import pyarrow.parquet as pq

    def write(name, columns, types=None, **options):
        arrays = {k: pa.array(v, (types or {}).get(k)) for k, v in columns.items()}
        pq.write_table(pa.table(arrays), out / (name + ".parquet"), **options)
        expect(name, rows_of(columns))

    n = 24 if small else 3000
    for codec in ("none", "snappy", "gzip", "zstd", "lz4"):
        for version in ("1.0", "2.0"):
            for dictionary in (True, False):
                name = f"pa-{codec}-v{version[0]}-{'dict' if dictionary else 'plain'}"
                write(name, {"text": texts(n, .1, 20 if dictionary else None), "id": list(range(n))}, compression=codec,
                      data_page_version=version, use_dictionary=dictionary, data_page_size=512, row_group_size=n // 3 + 1,
                      write_page_checksum=dictionary)
    for encoding in ("PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"):
        for version in ("1.0", "2.0"):
            for nulls in (0, .3):
                name = f"pa-{encoding.lower()}-v{version[0]}-{'nulls' if nulls else 'full'}"
                write(name, {"text": sorted(texts(n, 0)) if not nulls else texts(n, nulls)}, use_dictionary=False,
                      column_encoding={"text": encoding}, data_page_version=version, data_page_size=2000,
                      compression="zstd")
    write("pa-fallback", {"text": texts(n, .05)}, dictionary_pagesize_limit=200, data_page_size=400)
    write("pa-empty", {"text": []}, {"text": pa.string()})
    write("pa-all-null", {"text": [None] * n}, {"text": pa.string()})
    write("pa-one-row", {"text": ["only"]})
    write("pa-nul", {"text": ["a\0b", "", "c"]})
    write("pa-tiny-groups", {"text": texts(23, .2)}, row_group_size=2)
    i64 = [rng.randrange(-2**63, 2**63) >> rng.randrange(0, 60) for _ in range(n)]
    numbers = {
        "i32": [None if x % 11 == 0 else x % 2**31 - 2**30 for x in i64],
        "i64": [x >> 12 for x in i64],  # exact as a double
        "u32": [x % 2**32 for x in i64],
        "u64": [(x % 2**64) >> 11 for x in i64],
        "i8": [x % 256 - 128 for x in i64],
        "f32": [float(x % 1000) / 8 for x in i64],
        "f64": [math.sin(x % 1000) if x % 50 else math.nan for x in i64],
        "flag": [None if x % 7 == 0 else x % 3 == 0 for x in i64],
        "money": [decimal.Decimal(x % 10**9) / 100 for x in i64],
        "big": [decimal.Decimal(x % 10**6 - 5 * 10**5) / 1000 for x in i64],
    }
    types = {"i32": pa.int32(), "u32": pa.uint32(), "u64": pa.uint64(), "i8": pa.int8(), "f32": pa.float32(),
             "money": pa.decimal128(12, 2), "big": pa.decimal128(30, 3)}
    write("pa-numbers-dict", numbers, types, data_page_size=700)
    write("pa-numbers-plain", numbers, types, use_dictionary=False, data_page_version="2.0", store_decimal_as_integer=True)
    split = {"f32": "BYTE_STREAM_SPLIT", "f64": "BYTE_STREAM_SPLIT", "i64": "DELTA_BINARY_PACKED", "i32": "DELTA_BINARY_PACKED",
             "u32": "BYTE_STREAM_SPLIT", "i8": "DELTA_BINARY_PACKED", "u64": "DELTA_BINARY_PACKED", "flag": "RLE"}
    write("pa-numbers-delta", numbers, types, use_dictionary=False, column_encoding=split, data_page_size=300)
    half = [float(x % 100) / 4 for x in i64]
    pq.write_table(pa.table({"h": pa.array([__import__("numpy").float16(x) for x in half], pa.float16())}), out / "pa-half.parquet")
    expect("pa-half", [{"h": x} for x in half])
    nested = [None if i % 9 == 0 else {"text": None if i % 5 == 0 else f"row {i}", "deep": {"n": i}} for i in range(n)]
    pq.write_table(pa.table({"doc": nested}), out / "pa-struct.parquet", data_page_size=300)
    expect("pa-struct", [{"doc.text": r and r["text"], "doc.deep.n": r and r["deep"]["n"]} for r in nested])
    pq.write_table(pa.table({"text": pa.array(["large", None, "strings"], pa.large_string()), "tags": [["a"], [], ["b", "c"]],
                             "when": [datetime.datetime(2024, 1, 1, 0, 0, i) for i in range(3)]}), out / "pa-list.parquet")
    expect("pa-list", [{"text": t, "when": 1704067200000000 + 1000000 * i} for i, t in enumerate(["large", None, "strings"])])
    pq.write_table(pa.table({"text": ["a"] * 100}), out / "refused-brotli.parquet", compression="brotli")
    if small:
        return
    write("pa-big", {"text": ["x" * 5_000_000, words(400_000), None, "y"]}, compression="zstd")
    write("pa-many", {"text": texts(200_000, .01, 1000)}, compression="snappy")
    write("pa-old", {"text": texts(n, .1)}, version="1.0", use_deprecated_int96_timestamps=True)


def with_fastparquet():
    import fastparquet
    import pandas as pd

    n = 24 if small else 2000
    for codec in (None, "SNAPPY", "GZIP", "ZSTD", "LZ4", "LZ4_RAW"):
        for nulls in (0, .2):
            t = texts(n, nulls)
            frame = pd.DataFrame({"text": pd.Series(t, dtype=object), "x": [i / 4 for i in range(n)]})
            name = f"fp-{str(codec).lower()}-{'nulls' if nulls else 'full'}"
            try:
                fastparquet.write(str(out / (name + ".parquet")), frame, compression=codec, row_group_offsets=n // 2,
                                  object_encoding="utf8", has_nulls=bool(nulls))
            except Exception as e:
                print(name, type(e).__name__, e)
                continue
            expect(name, rows_of({"text": t, "x": list(frame.x)}))
    frame = pd.DataFrame({"text": pd.Categorical(texts(n, 0, 5))})
    fastparquet.write(str(out / "fp-category.parquet"), frame)
    expect("fp-category", [{"text": t} for t in frame.text])


def with_duckdb():
    import duckdb
    import pandas as pd

    n = 24 if small else 5000
    for codec in ("uncompressed", "snappy", "gzip", "zstd", "lz4_raw"):
        for version in ("V1", "V2"):
            t = texts(n, .1, 30 if codec == "zstd" else None)
            frame = pd.DataFrame({"text": pd.Series(t, dtype=object), "x": list(range(n)), "y": [i / 8 for i in range(n)]})
            name = f"duck-{codec}-{version.lower()}"
            duckdb.sql(f"copy (select * from frame) to '{out / (name + '.parquet')}' "
                       f"(format parquet, compression {codec}, parquet_version {version}, row_group_size 2048)")
            expect(name, rows_of({"text": t, "x": list(frame.x), "y": list(frame.y)}))


def with_polars():
    import polars as pl

    n = 24 if small else 5000
    for codec in ("uncompressed", "snappy", "gzip", "zstd", "lz4"):
        columns = {"text": texts(n, .1, 10 if codec == "gzip" else None), "x": [i * i for i in range(n)],
                   "flag": [i % 3 == 0 for i in range(n)]}
        pl.DataFrame(columns).write_parquet(out / f"polars-{codec}.parquet", compression=codec, row_group_size=n // 2,
                                            data_page_size=1000)
        expect(f"polars-{codec}", rows_of(columns))


def nested_rows(n):
    """Rows as evaluation sets have them: lists of strings, groups of lists, lists of groups, lists of lists."""

    def some(make, least=0):
        return [make() for _ in range(rng.randrange(least, 4))]

    rows = []
    for i in range(n):
        rows.append({
            "question": words(5), "label": i % 4, "score": i / 8, "good": i % 3 == 0,
            "choices": None if i % 7 == 3 else {"text": some(lambda: words(2)), "label": None if i % 5 == 2 else some(lambda: "ABCD"[i % 4])},
            "endings": None if i % 6 == 1 else [None if rng.random() < .2 else words(1) for _ in range(rng.randrange(4))],
            "answers": some(lambda: {"start": rng.randrange(100), "text": None if rng.random() < .2 else words(2)}),
            "deep": some(lambda: None if rng.random() < .2 else some(lambda: rng.randrange(9))),
        })
    return rows


def with_nested():
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = out / "nested"
    folder.mkdir(exist_ok=True)
    n = 30 if small else 4000
    text, number = pa.string(), pa.int64()
    schema = pa.schema({
        "question": text, "label": number, "score": pa.float64(), "good": pa.bool_(),
        "choices": pa.struct({"text": pa.list_(text), "label": pa.list_(text)}), "endings": pa.list_(text),
        "answers": pa.list_(pa.struct({"start": pa.int32(), "text": text})), "deep": pa.list_(pa.list_(number))})

    def rows_beside(name, rows):
        with open(folder / (name + ".rows"), "w") as f:
            for row in rows:
                f.write(json.dumps(row) + "\n")

    for name, options in {
        "pa-v1": dict(data_page_size=100, row_group_size=n // 2 + 1, compression="snappy"),
        "pa-v2": dict(data_page_version="2.0", data_page_size=100, compression="zstd", use_dictionary=False),
    }.items():
        rows = nested_rows(n)
        pq.write_table(pa.Table.from_pylist(rows, schema), folder / (name + ".parquet"), **options)
        rows_beside(name, rows)
    try:
        import duckdb

        rows, table = nested_rows(n), None
        table = pa.Table.from_pylist(rows, schema)  # noqa: F841, named in the query
        duckdb.sql(f"copy (select * from table) to '{folder / 'duck.parquet'}' (format parquet, compression zstd)".replace("from table", 'from "table"'))
        rows_beside("duck", rows)
        import polars as pl

        rows = nested_rows(n)
        pl.from_arrow(pa.Table.from_pylist(rows, schema)).write_parquet(folder / "polars.parquet", row_group_size=n // 2)
        rows_beside("polars", rows)
    except ImportError as e:
        print(e)


for part in (with_nested, with_pyarrow, with_fastparquet, with_duckdb, with_polars):
    try:
        part()
    except ImportError as e:
        print(f"{part.__name__}: {e}")
for f in out.iterdir():
    if small and f.is_file() and f.name.split(".")[0] not in KEPT:
        f.unlink()
        made -= f.suffix == ".jsonl"
print(f"{made} files")
