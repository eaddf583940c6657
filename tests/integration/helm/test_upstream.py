"""Charts of upstreams, as helm renders them: what is locked, how it is pinned, what is refused."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from builder.app.adapters import Replaced
from builder.app.week import KINDS
from builder.build.upstream_charts import UpstreamCopies
from builder.catalog.models import Network
from builder.catalog.selection import select_charts
from builder.charts.helm import Helm
from builder.charts.locking.locker import ChartLocker, render, wrong_with
from builder.charts.locking.source import UpstreamPackages
from builder.charts.next_version import predict_upstream
from builder.charts.package import unpack
from builder.charts.repository.oci_artifact import chart_artifact, package_in
from builder.charts.tools import Tools
from builder.charts.upstream.chart import with_package
from builder.common.errors import (
    BuilderError,
    ConfigError,
    DifferenceError,
    StepError,
    UnreachableError,
)
from builder.common.files import write_tree
from builder.common.process import Runner
from builder.lock.lockfile import ChartLock, Lock, dump, parse
from builder.network.fetcher import Fetcher, RetryPolicy
from builder.oci.reference import parse as parse_reference
from tests.fakes.catalog import FILES, LOCK, MATRIX, Folder, Week, plan_of, with_package_sets
from tests.fakes.helm_repo import (
    DEPLOYMENT,
    EXECUTOR,
    FLOW,
    FLOW_IMAGES,
    SERVER,
    VALUES,
    ChartRepository,
    package,
    serving,
)
from tests.fakes.store import FakeStore
from tests.fakes.upstream import publish

ROOT = Path(__file__).parents[3]
RECIPE = f"""\
title: Flow
description: Flows of a namespace
values:
  crds: {{install: false}}
  clusterRoles: false
{FLOW_IMAGES}"""
OWN = "127.0.0.1:5999/shop-mirror/flow"


@dataclass(kw_only=True)
class Site:
    """A catalog with the chart `flow`, and its upstream."""

    folder: Folder
    repository: ChartRepository
    store: FakeStore
    helm: Helm
    files: Path
    mirrors: Mapping[str, str]

    @property
    def packages(self) -> UpstreamPackages:
        policy = RetryPolicy(connect=2, read=2, retries=0)
        network = Network(mirrors=self.mirrors)
        fetcher = Fetcher(network=network, folder=self.files, retry_policy=policy)
        return UpstreamPackages(fetcher=fetcher, registry=self.store, mirrors=self.mirrors)

    def lock(self) -> ChartLock:
        return ChartLocker(
            catalog=self.folder.load().catalog,
            helm=self.helm,
            packages=self.packages,
            registry=self.store,
            mirrors=self.mirrors,
        ).lock("flow")

    def files_of(self, locked: ChartLock) -> Mapping[str, bytes]:
        """The files of the chart, with the package of the upstream in it."""
        project = self.folder.load()
        _, files, _ = predict_upstream(project.catalog, "flow", locked, None)
        return with_package(files, self.packages.package(locked))

    def publish(self, changes: Mapping[str, str] | None = None, version: str = "1.0.18") -> None:
        self.repository.add(package("flow", version, {**FLOW, **(changes or {})}))


@pytest.fixture(scope="module")
def program() -> Path:
    return Tools(runner=Runner(), folder=ROOT / "build" / "tools").helm().path


@pytest.fixture
def site(tmp_path: Path, program: Path) -> Iterator[Site]:
    with serving(tmp_path / "repository") as repository:
        source = f'repository: "{repository.url}", name: flow, release_line: "1.0"'
        upstream = f"  flow: {{upstream: {{{source}}}}}"
        files = {
            **FILES,
            "matrix.yaml": MATRIX + upstream + "\n",
            "charts/flow/upstream.yaml": RECIPE,
            "matrix.lock": dump(LOCK),
        }
        store = FakeStore()
        for image in (SERVER, EXECUTOR):
            publish(store, tmp_path, image, image.rpartition("/")[2].partition(":")[0])
        yield Site(
            folder=Folder(tmp_path / "catalog", files),
            repository=repository,
            store=store,
            helm=Helm(runner=Runner(), program=program, state=tmp_path / "helm"),
            files=tmp_path / "files",
            mirrors={},
        )


def test_the_newest_of_a_line_is_locked_with_the_image_of_an_argument(site: Site) -> None:
    for version in ("1.0.9", "1.0.19-rc1", "1.1.0", "1.0.18+up1"):
        site.publish(version=version)
    locked = site.lock()
    assert (locked.version, locked.pin) == ("1.0.18+up1", "tag@digest")
    digests = {image: site.store.digest(parse_reference(image)) for image in (SERVER, EXECUTOR)}
    assert locked.images == digests
    assert list(locked.images) == sorted(digests)  # as it is read from matrix.lock again
    lock = replace(LOCK, charts={"flow": locked})
    assert parse(dump(lock)) == lock
    assert site.lock() == locked


def test_what_is_rendered_names_our_copies_alone(site: Site, tmp_path: Path) -> None:
    site.publish()
    locked = site.lock()
    folder = tmp_path / "flow"
    files = site.files_of(locked)
    write_tree(folder, files)
    first, second = render(site.helm, folder)
    repository_of = site.folder.load().catalog.matrix.repository_of
    assert wrong_with((first, second), locked, repository_of) == []
    for image, digest in locked.images.items():
        name, _, tag = image.rpartition("/")[2].partition(":")
        assert f"{OWN}/{name}:{tag}@{digest}" in first
    inner = files[f"charts/flow-{locked.version}.tgz"]
    assert unpack(inner)["values.yaml"] == VALUES.encode()  # unchanged
    site.helm.lint(folder)
    site.helm.package(folder, tmp_path / "packages")


@pytest.mark.parametrize(
    "values",
    [
        {"server": {"image": {"tag": "latest"}}},
        pytest.param({"clusterRoles": True}, marks=pytest.mark.heavy),
        pytest.param({"executor": None}, marks=pytest.mark.heavy),
    ],
    ids=str,
)
def test_a_launch_takes_no_other_image_and_no_right(
    site: Site, tmp_path: Path, values: Mapping[str, object]
) -> None:
    site.publish()
    write_tree(tmp_path / "flow", site.files_of(site.lock()))
    found = site.helm.attempt(tmp_path / "flow", release="r", values={"flow": values})
    assert found.code != 0
    assert "values.schema.json" in found.log or "schema" in found.log, found.log


def test_a_chart_that_reads_the_tag_as_a_version_is_pinned_by_a_tag_of_ours(site: Site) -> None:
    strict = "{{- $_ := semver .Values.server.image.tag }}\n" + DEPLOYMENT
    site.publish({"templates/deployment.yaml": strict})
    locked = site.lock()
    assert locked.pin == "tag"
    files = site.files_of(locked)
    short = locked.images[SERVER].removeprefix("sha256:")[:12]
    assert f"shop-mirror/flow/server/{short}".encode() in files["values.yaml"]


def test_a_value_for_the_digest_comes_first(site: Site) -> None:
    text = DEPLOYMENT.replace("{{ $i.tag }}", "{{ $i.tag }}{{ with $i.digest }}@{{ . }}{{ end }}")
    text = text.replace("{{ $e.tag }}", "{{ $e.tag }}{{ with $e.digest }}@{{ . }}{{ end }}")
    values = VALUES.replace("tag: v4.0.6", 'tag: v4.0.6, digest: ""')
    site.publish({"templates/deployment.yaml": text, "values.yaml": values})
    recipe = RECIPE.replace("    tag: server", "    digest: server.image.digest\n    tag: server")
    recipe = recipe.replace("    tag: exec", "    digest: executor.image.digest\n    tag: exec")
    site.folder.write("charts/flow/upstream.yaml", recipe)
    assert site.lock().pin == "digest"


REFUSED: dict[str, tuple[dict[str, str], tuple[str, str], str]] = {
    "a cluster role": (
        {}, ("clusterRoles: false", "clusterRoles: true"),
        "templates/role.yaml: ClusterRole/one-flow is of the whole cluster",
    ),
    "a kind of the cluster": (
        {}, ("{install: false}", "{install: true}"),
        "templates/crd.yaml: CustomResourceDefinition/flows.example.org is of the whole cluster",
    ),
    "a folder of kinds": (
        {"crds/flows.yaml": "kind: CustomResourceDefinition\n"}, ("", ""),
        "crds/flows.yaml: Helm installs what is in crds/, for the whole cluster",
    ),
    "a fixed name": (
        {}, ("clusterRoles: false", "clusterRoles: false\n  fullname: flow"),
        "templates/deployment.yaml: Deployment/flow has the same name in every release",
    ),
    "an image that no value sets": (
        {"templates/job.yaml": (
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: '{{ .Release.Name }}-job'\n"
            "spec: {containers: [{name: job, image: hub.example.org/flow/exec:v4.0.6}]}\n"
        )}, ("", ""),
        "hub.example.org/flow/exec:v4.0.6 in charts/flow/templates/job.yaml,"
        " Pod/one-job spec.containers[0].image is not ours and locked",
    ),
    "an image without a rule": (
        {}, ("match: flow/exec", "match: flow/other"),
        f"nothing says where the image {EXECUTOR} is set",
    ),
    "a value that upstream dropped": (
        {}, ("server.image.tag", "server.image.label"),
        "upstream.yaml names the value server.image.label, which values.yaml of upstream lacks",
    ),
    "pods that Onyxia does not find": (
        {"templates/deployment.yaml": DEPLOYMENT.replace(
            "        app.kubernetes.io/instance: {{ .Release.Name }}\n", ""
        )}, ("", ""),
        "Deployment/one-flow has pods without the label app.kubernetes.io/instance",
    ),
    "another namespace": (
        {"templates/deployment.yaml": DEPLOYMENT.replace(
            "metadata: {name: {{ $name }}}", "metadata: {name: {{ $name }}, namespace: kube-system}"
        )}, ("", ""),
        "Service/one-flow goes to the namespace kube-system",
    ),
}  # fmt: skip


EVERY_DAY = ("a cluster role", "a fixed name", "an image that no value sets")


@pytest.mark.parametrize(
    "name",
    [pytest.param(it, marks=[] if it in EVERY_DAY else pytest.mark.heavy) for it in REFUSED],
)
def test_what_a_namespace_cannot_have_is_refused(site: Site, name: str) -> None:
    changes, (old, new), message = REFUSED[name]
    site.publish(changes)
    site.folder.write("charts/flow/upstream.yaml", RECIPE.replace(old, new) if old else RECIPE)
    with pytest.raises(BuilderError) as error:
        site.lock()
    assert message in str(error.value)


def test_a_package_with_another_hash_is_refused(site: Site) -> None:
    site.publish()
    locked = site.lock()
    for file in site.files.iterdir():
        if file.is_file():
            file.unlink()
    other = package("flow", "1.0.18", {**FLOW, "templates/more.yaml": "# other\n"})
    (site.repository.folder / other.file).write_bytes(other.data)
    with pytest.raises(StepError) as error:
        site.packages.package(locked)
    assert locked.digest.removeprefix("sha256:") in str(error.value)
    with pytest.raises(StepError, match=r"and sha256:.* is locked"):
        with_package({"charts/flow-1.0.18.tgz": f"{locked.digest}\n".encode()}, other.data)


def test_a_torn_index_is_told(site: Site) -> None:
    site.publish()
    index = site.repository.folder / "index.yaml"
    index.write_bytes(index.read_bytes()[:-40])
    with pytest.raises(BuilderError, match="index"):
        site.lock()


def test_a_repository_that_is_busy_is_no_failure_of_the_catalog(site: Site) -> None:
    site.publish()
    site.repository.busy = [429] * 20
    with pytest.raises(UnreachableError):
        site.lock()
    site.repository.busy = []
    assert site.lock().version == "1.0.18"


def test_no_version_of_the_line(site: Site) -> None:
    site.publish(version="2.0.0")
    with pytest.raises(ConfigError, match=r"has no version of 1\.0 of the chart flow"):
        site.lock()


def test_a_mirror_of_the_repository_and_of_the_registry(site: Site, tmp_path: Path) -> None:
    site.publish()
    locked = site.lock()
    site.folder.edit("matrix.yaml", site.repository.url, "https://charts.example.org")
    for image in (SERVER, EXECUTOR):
        near = image.replace("hub.example.org", "near.example.org/hub")
        publish(site.store, tmp_path, near, image.rpartition("/")[2].partition(":")[0])
    site.mirrors = {
        "https://charts.example.org": site.repository.url,
        "oci://hub.example.org": "oci://near.example.org/hub",
    }
    mirrored = site.lock()
    assert mirrored.url == f"https://charts.example.org/flow-{locked.version}.tgz"
    assert replace(mirrored, url=locked.url) == locked


def test_the_same_chart_of_a_registry(site: Site) -> None:
    found = package("flow", "1.0.18+up1", FLOW)
    place = parse_reference("hub.example.org/charts/flow:1.0.18_up1")
    site.store.put(chart_artifact(found), place)
    site.folder.edit("matrix.yaml", site.repository.url, "oci://hub.example.org/charts")
    locked = site.lock()
    assert (locked.version, locked.digest) == ("1.0.18+up1", f"sha256:{found.digest}")
    assert locked.url == "oci://hub.example.org/charts/flow:1.0.18_up1"
    site.store.put(chart_artifact(package("flow", "1.0.18+up1", {**FLOW, "x": "y"})), place)
    with pytest.raises(StepError, match=f"and {locked.digest} is locked"):
        site.packages.package(locked)


def test_package_and_images_are_copied_by_digest(site: Site, tmp_path: Path) -> None:
    site.publish()
    locked = site.lock()
    project = site.folder.load()
    lock = replace(LOCK, charts={"flow": locked})
    names = select_charts(project.expansion, ["flow"])
    plan = plan_of(project, lock=lock, pick=["flow"], upstream_charts=names)
    copies = UpstreamCopies(
        catalog=project.catalog, store=site.store, packages=site.packages, mirrors={}
    )
    site.store.calls.clear()
    copies.bring(plan.charts["flow"], locked)
    sources = [subject.split()[0] for method, subject in site.store.calls if method == "copy"]
    assert sources == [f"{image.rpartition(':')[0]}@{it}" for image, it in locked.images.items()]
    kept = parse_reference(f"{OWN}/server:fp-{locked.images[SERVER][7:39]}")
    assert site.store.digest(kept) == locked.images[SERVER]
    copies.bring(plan.charts["flow"], locked)  # nothing twice
    planted = publish(site.store, tmp_path, str(kept), "planted")
    with pytest.raises(DifferenceError, match=planted):
        copies.bring(plan.charts["flow"], locked)


def test_the_plan_blocks_what_is_not_locked_with_the_command(site: Site) -> None:
    project = site.folder.load()
    plan = plan_of(project, pick=["flow"], upstream_charts=("flow",))
    step = plan.steps["chart:flow"]
    assert (step.action, step.reason) == (
        "block",
        f"chart flow of {site.repository.url} is not locked: run `builder lock -s flow`, which asks"
        " there",
    )
    site.publish()
    lock: Lock = replace(LOCK, charts={"flow": site.lock()})
    plan = plan_of(project, lock=lock, pick=["flow"], upstream_charts=("flow",))
    assert plan.charts["flow"].action == "package"
    assert len(plan.charts["flow"].images) == 2


@dataclass(kw_only=True)
class WeekWithHelm(Week):
    """A week whose charts the real helm renders; no pod is run."""

    helm: Helm

    @property
    def fakes(self) -> Replaced:
        return Replaced({**super().fakes, "helm": self.helm})  # type: ignore[typeddict-item]

    def carried_out(self) -> dict[str, str]:
        """What became of each step of the image `base` and the chart `flow`."""
        app = self.app(select=("base/os=2", "flow"))
        run = app.run(app.plan(), KINDS)
        failed = {key: it.reason for key, it in run.results.items() if it.status == "failed"}
        assert failed == {}
        return {key: it.status for key, it in run.results.items()}

    def packaged(self, version: str) -> Mapping[str, bytes]:
        """The files of a released package."""
        reference = parse_reference(f"127.0.0.1:5999/shop-charts/flow:{version}")
        artifact = self.store.get(reference)
        assert artifact is not None
        return package_in(artifact, str(reference)).files


@pytest.mark.heavy
def test_it_is_packaged_released_and_goes_on_without_its_upstream(site: Site) -> None:
    site.publish()
    locked = site.lock()
    week = WeekWithHelm(folder=site.folder, store=site.store, helm=site.helm)
    lock = replace(with_package_sets(site.folder.load(), LOCK), charts={"flow": locked})
    site.folder.write("matrix.lock", dump(lock))
    assert week.carried_out()["chart:flow"] == "done"
    files = week.packaged("1.0.0")
    assert hashlib.sha256(files["charts/flow-1.0.18.tgz"]).hexdigest() == locked.digest[7:]
    for text, digest in locked.images.items():  # upstream is gone, and all that was fetched
        site.store.delete(parse_reference(text).at(digest))
    (site.repository.folder / "index.yaml").unlink()
    (site.repository.folder / "flow-1.0.18.tgz").unlink()
    shutil.rmtree(week.state / "files", ignore_errors=True)
    app = week.app(select=("base/os=2", "flow"))
    assert app.plan().steps["chart:flow"].action == "keep"
    site.folder.edit("charts/flow/upstream.yaml", "Flows of a namespace", "Flows of one namespace")
    assert week.carried_out()["chart:flow"] == "done"
    after = week.packaged("1.0.1")
    assert after["charts/flow-1.0.18.tgz"] == files["charts/flow-1.0.18.tgz"]
