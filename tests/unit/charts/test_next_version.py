"""What a change of the catalog makes of a chart."""

from __future__ import annotations

import pytest

from builder.charts.next_version import ChartChange, preview_change
from builder.charts.semver import value_types
from builder.registry.release_record import ReleasedChart


def chart(values: str = "a: 1\n", **templates: bytes) -> dict[str, bytes]:
    files = {f"templates/{name}.yaml": data for name, data in templates.items()}
    return {"Chart.yaml": b"version: 1.0.0\n", "values.yaml": values.encode(), **files}


def held(version: str, files: dict[str, bytes]) -> ReleasedChart:
    return ReleasedChart(
        version=version, fingerprint="", images=(), values=value_types(files), listed={}
    )


def test_a_chart_that_no_change_is_about() -> None:
    assert preview_change(chart(), chart(), held("1.4.2", chart()), images_change=False) is None


def test_a_chart_that_is_new() -> None:
    found = preview_change(None, chart(), None, images_change=True)
    assert found == ChartChange(action="package", version="1.0.0", reason="new")


@pytest.mark.parametrize(
    ("new", "added", "version"),
    [
        (chart("a: 2\n"), "+0.0.1", "1.4.2 → 1.4.3"),
        (chart("a: 1\nb: 2\n"), "+0.1.0", "1.4.2 → 1.5.0"),
        (chart("b: 2\n"), "+1.0.0", "1.4.2 → 2.0.0"),
    ],
    ids=["a default", "a value more", "a value less"],
)
def test_the_next_version_is_of_what_is_released(
    new: dict[str, bytes], added: str, version: str
) -> None:
    reason = "changed: its templates or values"
    found = preview_change(chart(), new, None, images_change=False)
    assert found == ChartChange(action="package", version=added, reason=reason)
    found = preview_change(chart(), new, held("1.4.2", chart()), images_change=False)
    assert found == ChartChange(action="package", version=version, reason=reason)


def test_images_alone_are_a_patch() -> None:
    found = preview_change(chart(), chart(), held("1.4.2", chart()), images_change=True)
    assert found == ChartChange(
        action="package", version="1.4.2 → 1.4.3", reason="changed: its images"
    )
