"""Decides which version a chart gets, by comparing its content with the last version. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from builder.catalog.chart_patches import with_patched_form
from builder.catalog.models import Catalog, Chart, UpstreamChartRecipe
from builder.charts.changelog import with_changelog
from builder.charts.helm_versions import parse
from builder.charts.package import ChartPackage, pack
from builder.charts.render.chart import render_chart
from builder.charts.render.moves import moved_recipe
from builder.charts.semver import (
    FIRST,
    bump,
    chart_fingerprint,
    next_version,
    value_types,
    with_version,
)
from builder.charts.upstream.chart import files_of_upstream
from builder.charts.upstream.pins import copies
from builder.common.errors import BuilderError, ConfigError, Location, flat
from builder.common.text import listed
from builder.lock.lockfile import OWN_TAG, ChartLock
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.registry.release_record import CHARTS, ReleasedChart


@dataclass(frozen=True, kw_only=True)
class ChartChange:
    """A decision about a chart: its action, its version and the reason."""

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
        recipe=moved_recipe(
            chart.headed(catalog.charts[chart.recipe], catalog.matrix.icons), chart
        ),
        features=catalog.features,
        library=catalog.library,
        images=images,
        version=version,
        catalog=catalog.matrix.name,
        sudo=catalog.matrix.catalog.sudo,
        axes=catalog.matrix.axes_of(chart.image),
    )


def check_charts(catalog: Catalog, names: Iterable[str]) -> list[BuilderError]:
    """Return what is wrong with charts, before it is known which images there will be.

    Of several that have the same recipe, features, axes and values, the first is looked at.
    """
    errors: list[BuilderError] = []
    looked_at = set()
    for name in names:
        chart = catalog.matrix.charts[name]
        axes = frozenset(catalog.matrix.axes_of(chart.image))
        said = repr(
            (chart.values, chart.fixed, chart.dropped, chart.changes, chart.heads, chart.head)
        )
        key = (chart.recipe, chart.features, axes, said)
        if key in looked_at:
            continue
        looked_at.add(key)
        try:
            files_of(catalog, name, [catalog.matrix.repository_of(chart.image)], FIRST)
        except BuilderError as error:
            errors += [_with_patches(found, catalog, chart) for found in flat([error])]
    return errors


def _with_patches(error: BuilderError, catalog: Catalog, chart: Chart) -> BuilderError:
    """Return an error of a chart; its hint names the patches of the chart, which may be why."""
    matrix = catalog.matrix
    matched = {name: found for name, found in matrix.matched.items() if matrix.patches[name].charts}
    patches = [f"patch {name!r}" for name, found in matched.items() if chart.name in found]
    is_told = error.location is not None and error.location.file == chart.at().file
    if not patches or is_told:
        return error
    more = f"what changes {chart.name}: {listed(patches)}"
    hint = f"{error.hint}; {more}" if error.hint else more
    return ConfigError(error.message, hint=hint, location=error.location)


def check_upstream_charts(catalog: Catalog) -> list[BuilderError]:
    """Return what is wrong with the recipes of upstreams' charts, before one is locked."""
    unlocked = ChartLock(version=FIRST, url="", digest="", pin=OWN_TAG)
    errors: list[BuilderError] = []
    for name in catalog.matrix.upstream_charts:
        try:
            predict_upstream(catalog, name, unlocked, None)
        except BuilderError as error:
            errors.append(error)
    return errors


def chart_reference(
    catalog: Catalog, name: str, files: Mapping[str, bytes], version: str
) -> Reference:
    """Return the reference that a chart's package is pushed to before it is released."""
    repository = parse_reference(catalog.matrix.repository_of(f"{CHARTS}/{name}"))
    return repository.with_tag(checked_tag(chart_fingerprint(files), version))


def checked_tag(fingerprint: str, version: str) -> str:
    """Return the tag of a package that passed its checks; `fingerprint` is that of its files."""
    return f"fp-{fingerprint[:32]}-{version}"


def predict(
    catalog: Catalog, name: str, images: Sequence[str], released: ReleasedChart | None
) -> tuple[ChartChange, dict[str, bytes]]:
    """Predict the version and action of a chart with `images`, and render its files.

    `released` is the last released chart of this name.
    """
    files = files_of(catalog, name, images, released.version if released else FIRST)
    return decide(name, files, images, released)


def _upstream_recipe(catalog: Catalog, chart: Chart) -> UpstreamChartRecipe:
    """Return the recipe of a chart that is made of an upstream's, with what the matrix says."""
    return chart.headed(catalog.upstream_charts[chart.recipe], catalog.matrix.icons)


def predict_upstream(
    catalog: Catalog, name: str, locked: ChartLock, released: ReleasedChart | None
) -> tuple[ChartChange, dict[str, bytes], tuple[str, ...]]:
    """Return the same of a chart that is made of an upstream's, and the images that it names."""
    chart = catalog.matrix.upstream_charts[name]
    repository_of = catalog.matrix.repository_of
    files = files_of_upstream(
        chart=chart,
        recipe=with_patched_form(_upstream_recipe(catalog, chart), chart),
        locked=locked,
        repository_of=repository_of,
        version=released.version if released else FIRST,
        catalog=catalog.matrix.name,
    )
    images = tuple(str(image) for image in copies(locked, repository_of).values())
    return *decide(name, files, images, released), images


def decide(
    name: str, files: dict[str, bytes], images: Sequence[str], released: ReleasedChart | None
) -> tuple[ChartChange, dict[str, bytes]]:
    """Decide the version and action of a chart with these files."""
    if released is None:
        return ChartChange(action="package", version=FIRST, reason="new: no release has it"), files
    if chart_fingerprint(files) == released.fingerprint:
        reason = f"nothing in it changed since version {released.version}"
        return ChartChange(action="keep", version=released.version, reason=reason), files
    version = bump(
        released.version,
        before=released.values,
        after=value_types(files),
        chart=name,
        location=Location(file="the current release"),
    )
    changed = "its images" if tuple(images) != released.images else "its templates or values"
    reason = f"changed since {released.version}: {changed}"
    change = ChartChange(action="package", version=version, reason=reason)
    return change, with_version(files, json.dumps(version))  # quoted, as a chart is rendered


def preview_change(
    old: Mapping[str, bytes] | None,
    new: Mapping[str, bytes],
    released: ReleasedChart | None,
    *,
    images_change: bool,
    choice: Choice | None = None,
) -> ChartChange | None:
    """Return how a change of the catalog changes a chart, or None where the chart stays the same.

    `old` and `new` are the chart's files before and after. `released` is the chart in the last
    release: without it, the version is given as `+1.0.0`, `+0.1.0` or `+0.0.1`. `choice` is given
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
    before = released.values if released else value_types(old)
    version = bump(released.version if released else "0.0.0", before=before, after=value_types(new))
    return ChartChange(
        action="package",
        version=f"{released.version} → {version}" if released else f"+{version}",
        reason="; ".join(parts),
    )


def publish_as(
    released: ChartPackage,
    *,
    listed: Collection[str],
    installed: ChartPackage | None,
    above: str = "",
) -> tuple[ChartChange, ChartPackage]:
    """Decide the version of a released chart in a repository whose newest version is `installed`.

    `listed` are the sha256 of the packages that releases had. A repository that holds one of them
    follows the releases; another has a history of its own, and its versions go on from there.
    `above` is the highest pre-release of one that has nothing else.
    """
    if installed is None:
        return _first(released, above)
    if chart_fingerprint(installed.files) == chart_fingerprint(released.files):
        reason = "nothing in it changed"
        return ChartChange(action="keep", version=installed.version, reason=reason), installed
    package = released
    if installed.digest not in listed:
        version = next_version(installed.version, old=installed.files, new=released.files)
        files = with_changelog(with_version(released.files, version), installed.files)
        package = ChartPackage(data=pack(released.name, files))
    reason = f"changed since {installed.version}"
    return ChartChange(action="package", version=package.version, reason=reason), package


def _first(released: ChartPackage, above: str) -> tuple[ChartChange, ChartPackage]:
    """Return what becomes of a chart that a repository has not, or in pre-releases alone."""
    candidate = parse(above) if above else None
    reason = f"new: {above} is a pre-release" if candidate else "new"
    own_version = parse(released.version)
    if candidate is not None and (own_version is None or own_version < candidate):
        version = str(candidate.finalize_version())
        package = ChartPackage(data=pack(released.name, with_version(released.files, version)))
        return ChartChange(action="package", version=version, reason=reason), package
    return ChartChange(action="package", version=released.version, reason=reason), released
