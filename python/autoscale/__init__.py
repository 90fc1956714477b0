"""autoscale: how much of each data domain to train a language model on.

    import autoscale

    law = autoscale.fit("runs.csv")                       # a table of runs: a file, a DataFrame, a dict of columns
    best = law.optimize("1.2T", max={"code": "10%"})      # the mixture at a budget
    law.what_if({"mine": {"web": .5, "code": .5}}, "1.2T")
    best.export("megatron")

docs/python.md describes all of it. Errors are exceptions with the one line that the command would print.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .command import compare, design, run
    from .errors import AutoscaleError, InputError, MissingError, NumericError
    from .law import Law, Optimum, Scaling, WhatIf, fit, load, predict
    from .library import version
    from .mixture import Mixture, export, trainers
    from .study import Study
    from .table import Table, read

_WHERE = {
    "AutoscaleError": "errors",
    "InputError": "errors",
    "MissingError": "errors",
    "NumericError": "errors",
    "Law": "law",
    "Optimum": "law",
    "Scaling": "law",
    "WhatIf": "law",
    "fit": "law",
    "load": "law",
    "predict": "law",
    "optimize": "law",
    "what_if": "law",
    "version": "library",
    "Mixture": "mixture",
    "export": "mixture",
    "trainers": "mixture",
    "Table": "table",
    "read": "table",
    "Study": "study",
    "compare": "command",
    "design": "command",
    "run": "command",
}
__all__ = [
    "AutoscaleError",
    "InputError",
    "Law",
    "MissingError",
    "Mixture",
    "NumericError",
    "Optimum",
    "Scaling",
    "Study",
    "Table",
    "WhatIf",
    "compare",
    "design",
    "export",
    "fit",
    "load",
    "optimize",
    "predict",
    "read",
    "run",
    "trainers",
    "version",
    "what_if",
]


def __getattr__(name: str) -> Any:
    """Loaded on first use: autoscale.torch needs none of it."""
    if name == "__version__":
        return importlib.import_module(".library", __name__).version()
    if name not in _WHERE:
        raise AttributeError(f"module 'autoscale' has no attribute '{name}'")
    return getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)
