"""Studies: complete searches, from text to a tested mixture."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import Any

from .command import option_list, output, run
from .mixture import Mixture
from .table import Table, read


class Study:
    """A study file and the folder of its runs. Everything goes through the command: a study that runs here can be
    watched, killed and resumed from a shell, and vice versa."""

    def __init__(self, path: Any, folder: Any = None) -> None:
        """path: the study file; folder: where it runs (default: the file's own). A folder alone means a study that
        ran before."""
        given = Path(path)
        self.folder = Path(folder) if folder is not None else given if given.is_dir() else given.parent
        self.path = None if given.is_dir() else given

    def _file(self) -> str:
        if self.path is None:
            from .errors import InputError

            raise InputError(f'{self.folder}: Study("study.yaml", folder) is needed to plan or run')
        return os.fspath(self.path)

    def plan(self, **options: Any) -> Any:
        """The runs, their tokens, FLOPs and time; trains nothing."""
        return run("plan", self._file(), "--dir", self.folder, *option_list(**options), "-q")

    def run(self, jobs: int | None = None, *, progress: bool = True, **options: Any) -> Any:
        """Run the whole study; call it again to resume. Ctrl-C makes the runs write checkpoints."""
        self.folder.mkdir(parents=True, exist_ok=True)
        quiet = [] if progress else ["-q"]
        return run("run", self._file(), "--dir", self.folder, *option_list(jobs=jobs, **options), *quiet, loud=progress)

    def status(self) -> Any:
        """Progress: state, done, failed, running, left, seconds_left, answer .."""
        return run("status", self.folder)

    def report(self) -> str:
        """(Re)write report.html; its path."""
        return str(run("report", self.folder)["report"])

    @property
    def mixture(self) -> Mixture:
        """The answer."""
        return Mixture.load(self.folder / "mixture.json")

    @property
    def runs(self) -> Table:
        """All runs as a table."""
        return read(self.folder / "runs.csv")

    def text(self) -> str:
        """What `autoscale status` prints."""
        return output("status", self.folder)

    def __repr__(self) -> str:
        return f"<Study {self.path or ''} in {self.folder}>"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text())}</pre>"
