"""Chart recipes and features, of what their files say."""

from __future__ import annotations

from collections.abc import Mapping

from builder.catalog.models import ChartFeature, ChartRecipe
from builder.catalog.parser import parse_chart, parse_feature
from builder.common.errors import raise_all
from builder.common.yaml_writer import block


def chart_recipe(
    name: str, spec: Mapping[str, object], files: Mapping[str, str] | None = None
) -> ChartRecipe:
    """Return a chart recipe. Raises what is wrong with its chart.yaml."""
    parsed, errors = parse_chart("\n".join(block(spec)), f"charts/{name}/chart.yaml")
    raise_all(errors)
    assert parsed is not None
    return ChartRecipe(**vars(parsed), name=name, files=files or {})


def chart_feature(
    name: str, spec: Mapping[str, object], files: Mapping[str, str] | None = None
) -> ChartFeature:
    """Return a chart feature. Raises what is wrong with its feature.yaml."""
    file = f"charts/features/{name}/feature.yaml"
    parsed, errors = parse_feature("\n".join(block(spec)), file)
    raise_all(errors)
    assert parsed is not None
    return ChartFeature(**vars(parsed), name=name, files=files or {})
