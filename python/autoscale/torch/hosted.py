"""Runs as libautoscale sees them (include/autoscale/hosted.h): batches and rates out, losses and weights in."""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import os
from enum import IntEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .errors import BAD_INPUT, FAILED, INTERRUPTED, TrainerError

Floats = np.ndarray[Any, np.dtype[np.float32]]
Ints = np.ndarray[Any, np.dtype[np.int32]]

_EINVAL, _EINTR, _EMISSING = -1, -6, -7


class Next(IntEnum):
    """What a run wants next (asc_hosted_what)."""

    STEP = 0
    EVALUATE = 1
    RESTARTED = 2
    ENDED = 3
    DIVERGED = 4


class _Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("msg", ctypes.c_char * 1024)]


_Handle = ctypes.c_void_p
_I64 = ctypes.c_int64
_What = ctypes.POINTER(ctypes.c_int)
_Err = ctypes.POINTER(_Error)
_Ints = ctypes.POINTER(ctypes.c_int32)
_Doubles = ctypes.POINTER(ctypes.c_double)

_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "open": (ctypes.c_int, [ctypes.POINTER(_Handle), ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int, _Err]),
    "close": (None, [_Handle]),
    "json": (ctypes.c_char_p, [_Handle]),
    "size": (ctypes.c_size_t, [_Handle]),
    "params": (ctypes.POINTER(ctypes.c_float), [_Handle]),
    "moment1": (ctypes.POINTER(ctypes.c_float), [_Handle]),
    "moment2": (ctypes.POINTER(ctypes.c_float), [_Handle]),
    "start": (ctypes.c_int, [_Handle, _What, _Err]),
    "step": (_I64, [_Handle]),
    "steps_ahead": (_I64, [_Handle]),
    "adamw_step": (_I64, [_Handle, _I64]),
    "share": (None, [_Handle, ctypes.c_int]),
    "sequences": (_I64, [_Handle, _I64]),
    "lr": (ctypes.c_double, [_Handle, _I64]),
    "rows": (ctypes.c_int, [_Handle, _I64, _I64, _I64, _Ints, _Ints, _Err]),
    "take_step": (ctypes.c_int, [_Handle, ctypes.c_double, ctypes.c_double, _What, _Err]),
    "windows": (ctypes.c_int, [_Handle, _I64, _I64, _I64, _Ints, _Ints, _Ints, _Doubles, _Err]),
    "take_losses": (ctypes.c_int, [_Handle, _Doubles, _What, _Err]),
    "save_due": (ctypes.c_int, [_Handle]),
    "save": (ctypes.c_int, [_Handle, _Err]),
    "stop": (ctypes.c_int, [_Handle, _Err]),
    "finish": (ctypes.c_int, [_Handle, _Err]),
    "note": (None, [_Handle, ctypes.c_char_p]),
}


def _library_path() -> str:
    """AUTOSCALE_LIBRARY, else the one inside the wheel, of this build tree or prefix, else the system's."""
    given = os.environ.get("AUTOSCALE_LIBRARY")
    if given:
        return given
    up = Path(__file__).resolve().parents
    for folder in (up[1], up[3] / "build", up[4]):
        for found in sorted(folder.glob("libautoscale.so*")):
            return str(found)
    return ctypes.util.find_library("autoscale") or "libautoscale.so"


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    path = _library_path()
    try:
        lib = ctypes.CDLL(path)
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(lib, f"asc_hosted_{name}")
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as e:
        raise TrainerError(f"libautoscale cannot be used ({e}); AUTOSCALE_LIBRARY may name it", FAILED) from None
    return lib


def version() -> str:
    """Of the library."""
    lib = _library()
    lib.asc_version.restype = ctypes.c_char_p
    return str(lib.asc_version().decode())


def _check(status: int, error: _Error) -> None:
    if status == 0:
        return
    code = {_EINVAL: BAD_INPUT, _EMISSING: BAD_INPUT, _EINTR: INTERRUPTED}.get(status, FAILED)
    raise TrainerError(error.msg.decode(errors="replace"), code)


def _ints(a: Ints) -> Any:
    assert a.dtype == np.int32 and a.flags.c_contiguous
    return a.ctypes.data_as(_Ints)


class Run:
    """One run folder, opened and locked. Not for concurrent use, but rows and windows may each have a thread."""

    def __init__(self, folder: str, place: str, rank: int = 0) -> None:
        self._lib, self._h = _library(), _Handle()
        error = _Error()
        _check(
            self._lib.asc_hosted_open(
                ctypes.byref(self._h), os.fsencode(folder), place.encode(), rank, ctypes.byref(error)
            ),
            error,
        )
        self.folder = folder
        told = json.loads(self._lib.asc_hosted_json(self._h))
        self.id: str = told["id"] or Path(folder).name
        self.device: str = told["device"]
        self.threads: int = told["threads"]
        self.merged: bool = told["merged"]
        self.model: dict[str, Any] = told["model"]
        self.training: dict[str, Any] = told["training"]
        self.steps: dict[str, int] = told["steps"]
        self.n_params: int = told["params"]
        self.targets: list[dict[str, Any]] = told["targets"]
        self.tensors: list[dict[str, Any]] = told["tensors"]
        self.size: int = self._lib.asc_hosted_size(self._h)

    def close(self) -> None:
        """Give up the lock and the memory."""
        if self._h:
            self._lib.asc_hosted_close(self._h)
            self._h = _Handle()

    def _call(self, name: str, *arguments: Any) -> None:
        error = _Error()
        _check(getattr(self._lib, f"asc_hosted_{name}")(self._h, *arguments, ctypes.byref(error)), error)

    def _call_next(self, name: str, *arguments: Any) -> Next:
        what = ctypes.c_int()
        self._call(name, *arguments, ctypes.byref(what))
        return Next(what.value)

    def arrays(self) -> tuple[Floats, Floats, Floats]:
        """Parameters and AdamW's moments, each (size,): the library's own memory."""
        return tuple(  # type: ignore[return-value]
            np.ctypeslib.as_array(getattr(self._lib, f"asc_hosted_{name}")(self._h), (self.size,))
            for name in ("params", "moment1", "moment2")
        )

    def start(self) -> Next:
        """Resume or begin; fills the arrays."""
        return self._call_next("start")

    @property
    def step(self) -> int:
        """Steps made."""
        return int(self._lib.asc_hosted_step(self._h))

    def steps_ahead(self) -> int:
        """Steps until an evaluation or the end."""
        return int(self._lib.asc_hosted_steps_ahead(self._h))

    def adamw_step(self, step: int) -> int:
        """Where a step stands in AdamW's bias corrections, from 1."""
        return int(self._lib.asc_hosted_adamw_step(self._h, step))

    def share(self, n: int) -> None:
        """n runs are made at once from now on: each has an equal part of the time."""
        self._lib.asc_hosted_share(self._h, n)

    def sequences(self, step: int) -> int:
        return int(self._lib.asc_hosted_sequences(self._h, step))

    def lr(self, step: int) -> float:
        return float(self._lib.asc_hosted_lr(self._h, step))

    def rows(self, step: int, first: int, ids: Ints, targets: Ints) -> None:
        """Fill ids and targets, both (n, T), with sequences first .. first+n-1 of a step."""
        self._call("rows", step, first, len(ids), _ints(ids), _ints(targets))

    def take_step(self, loss: float, grad_norm: float) -> Next:
        return self._call_next("take_step", loss, grad_norm)

    def windows(self, target: int, first: int, ids: Ints, targets: Ints, lengths: Ints, weights: Any) -> None:
        """Fill ids and targets (n, T), lengths (n,) and weights (n,) float64 with windows of a target."""
        assert weights.dtype == np.float64 and weights.flags.c_contiguous
        self._call(
            "windows", target, first, len(ids), _ints(ids), _ints(targets), _ints(lengths),
            weights.ctypes.data_as(_Doubles),
        )  # fmt: skip

    def take_losses(self, losses: list[float]) -> Next:
        array = (ctypes.c_double * max(1, len(losses)))(*losses)
        return self._call_next("take_losses", array)

    def save_due(self) -> bool:
        return bool(self._lib.asc_hosted_save_due(self._h))

    def save(self) -> None:
        self._call("save")

    def stop(self) -> str:
        """Save; the line that says where the run stands."""
        try:
            self._call("stop")
        except TrainerError as e:
            if e.code == INTERRUPTED:
                return str(e)
            raise
        return ""

    def finish(self) -> None:
        self._call("finish")

    def note(self, text: str) -> None:
        """A line into log.txt."""
        self._lib.asc_hosted_note(self._h, text.encode(errors="replace"))
