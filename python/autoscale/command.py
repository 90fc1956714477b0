"""The command, for what the library does not offer: its JSON as Python objects, its error line as an exception."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import frames
from .errors import AutoscaleError, InputError, MissingError


def path() -> str:
    """AUTOSCALE_COMMAND, else the one beside this interpreter, in this build tree or prefix, else in PATH."""
    given = os.environ.get("AUTOSCALE_COMMAND")
    up = Path(__file__).resolve().parents
    places = [Path(sys.executable).parent, Path(sys.prefix) / "bin", up[2] / "build", *[p / "bin" for p in up[3:5]]]
    for place in [] if given else places:
        found = place / "autoscale"
        if found.is_file() and os.access(found, os.X_OK) and not found.is_symlink():
            return str(found)
    found_in_path = given or shutil.which("autoscale")
    if not found_in_path:
        raise MissingError("the command autoscale was not found; AUTOSCALE_COMMAND may name it")
    return found_in_path


def output(*arguments: Any, given: str | None = None, loud: bool = False) -> str:
    """What the command prints. loud: progress goes to this process's stderr."""
    said = [str(a) for a in arguments]
    process = subprocess.Popen(
        [path(), *said],
        stdin=subprocess.PIPE if given is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if loud else subprocess.PIPE,
        text=True,
    )
    try:
        out, err = process.communicate(given)
    except KeyboardInterrupt:
        process.wait()  # it got the same signal, and ends after a checkpoint
        raise
    if process.returncode == 0:
        return out
    lines = [line for line in (err or "").splitlines() if line.strip()]
    line = (lines[-1] if lines else f"autoscale {said[0]}: exit {process.returncode}").removeprefix("autoscale: ")
    if process.returncode == 130:
        raise KeyboardInterrupt(line)
    raise (InputError if process.returncode == 2 else AutoscaleError)(line)


def run(*arguments: Any, loud: bool = False) -> Any:
    """`autoscale ARGUMENTS --json` as Python objects."""
    return json.loads(output(*arguments, "--json", loud=loud))


def option_list(**options: Any) -> list[str]:
    """max={"code": .1} as --max code=0.1; True is a switch; None and False are left out."""
    out: list[str] = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            out.append(flag)
        elif isinstance(value, Mapping):
            for key, x in value.items():
                out += [flag, f"{key}={':'.join(str(v) for v in x) if isinstance(x, (list, tuple)) else x}"]
        else:
            for x in value if isinstance(value, (list, tuple)) else [value]:
                out += [flag, str(x)]
    return out


class Answer(dict[str, Any]):
    """A command's JSON, with its main rows as a table."""

    rows_key, columns = "", ()

    def frame(self) -> Any:
        rows = self[self.rows_key]
        flat = [{k: v for k, v in self._flat(r).items()} for r in rows]
        names = list(dict.fromkeys(k for r in flat for k in r))
        return frames.data_frame({n: [r.get(n) for r in flat] for n in names})

    @staticmethod
    def _flat(row: dict[str, Any]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, value in row.items():
            if isinstance(value, dict):
                out |= {f"{key.removesuffix('s')}_{k}": v for k, v in value.items()}
            elif not isinstance(value, list):
                out[key] = value
        return out

    def _repr_html_(self) -> str:
        flat = [self._flat(r) for r in self[self.rows_key]]
        names = list(dict.fromkeys(k for r in flat for k in r))
        rows = [[frames.number(r.get(n)) for n in names] for r in flat]
        return frames.html_table(self.rows_key, names, rows, list(self.get("notes", [])))


class Design(Answer):
    rows_key = "runs"


class Comparison(Answer):
    rows_key = "laws"


def _with_file(source: Any, work: str) -> list[str]:
    """Files that the command can read: laws and tables in memory are written to the folder work."""
    from .law import Law
    from .table import Table, _csv, read

    if isinstance(source, Law):
        source.save(os.path.join(work, "law.json"))
        return [os.path.join(work, "law.json")]
    if isinstance(source, (str, os.PathLike)):
        return [os.fspath(source)]
    if isinstance(source, (list, tuple)):
        return [os.fspath(s) for s in source]
    name = os.path.join(work, "runs.csv")
    if isinstance(source, Table):
        tokens, losses = source.tokens, source.losses
        columns = {f"tokens_{d}": tokens[:, i].tolist() for i, d in enumerate(source.domains)}
        columns |= {f"loss_{t}": losses[:, v].tolist() for v, t in enumerate(source.targets)}
        text = _csv(columns)
    else:
        read(source)  # for its errors
        text = source.to_csv(index=False) if hasattr(source, "to_csv") else _csv(source)
    Path(name).write_text(text)
    return [name]


def design(source: Any = None, tokens: float | str | None = None, runs: int = 8, **options: Any) -> Design:
    """The next mixtures to train, and what they are expected to reveal, from a law, a table, or domains=[..] alone. Options
    as `autoscale design` has them: for_tokens, params, objective, min, max, available, seed .."""
    if "for_tokens" in options:
        options["for"] = options.pop("for_tokens")
    if isinstance(options.get("domains"), (list, tuple)):
        options["domains"] = ",".join(options["domains"])
    with tempfile.TemporaryDirectory() as work:
        files = _with_file(source, work) if source is not None else []
        return Design(run("design", *files, *option_list(tokens=tokens, runs=runs, **options), "-q"))


def compare(source: Any, **options: Any) -> Comparison:
    """Every law on one table, cross-validated and ranked: options as `autoscale compare` has them."""
    with tempfile.TemporaryDirectory() as work:
        return Comparison(run("compare", *_with_file(source, work), *option_list(**options), "-q"))


def main() -> None:
    """python -m autoscale: the command itself."""
    os.execv(path(), ["autoscale", *sys.argv[1:]])
