"""Tables of ends of life: until which day upstream mends each release line.

Each reads one public table, and checks every field that it uses.
"""

from __future__ import annotations

import calendar
import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from builder.common.errors import StepError, UnreachableError
from builder.common.limits import TEXT, read_json
from builder.network.fetcher import Fetcher
from builder.network.upstreams import upstream
from builder.resolvers.observation import file_error

FORMAT = 1
DEBIAN = Path("/usr/share/distro-info/debian.csv")
UNKNOWN_DAY = "ended"
"""What stands in a table for a line that ended, nobody says when."""
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_PRODUCT = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
_COLUMNS = MappingProxyType({"security": "eol", "lts": "eol-lts", "elts": "eol-elts"})


@dataclass(frozen=True, kw_only=True)
class EndTable:
    """A table of ends of life, by release line. `source` names it for people."""

    source: str
    ends: Mapping[str, str]

    @property
    def text(self) -> str:
        """It as the text of a file."""
        data = {"format": FORMAT, "source": self.source, "ends": dict(sorted(self.ends.items()))}
        return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def file_name(source: str, product: str, support: str) -> str:
    """Return the name of the file of a table."""
    words = filter(None, ("ends", source, product, support if source == "distro-info" else ""))
    return f"{'-'.join(words)}.json"


def parse_table(data: bytes, file: str) -> EndTable:
    """Return the table in a file. Raises ConfigError."""
    document = read_json(data, TEXT, "it", error=partial(file_error, file))
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        raise file_error(file, "$.format: no format that this builder reads")
    source, ends = document.get("source"), document.get("ends")
    if not isinstance(source, str) or not isinstance(ends, Mapping):
        raise file_error(file, "$.source, $.ends: not a text and an object")
    try:
        checked = {
            line: end if end == UNKNOWN_DAY else _day(end, f"$.ends.{line}", "")
            for line, end in ends.items()
        }
    except StepError as error:
        raise file_error(file, error.message.removeprefix(": ")) from error
    return EndTable(source=source, ends=checked)


def debian(text: str, support: str) -> dict[str, str]:
    """Return the ends of Debian's releases, by number, as distro-info's file has them.

    `support` is security, lts or elts: how long the meant people mend it. Young releases have none
    yet. Raises StepError.
    """
    rows = csv.DictReader(io.StringIO(text))
    column = _COLUMNS[support]
    if column not in (rows.fieldnames or ()) or "version" not in (rows.fieldnames or ()):
        raise StepError(f"distro-info: the first line of {DEBIAN} names no column {column}")
    return {
        row["version"]: _day(row[column], f"{row['version']}.{column}", "distro-info")
        for row in rows
        if row.get("version") and row.get(column)
    }


def endoflife(data: Any) -> dict[str, str]:
    """Return the ends of a product's cycles as endoflife.date has them. Raises StepError.

    `eol` is a day; true where it ended on a day that nobody knows; false where it did not.
    """
    ends = {}
    for place, entry in enumerate(_list(data, "endoflife")):
        cycle, eol = entry.get("cycle"), entry.get("eol")
        where = f"$[{place}]"
        if not isinstance(cycle, str | int):
            raise StepError(f"endoflife: {where}.cycle: not a text")
        if eol is True:
            ends[str(cycle)] = UNKNOWN_DAY
        elif eol is not False and eol is not None:
            ends[str(cycle)] = _day(eol, f"{where}.eol", "endoflife")
    return ends


def postgresql(data: Any) -> dict[str, str]:
    """Return the ends of PostgreSQL's majors as its own table has them. Raises StepError."""
    return {
        str(entry.get("major")): _day(entry.get("eolDate"), f"$[{place}].eolDate", "postgresql")
        for place, entry in enumerate(_list(data, "postgresql"))
    }


def python(data: Any) -> dict[str, str]:
    """Return the ends of Python's lines as its developers have them; a month ends on its last day.

    Raises StepError.
    """
    if not isinstance(data, Mapping):
        raise StepError("python: $: not an object")
    ends = {}
    for line, entry in data.items():
        end = entry.get("end_of_life") if isinstance(entry, Mapping) else None
        month = _MONTH.fullmatch(end) if isinstance(end, str) else None
        if month and 1 <= int(month[2]) <= 12:
            last = calendar.monthrange(int(month[1]), int(month[2]))[1]
            end = f"{end}-{last:02}"
        ends[line] = _day(end, f"$.{line}.end_of_life", "python")
    return ends


def _list(data: Any, source: str) -> list[Mapping[str, Any]]:
    if not isinstance(data, list) or not data:
        raise StepError(f"{source}: $: not a list of releases")
    for place, entry in enumerate(data):
        if not isinstance(entry, Mapping):
            raise StepError(f"{source}: $[{place}]: not an object")
    return data


def _day(value: object, place: str, source: str) -> str:
    try:
        if isinstance(value, str):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise StepError(f"{source}: {place}: {value!r} is no day")


def _debian(_fetcher: Fetcher, _product: str, support: str) -> dict[str, str]:
    if not DEBIAN.is_file():
        raise UnreachableError(
            f"{DEBIAN} is not on this machine", hint="apt-get install distro-info-data"
        )
    with DEBIAN.open("rb") as file:
        return debian(file.read(TEXT).decode(errors="replace"), support or "security")


def _endoflife(fetcher: Fetcher, product: str, _support: str) -> dict[str, str]:
    if not _PRODUCT.fullmatch(product):
        raise StepError(f"endoflife: {product!r} is no name of a product")
    return endoflife(fetcher.json(upstream("endoflife", f"{product}.json")))


def _postgresql(fetcher: Fetcher, _product: str, _support: str) -> dict[str, str]:
    return postgresql(fetcher.json(upstream("postgresql", "versions.json")))


def _python(fetcher: Fetcher, _product: str, _support: str) -> dict[str, str]:
    return python(fetcher.json(upstream("python-releases", "release-cycle.json")))


_TABLES: Mapping[str, Callable[[Fetcher, str, str], dict[str, str]]] = MappingProxyType(
    {
        "distro-info": _debian,
        "endoflife": _endoflife,
        "postgresql": _postgresql,
        "python": _python,
    }
)


def read_table(fetcher: Fetcher, source: str, product: str = "", support: str = "") -> EndTable:
    """Return the table that a policy names in `eol`. Raises UnreachableError, StepError."""
    shown = " ".join(filter(None, (source, product, support)))
    return EndTable(source=shown, ends=_TABLES[source](fetcher, product, support))
