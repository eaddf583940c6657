"""Which version a chart gets, decided by what it would contain. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from builder.catalog.models import Catalog
from builder.charts.changelog import with_changelog
from builder.charts.helm_versions import parse
from builder.charts.package import ChartPackage, pack
from builder.charts.render.chart import render_chart
from builder.charts.semver import (
    FIRST,
    bump,
    chart_fingerprint,
    next_version,
    value_types,
    with_version,
)
from builder.common.errors import BuilderError, Location
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.registry.release_record import CHARTS, ReleasedChart


@dataclass(frozen=True, kw_only=True)
class ChartChange:
    """What becomes of a chart, and why."""

    action: str  # package or keep
    version: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The tags of images that a chart no longer offers, and those that it offers anew.

    `is_else_changed` says whether more of the chart changed than that.
    """

    dropped: tuple[str, ...]
    added: tuple[str, ...]
    is_else_changed: bool


def files_of(catalog: Catalog, name: str, images: Sequence[str], version: str) -> dict[str, bytes]:
    """Render the files of a chart of the matrix, by path below its folder."""
    chart = catalog.matrix.charts[name]
    return render_chart(
        chart=chart,
        recipe=catalog.charts[chart.recipe],
        features=catalog.features,
        library=catalog.library,
        images=images,
        version=version,
        catalog=catalog.matrix.name,
    )


def check_charts(catalog: Catalog, names: Iterable[str]) -> list[BuilderError]:
    """Return what is wrong with charts, before it is known which images there will be.

    Of several that have the same recipe, features and values, the first is looked at.
    """
    errors: list[BuilderError] = []
    looked_at = set()
    for name in names:
        chart = catalog.matrix.charts[name]
        key = (chart.recipe, chart.features, tuple(chart.values))
        if key in looked_at:
            continue
        looked_at.add(key)
        try:
            files_of(catalog, name, [catalog.matrix.repository_of(chart.image)], FIRST)
        except BuilderError as error:
            errors.append(error)
    return errors


def chart_place(catalog: Catalog, name: str, files: Mapping[str, bytes], version: str) -> Reference:
    """Return the reference that a chart's package is pushed to before it is released."""
    repository = parse_reference(catalog.matrix.repository_of(f"{CHARTS}/{name}"))
    return repository.with_tag(checked_tag(chart_fingerprint(files), version))


def checked_tag(fingerprint: str, version: str) -> str:
    """Return the tag of a package that passed its checks; `fingerprint` is that of its files."""
    return f"fp-{fingerprint[:32]}-{version}"


def predict(
    catalog: Catalog, name: str, images: Sequence[str], held: ReleasedChart | None
) -> tuple[ChartChange, dict[str, bytes]]:
    """Predict the version and action of a chart with `images`, and render its files.

    `held` is the last released chart of this name.
    """
    files = files_of(catalog, name, images, held.version if held else FIRST)
    if held is None:
        return ChartChange(action="package", version=FIRST, reason="new: no release has it"), files
    if chart_fingerprint(files) == held.fingerprint:
        reason = f"nothing in it changed since version {held.version}"
        return ChartChange(action="keep", version=held.version, reason=reason), files
    version = bump(
        held.version,
        before=held.values,
        after=value_types(files),
        chart=name,
        location=Location(file="the current release"),
    )
    changed = "its images" if tuple(images) != held.images else "its templates or values"
    reason = f"changed since {held.version}: {changed}"
    change = ChartChange(action="package", version=version, reason=reason)
    return change, with_version(files, version)


def foresee(
    old: Mapping[str, bytes] | None,
    new: Mapping[str, bytes],
    held: ReleasedChart | None,
    *,
    images_change: bool,
    choice: Choice | None = None,
) -> ChartChange | None:
    """Return what a change of the catalog makes of a chart, or None where it makes nothing of it.

    `old` and `new` are the chart's files before and after. `held` is what the last release has of
    it: where that is not known, the version is `+1.0.0`, `+0.1.0` or `+0.0.1`. `choice` is given
    where the chart does not offer the same images.
    """
    if old is None:
        return ChartChange(action="package", version=FIRST, reason="new")
    is_same = chart_fingerprint(old) == chart_fingerprint(new)
    if is_same and not images_change:
        return None
    is_own = choice.is_else_changed if choice else not is_same
    changed = [
        *(["its templates or values"] if is_own else []),
        *(["its images"] if images_change else []),
    ]
    parts = [
        *([f"no longer offers {', '.join(choice.dropped)}"] if choice and choice.dropped else []),
        *([f"now offers {', '.join(choice.added)}"] if choice and choice.added else []),
        *([f"changed: {' and '.join(changed)}"] if changed else []),
    ]
    before = held.values if held else value_types(old)
    version = bump(held.version if held else "0.0.0", before=before, after=value_types(new))
    return ChartChange(
        action="package",
        version=f"{held.version} → {version}" if held else f"+{version}",
        reason="; ".join(parts),
    )


def publish_as(
    released: ChartPackage, *, listed: Collection[str], held: ChartPackage | None, above: str = ""
) -> tuple[ChartChange, ChartPackage]:
    """Decide the version of a released chart in a repository whose newest version is `held`.

    `listed` are the sha256 of the packages that releases had. A repository that holds one of them
    follows the releases; another has a history of its own, and its versions go on from there.
    `above` is the highest pre-release of one that has nothing else.
    """
    if held is None:
        return _first(released, above)
    if chart_fingerprint(held.files) == chart_fingerprint(released.files):
        reason = "nothing in it changed"
        return ChartChange(action="keep", version=held.version, reason=reason), held
    package = released
    if held.digest not in listed:
        version = next_version(held.version, old=held.files, new=released.files)
        files = with_changelog(with_version(released.files, version), held.files)
        package = ChartPackage(data=pack(released.name, files))
    reason = f"changed since {held.version}"
    return ChartChange(action="package", version=package.version, reason=reason), package


def _first(released: ChartPackage, above: str) -> tuple[ChartChange, ChartPackage]:
    """Return what becomes of a chart that a repository has not, or in pre-releases alone."""
    candidate = parse(above) if above else None
    reason = f"new: {above} is a pre-release" if candidate else "new"
    own = parse(released.version)
    if candidate is not None and (own is None or own < candidate):
        version = str(candidate.finalize_version())
        package = ChartPackage(data=pack(released.name, with_version(released.files, version)))
        return ChartChange(action="package", version=version, reason=reason), package
    return ChartChange(action="package", version=released.version, reason=reason), released
