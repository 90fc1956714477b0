#!/usr/bin/env python3
"""runs.parquet: the table of runs.jsonl as pandas writes it with its index (pandas 2, pyarrow). make_parquet.py OUT"""
import sys

import numpy as np
import pandas as pd

rows = 12
rng = np.random.default_rng(3)
w = np.round(rng.dirichlet([2, 2, 2], rows), 3)
w[:, 2] = np.round(1 - w[:, 0] - w[:, 1], 3)
table = pd.DataFrame(
    {
        "run": [f"r{i}" for i in range(rows)],
        "params": pd.array([150_000_000] * rows, dtype="int64"),
        "train/tokens": np.full(rows, 5e9),
        "train/mix/web": w[:, 0],
        "train/mix/code": w[:, 1].astype("float64"),
        "train/mix/books": w[:, 2],
        "eval/c4/loss": np.round(3 + 0.3 * w[:, 1], 4),
        "eval/code/loss": np.round(2.5 - 0.3 * w[:, 1], 4),
        "note": pd.Categorical(["a", "b"] * (rows // 2)),
        "done": [True] * rows,
    },
    index=np.arange(100, 100 + rows),
)
table.loc[103, "eval/c4/loss"] = np.nan
table.loc[104, "note"] = None
table.to_parquet(f"{sys.argv[1]}/runs.parquet", compression="zstd")
table.to_json(f"{sys.argv[1]}/runs.jsonl", orient="records", lines=True, double_precision=15)
