"""Tests of the Python package. What they need beside it is said where it is absent."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "python"), str(Path(__file__).parent)]
os.environ.setdefault("AUTOSCALE_LIBRARY", str(ROOT / "build" / "libautoscale.so"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Token files of two domains."""
    import torch_runs

    torch_runs.write_data(tmp_path)
    return tmp_path
