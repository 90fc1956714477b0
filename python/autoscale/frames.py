"""pandas if it is installed, and tables for notebooks without it."""

from __future__ import annotations

import html
from typing import Any

from .errors import MissingError


def data_frame(columns: dict[str, list[Any]], index: list[str] | None = None) -> Any:
    try:
        import pandas
    except ImportError:
        raise MissingError("a DataFrame needs pandas, which is not installed") from None
    return pandas.DataFrame(columns, index=index)


def number(x: Any, digits: int = 4) -> str:
    if x is None or (isinstance(x, float) and x != x):
        return "\N{EN DASH}"
    return f"{x:.{digits}f}" if isinstance(x, float) else f"{x:,}" if isinstance(x, int) else str(x)


def html_table(title: str, heads: list[str], rows: list[list[str]], notes: list[str]) -> str:
    """For notebooks; text is escaped."""
    cells = "".join(f"<th style='text-align:right'>{html.escape(h)}</th>" for h in heads[1:])
    body = ""
    for row in rows:
        rest = "".join(f"<td style='text-align:right'>{html.escape(x)}</td>" for x in row[1:])
        body += f"<tr><th style='text-align:left'>{html.escape(row[0])}</th>{rest}</tr>"
    told = "".join(f"<li>{html.escape(n)}</li>" for n in notes)
    head = f"<tr><th style='text-align:left'>{html.escape(heads[0])}</th>{cells}</tr>"
    notes_list = f"<ul>{told}</ul>" if told else ""
    return f"<p><b>{html.escape(title)}</b></p><table><thead>{head}</thead><tbody>{body}</tbody></table>{notes_list}"


def text_table(title: str, heads: list[str], rows: list[list[str]], notes: list[str]) -> str:
    width = [max(len(r[k]) for r in [heads, *rows]) for k in range(len(heads))]
    lines = [title]
    for row in [heads, *rows]:
        first, *rest = (x.ljust(w) if k == 0 else x.rjust(w) for k, (x, w) in enumerate(zip(row, width)))
        lines.append("  ".join([first, *rest]).rstrip())
    return "\n".join(lines + [f"note: {n}" for n in notes])
