"""The digests that a chart is packaged with are those of its release."""

from __future__ import annotations

import pytest

from builder.build.chart_steps import ChartActions
from builder.charts.image_table import images_in, with_images
from builder.charts.repository.oci_artifact import package_in, released_package
from builder.charts.semver import chart_fingerprint
from builder.common.errors import ConfigError
from builder.oci.reference import parse
from tests.fakes.catalog import ARM, BOTH, LOCK, Folder, Week
from tests.fakes.planted import restate
from tests.fakes.releases import change, record


def table(week: Week) -> dict[str, str]:
    """What the released package of the chart has."""
    matrix = week.folder.load().catalog.matrix
    chart = record(week).charts["desk"]
    return images_in(released_package("desk", chart, matrix=matrix, store=week.store).files)


@pytest.mark.parametrize("platforms", [("linux/amd64",), ("linux/amd64", ARM)])
def test_each_image_has_the_digest_that_its_tag_names(
    folder: Folder, platforms: tuple[str, ...]
) -> None:
    folder.for_platforms(*platforms)
    week = Week(folder=folder, lock=BOTH if ARM in platforms else LOCK)
    week.go_by()
    images = record(week).charts["desk"].images
    assert len(images) > 1
    assert table(week) == {image: week.store.named[image] for image in images}
    released = record(week)
    digests = {item.digest for item in (*released.targets.values(), *released.variants.values())}
    assert set(table(week).values()) <= digests


def test_a_later_release_has_its_own(week: Week) -> None:
    week.go_by()
    before = table(week)
    change(week)
    week.go_by(today="2026-11-30")
    after = table(week)
    assert after != before
    assert after == {image: week.store.named[image] for image in record(week).charts["desk"].images}


def test_a_package_on_other_images_is_made_again(week: Week) -> None:
    """The tags are the same where an image is built twice before it is released."""
    plan = week.plan()
    builds, adapters = week.builds(plan), week.app().adapters
    charts = ChartActions(
        context=week.work(plan), store=week.store, helm=adapters.helm, runner=week.chart_runner
    )
    actions = {"base": builds.base, "build": builds.target}
    for step in plan.steps.values():
        if step.kind in actions:
            actions[step.kind](step)
    step, item = plan.steps["chart:desk"], plan.charts["desk"]
    assert [charts.chart(step).status for _ in range(2)] == ["done", "reused"]
    first, second = (str(plan.targets[name].reference) for name in item.variants[:2])
    week.store.named[first] = week.store.named[second]
    restate(week.store, parse(first), digest=week.store.named[second])
    assert [charts.chart(step).status for _ in range(2)] == ["done", "reused"]
    artifact = week.store.get(item.reference)
    assert artifact is not None
    digests = images_in(package_in(artifact, "desk").files)
    assert digests[item.images[0]] == week.store.named[second]


def test_the_table_is_no_part_of_the_fingerprint() -> None:
    chart = {"Chart.yaml": b"name: clock\nversion: 1.0.0\n", "values.yaml": b"a: 1\n"}
    with_table = with_images(chart, {"r.example/clock:1": f"sha256:{'a' * 64}"})
    assert chart_fingerprint(with_table) == chart_fingerprint(chart)
    assert images_in(with_table) == {"r.example/clock:1": f"sha256:{'a' * 64}"}
    assert images_in(chart) == {}


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"a", " is not valid JSON: Expecting value (line 1, column 1)"), (b"[]", ": not a mapping")],
)
def test_a_table_that_is_none(data: bytes, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        images_in({"images.json": data})
    assert str(caught.value) == f"images.json{text}"
