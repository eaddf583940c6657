"""Sizes in the report: what each recipe adds, target by target and over all of them.

A chain is what an image stands on, the lowest first, itself last; each link says `target`,
`recipe` ("" for a base), `layers`, and `size`, the compressed bytes of those layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from builder.catalog.ids import BaseId
from builder.report.markdown import table

Link = Mapping[str, Any]


def by_target(targets: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The chain of every target that has one, with the share of each link from 0 to 1."""
    found = []
    for item in targets:
        chain: Sequence[Link] = item.get("chain") or ()
        whole = sum(link["size"] for link in chain)
        if whole:
            links = [{**link, "share": round(link["size"] / whole, 3)} for link in chain]
            found.append({"id": item["id"], "size": whole, "chain": links})
    return found


def by_recipe(targets: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What each recipe adds, in all its targets together and each counted once, most first."""
    links: dict[str, Link] = {}
    for item in targets:
        links |= {link["target"]: link for link in item.get("chain") or ()}
    recipes: dict[str, list[Link]] = {}
    for link in links.values():
        recipes.setdefault(link["recipe"], []).append(link)
    found = [
        {
            "recipe": recipe,
            "targets": len(items),
            "layers": sum(link["layers"] for link in items),
            "size": sum(link["size"] for link in items),
            "least": min(link["size"] for link in items),
            "most": max(link["size"] for link in items),
        }
        for recipe, items in recipes.items()
    ]
    return sorted(found, key=lambda row: (-row["size"], row["recipe"]))


def lines(
    targets: Sequence[Mapping[str, Any]], recipes: Sequence[Mapping[str, Any]]
) -> Sequence[str]:
    """Both tables of report.md; `targets` are of `by_target`, `recipes` of `by_recipe`."""
    if not targets:
        return ()
    return (
        "## Size",
        "",
        "Compressed, each layer counted once.",
        "",
        *table(
            ("recipe", "targets", "layers", "MB", "MB each"),
            (
                (
                    row["recipe"] or "bases",
                    row["targets"],
                    row["layers"],
                    _megabytes(row["size"]),
                    _range(row),
                )
                for row in recipes
            ),
        ),
        "",
        *table(
            ("target", "MB", "what each recipe adds: MB, share, layers"),
            (
                (f"`{row['id']}`", _megabytes(row["size"]), " · ".join(map(_link, row["chain"])))
                for row in targets
            ),
        ),
        "",
    )


def _link(link: Link) -> str:
    name = link["recipe"] or BaseId(link["target"]).value
    return f"{name} {_megabytes(link['size'])} ({link['share']:.0%}, {link['layers']})"


def _range(row: Mapping[str, Any]) -> str:
    least, most = _megabytes(row["least"]), _megabytes(row["most"])
    return least if least == most else f"{least}–{most}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}" if size < 10_000_000 else f"{size / 1e6:.0f}"
