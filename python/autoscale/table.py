"""Tables of runs."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import frames
from .command import output
from .errors import InputError
from .library import Owned, encoded, lib, made, texts


class Table(Owned):
    """Runs: their tokens by domain and their losses. Immutable; see read()."""

    _free = "table_free"

    @property
    def domains(self) -> list[str]:
        return texts("table_domain", self._h)

    @property
    def targets(self) -> list[str]:
        return texts("table_target", self._h)

    @property
    def notes(self) -> list[str]:
        """Notes from reading it."""
        return texts("table_note", self._h)

    def __len__(self) -> int:
        return int(lib().asc_table_n_rows(self._h))

    @property
    def tokens(self) -> np.ndarray[Any, Any]:
        """(R,D) tokens of each run from each domain."""
        n = range(len(self.domains))
        return np.array([[lib().asc_table_tokens(self._h, r, i) for i in n] for r in range(len(self))])

    @property
    def losses(self) -> np.ndarray[Any, Any]:
        """(R,V) nats per token, NaN: not measured."""
        n = range(len(self.targets))
        return np.array([[lib().asc_table_loss(self._h, r, v) for v in n] for r in range(len(self))])

    def frame(self) -> Any:
        """As a pandas DataFrame: tokens_<domain>, loss_<target>."""
        tokens, losses = self.tokens, self.losses
        columns = {f"tokens_{d}": list(tokens[:, i]) for i, d in enumerate(self.domains)}
        columns |= {f"loss_{t}": list(losses[:, v]) for v, t in enumerate(self.targets)}
        return frames.data_frame(columns)

    def __repr__(self) -> str:
        return f"<Table: {len(self)} rows, domains {', '.join(self.domains)}; targets {', '.join(self.targets)}>"

    def _repr_html_(self) -> str:
        tokens, losses, most = self.tokens, self.losses, 10
        heads = ["row", *[f"tokens {d}" for d in self.domains], *[f"loss {t}" for t in self.targets]]
        rows = [
            [str(r + 1), *[f"{x:,.0f}" for x in tokens[r]], *[frames.number(float(x)) for x in losses[r]]]
            for r in range(min(most, len(self)))
        ]
        more = [f"and {len(self) - most} rows more"] if len(self) > most else []
        return frames.html_table(f"{len(self)} runs", heads, rows, more + self.notes)


def _csv(columns: Mapping[str, Any]) -> str:
    names, out = list(columns), io.StringIO()
    values = [list(columns[n]) for n in names]
    if len({len(v) for v in values}) > 1:
        raise InputError("columns of different lengths")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in zip(*values):
        writer.writerow(["" if x is None or x != x else repr(float(x)) if isinstance(x, float) else x for x in row])
    return out.getvalue()


def _frame_text(source: Any) -> str | None:
    """CSV of what holds columns or rows in memory: pandas, polars, Arrow, a dict of columns, a list of dicts. None: none."""
    if hasattr(source, "to_csv"):  # pandas: an index with a name is a column like the others
        named = any(name is not None for name in source.index.names)
        return str(source.to_csv(index=named))
    if hasattr(source, "write_csv"):  # polars
        return str(source.write_csv())
    if hasattr(source, "to_pydict"):  # Arrow
        return _csv(source.to_pydict())
    if isinstance(source, Mapping):
        return _csv(source)
    if isinstance(source, (list, tuple)) and source and all(isinstance(row, Mapping) for row in source):
        names = dict.fromkeys(name for row in source for name in row)
        return _csv({name: [row.get(name) for row in source] for name in names})
    return None


def _paths(source: Any) -> list[str]:
    try:
        return [os.fspath(f) for f in (source if isinstance(source, (list, tuple)) else [source])]
    except TypeError:
        raise InputError(
            f"expected a table of runs (a file, several files, a DataFrame, a dict of columns), found {type(source).__name__}"
        ) from None


def read(source: Any, map: Mapping[str, str] | list[str] | None = None, key: str | None = None) -> Table:
    """A table of runs from a file (CSV, TSV, JSON lines, Parquet, other tools' exports), several files that share a
    column, a DataFrame (pandas, polars, Arrow), a dict of columns or a list of dicts. Column names as docs/formats.md, "Table of runs", has them; map
    says the others, {"tokens": "_step*2048", "loss": "eval/*/loss"}, as `autoscale table --map`."""
    if isinstance(source, Table):
        return source
    said = [f"{role}={column}" for role, column in map.items()] if isinstance(map, Mapping) else list(map or [])
    given = _frame_text(source)
    if given is not None and not said:
        raw = given.encode()
        return Table(made("table_from_text", b"the frame", raw, len(raw)))
    files = ["-"] if given is not None else _paths(source)
    if len(files) == 1 and not said and key is None and given is None:
        return Table(made("table_load", encoded(files[0])))
    options = [x for s in said for x in ("--map", s)] + (["--key", key] if key else [])
    raw = output("table", *files, *options, "-q", "-o", "-", given=given).encode()
    return Table(made("table_from_text", encoded(files[0] if given is None else "the frame"), raw, len(raw)))
