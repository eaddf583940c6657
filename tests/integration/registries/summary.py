"""What each front was asked, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.integration.registries.fronts import KINDS, Asked, Front

_METHODS = ("HEAD", "GET", "POST", "PATCH", "PUT", "DELETE")


def table(fronts: Iterable[Front]) -> str:
    """Return a row for each front: its requests by kind and method, and those that it refused."""
    head = ["registry", *KINDS, "refused", "all"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for front in fronts:
        asked = list(front.asked)
        if not asked:
            continue
        variants = [front.behaviour.title]
        variants += [_methods(item for item in asked if item.kind == kind) for kind in KINDS]
        codes = Counter(item.code for item in asked if item.code >= 400)
        variants.append(", ".join(f"{code} × {codes[code]}" for code in sorted(codes)))
        lines.append(f"| {' | '.join([*variants, str(len(asked))])} |")
    return "\n".join(lines) + "\n"


def _methods(asked: Iterable[Asked]) -> str:
    counts = Counter(item.method for item in asked)
    return ", ".join(f"{name} {counts[name]}" for name in _METHODS if counts[name])


def write_summary(file: Path, fronts: Iterable[Front]) -> None:
    """Write the table to a file, and to who runs the tests with -s."""
    text = table(fronts)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    print(f"\n{text}")


def write_matrix(file: Path, ended: Mapping[str, Mapping[str, bool]]) -> None:
    """Write which command ended as it should before which registry, as a table."""
    names = list(dict.fromkeys(name for commands in ended.values() for name in commands))
    lines = [f"| registry | {' | '.join(names)} |", "|" + "---|" * (len(names) + 1)]
    for title, commands in ended.items():
        marks = ({True: "✓", False: "✗", None: ""}[commands.get(name)] for name in names)
        lines.append(f"| {title} | {' | '.join(marks)} |")
    text = "\n".join(lines) + "\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    print(f"\n{text}")
