"""What a change of the catalog changes: its targets and charts, against another checkout's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from builder.app.app import App
from builder.catalog import tags
from builder.catalog.models import Variant
from builder.charts.next_version import ChartChange, Choice, files_of, preview_change
from builder.charts.semver import FIRST, chart_fingerprint
from builder.common.errors import BuilderError, SelectionError
from builder.plan.fingerprint import differences
from builder.registry.release_record import ReleasedChart
from builder.report.plan import Gone


class Since:
    """A catalog beside another checkout of it, each as an app."""

    def __init__(self, app: App, other: App) -> None:
        self._app = app
        self._other = other

    @cached_property
    def targets(self) -> Mapping[str, str]:
        """Why each target that is selected differs; by id."""
        selected = set(self._app.selected())
        before, after = (app.fingerprints(app.locked()) for app in (self._other, self._app))
        return {
            target: f"changed: {', '.join(parts)}" if parts else "new"
            for target, parts in differences(before, after).items()
            if target in selected
        }

    @cached_property
    def gone(self) -> Gone:
        """Return what the other checkout has of the selection, and this one has not."""
        selected = _picked(self._other)
        current, expansion = self._app.project.expansion, self._other.project.expansion
        targets = [expansion.targets[key] for key in selected if key not in current.targets]
        published = {
            target.variant.id: target.variant
            for target in targets
            if target.publish and target.variant.id not in current.members
        }
        current_tags = {
            (image, tag)
            for image, variants in current.variants.items()
            for variant in variants
            for tag in _tags(self._app, variant)
        }
        dropped = [
            tag
            for variant in published.values()
            for tag in _tags(self._other, variant)
            if (variant.image, tag) not in current_tags
        ]
        is_chosen = bool(self._app.options.select)
        charts = expansion.charts_of(selected) if is_chosen else list(expansion.charts)
        return Gone(
            targets=tuple(target.id for target in targets),
            images=tuple(dict.fromkeys(target.variant.image for target in targets)),
            tags=tuple(dict.fromkeys(dropped)),
            charts=tuple(name for name in charts if name not in current.charts),
        )

    def charts(self, published: str) -> dict[str, ChartChange]:
        """Return what becomes of each chart that the change concerns, by name.

        `published` is the registry whose releases say which versions there are, or nothing.
        """
        released = _released(self._app, published) if published else {}
        expansion, other_expansion = self._app.project.expansion, self._other.project.expansion
        with_images = expansion.charts_of(self.targets)
        changes = {}
        for name, variants in expansion.charts.items():
            former = other_expansion.charts.get(name, ())
            change = preview_change(
                _files(self._other, name, former) if former else None,
                _files(self._app, name, variants),
                released.get(name),
                images_change=name in with_images,
                choice=self._choice(name, former, variants),
            )
            if change is not None:
                changes[name] = change
        return changes

    def _choice(
        self, name: str, former: Sequence[Variant], variants: Sequence[Variant]
    ) -> Choice | None:
        """Return what a chart offers no longer or anew; None where it offers the same."""
        old, new = (
            {variant.id: variant for variant in variants_of} for variants_of in (former, variants)
        )
        if not old or old.keys() == new.keys():
            return None
        shared = [variant for key, variant in new.items() if key in old]
        before, after = (
            chart_fingerprint(_files(app, name, shared)) if shared else ""
            for app in (self._other, self._app)
        )
        return Choice(
            dropped=tuple(_tags(self._other, old[key])[0] for key in old if key not in new),
            added=tuple(_tags(self._app, new[key])[0] for key in new if key not in old),
            is_else_changed=before != after,
        )


def _picked(app: App) -> Sequence[str]:
    """Return the ids of the targets that are selected, which may be none."""
    try:
        return app.selected()
    except SelectionError:
        return ()


def _tags(app: App, variant: Variant) -> tuple[str, ...]:
    """Return the tags of a variant that name its versions or its lines."""
    matrix, versions = app.catalog.matrix, app.locked().lines_of(variant.values).versions
    exact = tags.tag(variant, matrix, versions)
    return tags.rolling(variant, matrix, exact, first="")


def _files(app: App, name: str, variants: Sequence[Variant]) -> dict[str, bytes]:
    """Render a chart with tags of release lines, as exact versions and releases change."""
    matrix = app.catalog.matrix
    images = [f"{matrix.repository_of(variant.image)}:{tags.line_tag(variant, matrix)}"
              for variant in variants]  # fmt: skip
    return files_of(app.catalog, name, images, FIRST)


def _released(app: App, registry: str) -> Mapping[str, ReleasedChart]:
    """Return the charts of the last release in a registry.

    There is none, and a note, where it cannot be read.
    """
    try:
        record = app.with_options(registries=(registry,)).adapters.records.current()
    except BuilderError as error:
        app.notify(f"the releases in {registry} cannot be read: {error.message}")
        return {}
    return record.charts if record else {}
