"""Charts of upstreams without helm: which images a text names, what is set, what the files have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builder.catalog.chart_patches import with_patched_form
from builder.catalog.models import UpstreamChartRecipe
from builder.catalog.parser import parse_upstream
from builder.charts.helm_versions import parse as parse_version
from builder.charts.next_version import predict_upstream
from builder.charts.upstream.chart import unread
from builder.charts.upstream.pins import copies, pin_values, unpinned
from builder.charts.upstream.references import images_in
from builder.charts.upstream.rules import packaged_problems, problems
from builder.common.errors import BuilderError, ConfigError
from builder.diff.compare import compare, lock_side
from builder.lock.lockfile import PINS, ChartLock, Lock, dump
from tests.fakes.catalog import FILES, LOCK, MATRIX, Folder, plan_of
from tests.fakes.helm_repo import EXECUTOR, FLOW, SERVER, package

RECIPE = """\
title: Flow
description: Flows
values: {crds: {install: false}}
form:
  server.replicas: {type: integer, default: 1, title: Servers, text: How many}
images:
  - match: flow/server
    registry: server.image.registry
    repository: server.image.repository
    tag: server.image.tag
    digest: server.image.digest
  - match: flow/exec
    repository: executor.image.repository
    tag: executor.image.tag
    digest: executor.image.digest
"""
ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
LOCKED = ChartLock(
    version="1.0.18",
    url="https://charts.example.org/flow-1.0.18.tgz",
    digest=f"sha256:{'a' * 64}",
    pin="digest",
    images={SERVER: ONE, EXECUTOR: TWO},
)


def ours(image: str) -> str:
    return f"reg.example.org/{image}"


def recipe(text: str = RECIPE) -> UpstreamChartRecipe:
    parsed, errors = parse_upstream(text, "charts/flow/upstream.yaml")
    assert errors == []
    assert parsed is not None
    return UpstreamChartRecipe(**vars(parsed), name="flow", files={"upstream.yaml": text})


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    upstream = '  flow: {upstream: {repository: "https://charts.example.org", name: flow}}\n'
    files = {**FILES, "matrix.yaml": MATRIX + upstream, "charts/flow/upstream.yaml": RECIPE}
    return Folder(tmp_path / "catalog", files)


TEXTS = {
    "--executor-image quay.io/flow/exec:v4.0.6": ["quay.io/flow/exec:v4.0.6"],
    "image=quay.io/flow/exec:v1,other": ["quay.io/flow/exec:v1"],
    f"flow/exec@{ONE}": [f"flow/exec@{ONE}"],
    "127.0.0.1:5000/flow/exec:1": ["127.0.0.1:5000/flow/exec:1"],
    '{"image": "flow/exec:v4"}': ["flow/exec:v4"],
    "http://example.org/path:80": [],
    "https://example.org:443/a/b": [],
    "system:serviceaccount": [],
    "/etc/flow/settings:ro": [],
    "flow/service:8080": [],
    "a/b and c": [],
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_names_the_images_that_stand_in_it(text: str) -> None:
    manifest = json.dumps({"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": text}})
    found = images_in(f"---\n# Source: flow/templates/a.yaml\n{manifest}\n")
    assert [image.text for image in found] == TEXTS[text]
    for image in found:
        assert str(image) == f"{image.text} in templates/a.yaml, ConfigMap/x data.a"


def test_the_image_of_a_container_is_one_whatever_it_looks_like() -> None:
    manifest = {"kind": "Pod", "spec": {"containers": [{"name": "a", "image": "busybox"}]}}
    (image,) = images_in(json.dumps(manifest))
    assert str(image.reference) == "docker.io/library/busybox"


@pytest.mark.parametrize("pin", PINS)
def test_each_way_to_pin_has_its_values(pin: str) -> None:
    locked = replace(LOCKED, pin=pin)
    own = copies(locked, ours)
    server = pin_values(recipe(), locked, own)["server"]
    tag, path, digest = "v4.0.6", "mirror/flow/server", {}
    if pin == "digest":
        digest = {"digest": ONE}
    elif pin == "tag@digest":
        tag = f"v4.0.6@{ONE}"
    else:
        path = f"mirror/flow/server/{'1' * 12}"
    image = {"tag": tag, "repository": path, "registry": "reg.example.org", **digest}
    assert server == {"image": image}


@pytest.mark.parametrize(
    "values",
    [{"server": {"replicas": 2}}, {"server": {}}, {"server": None}],
    ids=str,
)
def test_a_value_that_upstream_has_or_leaves_open_is_taken(values: Mapping[str, object]) -> None:
    assert list(unread(recipe(RECIPE.partition("images:")[0]), values)) == []


@pytest.mark.parametrize(
    "values", [{"server": {"nodes": 2}}, {"server": "x"}, {"other": 1}], ids=str
)
def test_a_value_that_upstream_dropped_is_told(values: Mapping[str, object]) -> None:
    assert list(unread(recipe(RECIPE.partition("images:")[0]), values)) == [
        "upstream.yaml names the value server.replicas, which values.yaml of upstream lacks"
    ]


def test_two_images_that_one_value_sets_are_refused() -> None:
    text = RECIPE.replace("executor.image.tag", "server.image.tag")
    locked = replace(LOCKED, pin="tag@digest")
    with pytest.raises(ConfigError) as error:
        pin_values(recipe(text), locked, copies(locked, ours))
    assert error.value.message.startswith("two images set server.image.tag: to v4.0.6@")


def test_what_is_not_ours_is_named_with_its_place() -> None:
    own = copies(LOCKED, ours)
    pod = {
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {
            "containers": [
                {"name": "a", "image": f"reg.example.org/mirror/flow/server:v4.0.6@{TWO}"},
                {"name": "b", "image": f"reg.example.org/mirror/flow/exec@{TWO}"},
                {"name": "c", "image": "Not an image"},
            ],
            "args": ["--image", "docker.io/evil/exec:1"],
        },
    }
    assert list(unpinned(json.dumps(pod), own, "digest")) == [
        f"reg.example.org/mirror/flow/server:v4.0.6@{TWO} in , Pod/p spec.containers[0].image does"
        f" not name the digest {ONE}",
        "Not an image in , Pod/p spec.containers[2].image is no image",
        "docker.io/evil/exec:1 in , Pod/p spec.args[1] is not ours and locked",
    ]


def test_a_name_a_right_and_a_label_are_looked_at() -> None:
    def service(release: str, **metadata: object) -> str:
        return json.dumps(
            {"kind": "Service", "metadata": {"name": f"{release}-a", **metadata}, "spec": {}}
        )

    assert list(problems(service("one"), service("two"), "default")) == []
    labels = service("one", labels={"a": "not valid"})
    assert list(problems(labels, service("two"), "default")) == [
        ": Service/one-a has the label a: 'not valid', which is not valid"
    ]
    role = json.dumps({"kind": "ClusterRole", "metadata": {"name": "one"}})
    for text in (role, f'{{"kind": "List", "items": [{role}]}}'):
        (problem,) = problems(text, "", "default")
        assert "ClusterRole/one is of the whole cluster" in problem


def test_kinds_in_a_package_of_a_package_are_found() -> None:
    inner = package("inner", "1.0.0", {"crds/a.yaml": "kind: X\n"})
    files = {**package("flow", "1.0.0", FLOW).files, "charts/inner-1.0.0.tgz": inner.data}
    assert list(packaged_problems(files)) == [
        "charts/inner-1.0.0.tgz: crds/a.yaml: Helm installs what is in crds/, for the whole cluster"
    ]


def test_our_chart_has_the_package_in_its_place_and_a_form(folder: Folder) -> None:
    change, files, images = predict_upstream(folder.load().catalog, "flow", LOCKED, None)
    assert change.action == "package"
    assert files["charts/flow-1.0.18.tgz"] == f"{LOCKED.digest}\n".encode()
    assert b'version: "1.0.18"\n    repository: ""' in files["Chart.yaml"]
    schema = json.loads(files["values.schema.json"])
    flow = schema["properties"]["flow"]["properties"]["server"]["properties"]
    assert flow["replicas"]["title"] == "Servers"
    assert b"replicas: 1" in files["values.yaml"]
    assert len(images) == 2
    assert parse_version(LOCKED.version)


def test_another_package_or_image_is_another_chart(folder: Folder) -> None:
    project = folder.load()

    def fingerprint(locked: ChartLock) -> str:
        lock = replace(LOCK, charts={"flow": locked})
        plan = plan_of(project, lock=lock, pick=["flow"], upstream_charts=("flow",))
        return plan.charts["flow"].fingerprint

    first = fingerprint(LOCKED)
    assert fingerprint(LOCKED) == first
    assert fingerprint(replace(LOCKED, digest=TWO)) != first
    assert fingerprint(replace(LOCKED, images={SERVER: TWO, EXECUTOR: TWO})) != first


def test_a_difference_names_what_moved() -> None:
    def side(locked: ChartLock) -> Lock:
        return replace(LOCK, charts={"flow": locked})

    moved = replace(LOCKED, version="1.0.19", images={SERVER: TWO, EXECUTOR: TWO})
    found = compare(lock_side("old", side(LOCKED)), lock_side("new", side(moved)))
    names = [change.name for change in found.others]
    assert names == ["flow", f"{SERVER} of flow"]


MISTAKES = {
    "both": ("name: flow}}", "name: flow}, image: desk}", "has both `image` and `upstream`"),
    "neither": ("{image: desk}", "{recipe: desk}", "has neither `image` nor `upstream`"),
    "features": (
        "name: flow}}", "name: flow}, features: [core]}",
        "chart flow is made of an upstream's, and has no `features`",
    ),
    "no repository": ("https://charts.example.org", "charts.example.org", "repository"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_no_chart_of_an_upstream_is_refused(folder: Folder, name: str) -> None:
    old, new, message = MISTAKES[name]
    folder.edit("matrix.yaml", old, new)
    with pytest.raises(BuilderError) as error:
        folder.load()
    assert message in str(error.value)


def test_a_catalog_above_inherits_it_and_says_otherwise_of_it(
    folder: Folder, tmp_path: Path
) -> None:
    folder.write("matrix.lock", dump(replace(LOCK, charts={"flow": LOCKED})))
    files = {
        "matrix.yaml": "extends: {path: ../catalog}\ncatalog: {name: mine}\n"
        "patches: {p: {charts: flow, why: w, values: {server.replicas: {title: Ours}}}}\n",
    }
    below, mine = folder.load(), Folder(tmp_path / "mine", files).load()
    assert mine.lock is not None
    assert mine.lock.charts == {"flow": LOCKED}
    assert list(mine.expansion.upstream_charts) == list(below.expansion.upstream_charts) == ["flow"]
    recipe, chart = (
        mine.catalog.upstream_charts["flow"], mine.catalog.matrix.upstream_charts["flow"],
    )  # fmt: skip
    assert with_patched_form(recipe, chart).form["server.replicas"].title == "Ours"
    text = "form:\n  server.replicas: {default: 3}\nvalues: {crds: {install: true}}\n"
    Folder(tmp_path / "mine", {}).write("charts/flow/upstream.yaml", text)
    recipe = Folder(tmp_path / "mine", {}).load().catalog.upstream_charts["flow"]
    assert (recipe.form["server.replicas"].default, recipe.values) == (
        3,
        {"crds": {"install": True}},
    )
    assert recipe.title == "Flow"


def test_a_patch_changes_what_the_chart_of_an_upstream_shows(folder: Folder) -> None:
    folder.edit("matrix.yaml", "name: flow}}", "name: flow}, also: [stream]}")
    folder.edit(
        "matrix.yaml",
        "\ncharts:\n",
        "\npatches:\n  p: {charts: value=server.replicas, why: w, head: {description: Ours},"
        " values: {server.replicas: {default: 3}}}\n\ncharts:\n",
    )
    catalog = folder.load().catalog
    assert catalog.matrix.matched == {"p": ("flow",)}
    for name in ("flow", "stream"):
        _, files, _ = predict_upstream(catalog, name, LOCKED, None)
        assert b"replicas: 3" in files["values.yaml"]
        assert b'description: "Ours"' in files["Chart.yaml"]
        assert (b"deprecated: true" in files["Chart.yaml"]) is (name == "stream")
