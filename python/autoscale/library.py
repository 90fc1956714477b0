"""libautoscale through ctypes: its structs (include/autoscale), errors as exceptions, Ctrl-C interrupts long work."""

from __future__ import annotations

import ctypes as c
import ctypes.util
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .errors import AutoscaleError, InputError, MissingError, NumericError

Doubles = c.POINTER(c.c_double)
Tokens = c.POINTER(c.c_int64)
Names = c.POINTER(c.c_char_p)
Handle = c.c_void_p


class Error(c.Structure):
    _fields_ = [("code", c.c_int), ("msg", c.c_char * 1024)]


Interrupted = c.CFUNCTYPE(c.c_bool, c.c_void_p)


class Hooks(c.Structure):
    _fields_ = [("size", c.c_size_t), ("interrupted", Interrupted), ("progress", c.c_void_p), ("ctx", c.c_void_p)]


class FitOptions(c.Structure):
    _fields_ = [
        ("size", c.c_size_t),
        ("law", c.c_char_p),
        ("objective", c.c_char_p),
        ("noise", c.c_double),
        ("draws", c.c_size_t),
        ("no_draws", c.c_bool),
        ("seed", c.c_uint64),
        ("threads", c.c_int),
        ("hooks", c.POINTER(Hooks)),
    ]


class Limits(c.Structure):
    _fields_ = [
        ("size", c.c_size_t),
        ("min", Doubles),
        ("max", Doubles),
        ("available", Doubles),
        ("max_epochs", Doubles),
    ]


class OptimizeOptions(c.Structure):
    _fields_ = [
        ("size", c.c_size_t),
        ("tokens", c.c_int64),
        ("params", c.c_double),
        ("limits", c.POINTER(Limits)),
        ("objective", c.c_char_p),
        ("trust", c.c_double),
        ("no_trust", c.c_bool),
        ("prior", Doubles),
        ("kl", c.c_double),
        ("point", c.c_bool),
        ("level", c.c_double),
        ("seed", c.c_uint64),
        ("threads", c.c_int),
        ("hooks", c.POINTER(Hooks)),
    ]


class Optimum(c.Structure):
    _fields_ = [
        ("n_domains", c.c_size_t),
        ("shares", Doubles),
        ("tokens", Tokens),
        ("share_lo", Doubles),
        ("share_hi", Doubles),
        ("bound", Names),
        ("epochs", Doubles),
        ("objective", c.c_double),
        ("uniform", c.c_double),
        ("objective_lo", c.c_double),
        ("objective_hi", c.c_double),
        ("gain", c.c_double),
        ("gain_lo", c.c_double),
        ("gain_hi", c.c_double),
        ("p_better", c.c_double),
        ("kkt", c.c_double),
        ("params", c.c_double),
        ("unsupported", c.c_bool),
        ("n_notes", c.c_size_t),
        ("notes", Names),
    ]


class WhatIfOptions(c.Structure):
    _fields_ = [
        ("size", c.c_size_t),
        ("tokens", c.c_double),
        ("params", c.c_double),
        ("available", Doubles),
        ("objective", c.c_char_p),
        ("level", c.c_double),
    ]


class WhatIf(c.Structure):
    _fields_ = [
        ("n_mixtures", c.c_size_t),
        ("n_targets", c.c_size_t),
        *[(name, Doubles) for name in ("loss", "loss_lo", "loss_hi", "objective", "objective_lo", "objective_hi")],
        *[(name, Doubles) for name in ("change", "change_lo", "change_hi", "p_better")],
        *[(name, Doubles) for name in ("loss_change", "loss_change_lo", "loss_change_hi", "loss_p_better")],
        ("why", Names),
        ("n_notes", c.c_size_t),
        ("notes", Names),
    ]


class ScalingOptions(c.Structure):
    _fields_ = [
        ("size", c.c_size_t),
        ("n_scales", c.c_size_t),
        ("n_domains", c.c_size_t),
        ("tokens", Doubles),
        ("shares", Doubles),
        ("budget", c.c_int64),
        ("limits", c.POINTER(Limits)),
    ]


class Scaling(c.Structure):
    _fields_ = [
        ("n_domains", c.c_size_t),
        ("shares", Doubles),
        ("tokens", Tokens),
        ("keep_last", Doubles),
        ("censored", c.POINTER(c.c_bool)),
        ("n_notes", c.c_size_t),
        ("notes", Names),
    ]


_Out, _Err = c.POINTER(Handle), c.POINTER(Error)
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "version": (c.c_char_p, []),
    "table_load": (c.c_int, [_Out, c.c_char_p, _Err]),
    "table_from_text": (c.c_int, [_Out, c.c_char_p, c.c_char_p, c.c_size_t, _Err]),
    "table_free": (None, [Handle]),
    "table_n_rows": (c.c_size_t, [Handle]),
    "table_n_domains": (c.c_size_t, [Handle]),
    "table_n_targets": (c.c_size_t, [Handle]),
    "table_domain": (c.c_char_p, [Handle, c.c_size_t]),
    "table_target": (c.c_char_p, [Handle, c.c_size_t]),
    "table_tokens": (c.c_double, [Handle, c.c_size_t, c.c_size_t]),
    "table_loss": (c.c_double, [Handle, c.c_size_t, c.c_size_t]),
    "table_note": (c.c_char_p, [Handle, c.c_size_t]),
    "law_name_at": (c.c_char_p, [c.c_size_t]),
    "laws_fit": (c.c_int, [_Out, Handle, c.POINTER(FitOptions), _Err]),
    "laws_load": (c.c_int, [_Out, c.c_char_p, _Err]),
    "laws_save": (c.c_int, [Handle, c.c_char_p, _Err]),
    "laws_free": (None, [Handle]),
    "laws_name": (c.c_char_p, [Handle]),
    "laws_n_domains": (c.c_size_t, [Handle]),
    "laws_n_targets": (c.c_size_t, [Handle]),
    "laws_domain": (c.c_char_p, [Handle, c.c_size_t]),
    "laws_target": (c.c_char_p, [Handle, c.c_size_t]),
    "laws_note": (c.c_char_p, [Handle, c.c_size_t]),
    "laws_error": (c.c_double, [Handle, c.c_size_t]),
    "laws_cv_error": (c.c_double, [Handle, c.c_size_t]),
    "laws_predict": (c.c_int, [Doubles, Doubles, Handle, Doubles, c.c_double, _Err]),
    "laws_optimize": (c.c_int, [c.POINTER(c.POINTER(Optimum)), Handle, c.POINTER(OptimizeOptions), _Err]),
    "optimum_free": (None, [c.POINTER(Optimum)]),
    "optimum_mixture": (c.c_int, [_Out, c.POINTER(Optimum), Handle, c.POINTER(OptimizeOptions), _Err]),
    "laws_what_if": (
        c.c_int,
        [c.POINTER(c.POINTER(WhatIf)), Handle, Doubles, c.c_size_t, c.POINTER(WhatIfOptions), _Err],
    ),
    "what_if_free": (None, [c.POINTER(WhatIf)]),
    "scaling_predict": (c.c_int, [c.POINTER(c.POINTER(Scaling)), c.POINTER(ScalingOptions), _Err]),
    "scaling_free": (None, [c.POINTER(Scaling)]),
    "mixture_load": (c.c_int, [_Out, c.c_char_p, _Err]),
    "mixture_from_shares": (c.c_int, [_Out, Names, Doubles, c.c_size_t, _Err]),
    "mixture_save": (c.c_int, [Handle, c.c_char_p, _Err]),
    "mixture_free": (None, [Handle]),
    "mixture_n_domains": (c.c_size_t, [Handle]),
    "mixture_domain": (c.c_char_p, [Handle, c.c_size_t]),
    "mixture_share": (c.c_double, [Handle, c.c_size_t]),
    "mixture_tokens_of": (c.c_int64, [Handle, c.c_size_t]),
    "mixture_path": (c.c_char_p, [Handle, c.c_size_t]),
    "mixture_set_tokens": (c.c_int, [Handle, c.c_int64, _Err]),
    "mixture_set_path": (c.c_int, [Handle, c.c_char_p, c.c_char_p, _Err]),
    "mixture_export": (c.c_int, [c.POINTER(c.c_void_p), Handle, c.c_char_p, c.c_int64, _Err]),
    "trainer_name": (c.c_char_p, [c.c_size_t]),
    "text_free": (None, [c.c_void_p]),
}
_KINDS = {-1: InputError, -4: NumericError, -7: MissingError}
_EINTR, _ENOMEM = -6, -2


def _path() -> str:
    """AUTOSCALE_LIBRARY, else the one in the wheel, this build tree or prefix, else the system's."""
    given = os.environ.get("AUTOSCALE_LIBRARY")
    if given:
        return given
    up = Path(__file__).resolve().parents
    for folder in (up[0], up[2] / "build", *up[3:4]):
        for found in sorted(folder.glob("libautoscale.so*")):
            return str(found)
    return ctypes.util.find_library("autoscale") or "libautoscale.so"


@lru_cache(maxsize=1)
def lib() -> Any:
    try:
        found = c.CDLL(_path())
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(found, f"asc_{name}")
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as e:
        raise MissingError(f"libautoscale cannot be used ({e}); AUTOSCALE_LIBRARY may name it") from None
    return found


def version() -> str:
    """Of the library."""
    return str(lib().asc_version().decode())


def check(status: int, error: Error) -> None:
    """The exception for a status other than success."""
    if status == 0:
        return
    line = error.msg.decode(errors="replace")
    if status == _EINTR:
        raise KeyboardInterrupt(line)
    if status == _ENOMEM:
        raise MemoryError(line)
    raise _KINDS.get(status, AutoscaleError)(line)


def call(name: str, *arguments: Any) -> None:
    """asc_NAME(arguments, &error), raising if it fails."""
    error = Error()
    check(getattr(lib(), f"asc_{name}")(*arguments, c.byref(error)), error)


def long_call(name: str, options: Any, *arguments: Any) -> None:
    """The same in a separate thread, so that Ctrl-C reaches this one; options get the hook that passes it on."""
    stop = threading.Event()
    hooks = Hooks(c.sizeof(Hooks), Interrupted(lambda _: stop.is_set()), None, None)
    options.hooks = c.pointer(hooks)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            call(name, *arguments)
        except BaseException as e:
            failed.append(e)

    thread = threading.Thread(target=work, name=f"asc_{name}")
    thread.start()
    while thread.is_alive():
        try:
            thread.join(0.2)
        except KeyboardInterrupt:
            stop.set()
    options.hooks = None
    if failed:
        raise failed[0]


class Owned:
    """A library object, freed with this one."""

    _free = ""

    def __init__(self, handle: Any) -> None:
        self._h = handle

    def __del__(self) -> None:
        handle, self._h = getattr(self, "_h", None), None
        if handle:
            getattr(lib(), f"asc_{self._free}")(handle)


def made(name: str, *arguments: Any) -> Any:
    """The handle created by asc_NAME(&handle, arguments, &error)."""
    handle = Handle()
    call(name, c.byref(handle), *arguments)
    return handle


def texts(function: str, handle: Any) -> list[str]:
    """asc_FUNCTION(handle, 0), (handle, 1), .. until NULL."""
    out: list[str] = []
    get = getattr(lib(), f"asc_{function}")
    while (text := get(handle, len(out))) is not None:
        out.append(text.decode(errors="replace"))
    return out


def encoded(text: object) -> bytes | None:
    return None if text is None else os.fsencode(str(text))


def doubles(x: Sequence[float] | np.ndarray[Any, Any] | None) -> Any:
    """A C array that owns its memory; None: NULL."""
    return None if x is None else (c.c_double * len(x))(*[float(v) for v in x])


def array(pointer: Any, *shape: int) -> np.ndarray[Any, Any]:
    """A copy of the library's array."""
    return np.array(np.ctypeslib.as_array(pointer, shape)) if pointer else np.full(shape, np.nan)


_UNITS = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12, "%": 1e-2}


def quantity(x: float | str, what: str = "value") -> float:
    """A number, or a string such as 1.2T, 40B, 10%."""
    if isinstance(x, str):
        text = x.strip().replace("_", "")
        unit = _UNITS.get(text[-1:].lower(), 1.0)
        try:
            return float(text[:-1] if text[-1:].lower() in _UNITS else text) * unit
        except ValueError:
            raise InputError(f"{what}: expected a number (1.2e9, 1.2B, 10%), found '{x}'") from None
    try:
        return float(x)
    except (TypeError, ValueError):
        raise InputError(f"{what}: expected a number (1.2e9, '1.2B', '10%'), found {x!r}") from None


def by_name(given: Mapping[str, Any] | Any, names: list[str], what: str, other: float | None) -> list[float]:
    """Numbers in the order of names: from a map (omitted names are `other`; None: an error), or from a sequence."""
    if hasattr(given, "to_dict"):
        given = given.to_dict()
    if not isinstance(given, Mapping):
        values = [quantity(x, what) for x in given]
        if len(values) != len(names):
            raise InputError(f"{what}: expected {len(names)} numbers, found {len(values)}")
        return values
    for name in given:
        if name not in names:
            raise InputError(f"{what}: no domain named '{name}'; there are {', '.join(names)}")
    if other is None and (missing := [n for n in names if n not in given]):
        raise InputError(f"{what}: nothing for '{missing[0]}'")
    return [quantity(given[n], what) if n in given else float(other or 0) for n in names]


def number_or_none(x: float) -> float | None:
    return None if np.isnan(x) else float(x)


Callback = Callable[[], None]
