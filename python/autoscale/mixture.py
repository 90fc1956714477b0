"""Mixtures, and their export to trainers."""

from __future__ import annotations

import ctypes as c
import os
from collections.abc import Mapping
from typing import Any

from . import frames
from .library import Owned, by_name, call, doubles, encoded, lib, made, quantity, texts


class Mixture(Owned):
    """The share of each domain, with tokens and paths if known."""

    _free = "mixture_free"

    @classmethod
    def load(cls, path: Any) -> Mixture:
        """A MIX.json, or a map {domain: share}."""
        return cls(made("mixture_load", encoded(os.fspath(path))))

    @classmethod
    def of(cls, shares: Any, tokens: float | str | None = None, paths: Mapping[str, str] | None = None) -> Mixture:
        """From {domain: share} or a pandas Series (sum 1 within .01: normalised), a path, or a mixture."""
        if isinstance(shares, Mixture):
            made_here = shares
        elif isinstance(shares, (str, os.PathLike)):
            made_here = cls.load(shares)
        elif hasattr(shares, "mixture"):
            made_here = shares.mixture
        else:
            given = shares.to_dict() if hasattr(shares, "to_dict") else dict(shares)
            names = [str(n) for n in given]
            array = (c.c_char_p * len(names))(*[n.encode() for n in names])
            values = doubles(by_name(given, names, "shares", None))
            made_here = cls(made("mixture_from_shares", array, values, len(names)))
        if tokens is not None:
            call("mixture_set_tokens", made_here._h, int(quantity(tokens, "tokens")))
        for domain, path in (paths or {}).items():
            call("mixture_set_path", made_here._h, domain.encode(), encoded(path))
        return made_here

    @property
    def domains(self) -> list[str]:
        return texts("mixture_domain", self._h)

    @property
    def shares(self) -> dict[str, float]:
        return {d: float(lib().asc_mixture_share(self._h, i)) for i, d in enumerate(self.domains)}

    @property
    def tokens(self) -> dict[str, int] | None:
        """Whole tokens by domain; None if the mixture has none."""
        found = {d: int(lib().asc_mixture_tokens_of(self._h, i)) for i, d in enumerate(self.domains)}
        return None if any(n < 0 for n in found.values()) else found

    def save(self, path: Any) -> None:
        """Write MIX.json."""
        call("mixture_save", self._h, encoded(os.fspath(path)))

    def export(self, to: str, context: int = 0) -> str:
        """As a config for a trainer; context: tokens per sample."""
        text = c.c_void_p()
        call("mixture_export", c.byref(text), self._h, to.encode(), int(context))
        try:
            return c.string_at(text.value or 0).decode()
        finally:
            lib().asc_text_free(text)

    def _rows(self) -> tuple[list[str], list[list[str]]]:
        tokens = self.tokens
        rows = [[d, f"{100 * s:.2f} %"] + ([f"{tokens[d]:,}"] if tokens else []) for d, s in self.shares.items()]
        return ["domain", "share", *(["tokens"] if tokens else [])], rows

    def __repr__(self) -> str:
        return frames.text_table("mixture", *self._rows(), [])

    def _repr_html_(self) -> str:
        return frames.html_table("Mixture", *self._rows(), [])


def trainers() -> list[str]:
    """Names that export() accepts."""
    out: list[str] = []
    while (name := lib().asc_trainer_name(len(out))) is not None:
        out.append(name.decode())
    return out


def export(mix: Any, to: str, tokens: float | str | None = None, context: int = 0, paths: Any = None) -> str:
    """A mixture (map of shares, MIX.json, optimum) as a config for a trainer."""
    return Mixture.of(mix, tokens, paths).export(to, context)
