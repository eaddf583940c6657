"""Reports sizes: what each recipe adds, by target and in total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from builder.catalog.ids import BaseId
from builder.registry.release_record import ImageShare
from builder.report.document import RecipeSize, Sizes, SizeShare, TargetSize
from builder.report.markdown import table

Chains = Mapping[str, Sequence[ImageShare]]
"""The shares of the images of a lineage, by target id."""


def sizes_of(chains: Chains) -> Sizes:
    """Return the sizes of all targets and recipes."""
    return Sizes(targets=by_target(chains), recipes=by_recipe(chains))


def by_target(chains: Chains) -> tuple[TargetSize, ...]:
    """Return the size of every target with a known lineage, and the share of each image."""
    sizes = []
    for target, chain in chains.items():
        whole = sum(share.size for share in chain)
        if whole:
            shares = tuple(
                SizeShare(
                    target=share.target,
                    recipe=share.recipe,
                    layers=share.layers,
                    size=share.size,
                    share=round(share.size / whole, 3),
                )
                for share in chain
            )
            sizes.append(TargetSize(id=target, size=whole, chain=shares))
    return tuple(sizes)


def by_recipe(chains: Chains) -> tuple[RecipeSize, ...]:
    """Return the size of each recipe in all targets, each counted once, the largest first."""
    shares = {share.target: share for chain in chains.values() for share in chain}
    recipes: dict[str, list[ImageShare]] = {}
    for share in shares.values():
        recipes.setdefault(share.recipe, []).append(share)
    sizes = [
        RecipeSize(
            recipe=recipe,
            targets=len(recipe_shares),
            layers=sum(share.layers for share in recipe_shares),
            size=sum(share.size for share in recipe_shares),
            least=min(share.size for share in recipe_shares),
            most=max(share.size for share in recipe_shares),
        )
        for recipe, recipe_shares in recipes.items()
    ]
    return tuple(sorted(sizes, key=lambda row: (-row.size, row.recipe)))


def lines(sizes: Sizes) -> Sequence[str]:
    """Return the lines of both tables of report.md."""
    if not sizes.targets:
        return ()
    return (
        "## Size",
        "",
        "Compressed, each layer counted once.",
        "",
        *table(
            ("recipe", "targets", "layers", "MB", "MB each"),
            (
                (row.recipe or "bases", row.targets, row.layers, _megabytes(row.size), _range(row))
                for row in sizes.recipes
            ),
        ),
        "",
        *table(
            ("target", "MB", "what each recipe adds: MB, share, layers"),
            (
                (f"`{row.id}`", _megabytes(row.size), " · ".join(map(_share, row.chain)))
                for row in sizes.targets
            ),
        ),
        "",
    )


def _share(share: SizeShare) -> str:
    name = share.recipe or BaseId(share.target).value
    return f"{name} {_megabytes(share.size)} ({share.share:.0%}, {share.layers})"


def _range(row: RecipeSize) -> str:
    least, most = _megabytes(row.least), _megabytes(row.most)
    return least if least == most else f"{least}–{most}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}" if size < 10_000_000 else f"{size / 1e6:.0f}"
