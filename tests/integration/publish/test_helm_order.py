"""The order of versions is Helm's: the same index and the same tags, read by Helm and by us."""

from __future__ import annotations

import json
import re
from pathlib import Path

from builder.charts import helm_versions
from builder.charts.helm import Helm
from builder.charts.package import ChartPackage, pack
from builder.charts.repository.backends import RegistryRepository
from builder.charts.repository.index import IndexEntry, emit_index, newest, with_entries
from builder.charts.repository.oci_artifact import chart_artifact
from builder.common.process import Runner
from builder.oci.reference import parse
from builder.registry.store import RegistryStore
from tests.fakes.charts import files
from tests.integration.registry import registry as real_registry

from .conftest import MOMENT, served

# Each is the index of one chart, in the order in which it lists the versions.
LISTED = {
    "plain": ("1.9.0", "1.10.0", "1.2.0"),
    "prefixed": ("1.0.0", "v1.2.3", "v1.10.0"),
    "equal": ("v2.0.0", "2.0.0", "2.0.0+a"),
    "short": ("1", "1.2", "1.10", "1.1-rc"),
    "zeros": ("1.0.0", "01.2.3", "1.02.4"),
    "build": ("3.0.0+up2", "3.0.0+up1", "2.0.0"),
    "plain-between": ("3.0.0+up1", "3.0.0", "3.0.0+up2"),
    "candidate": ("1.4.2", "2.0.0-rc.1"),
    "candidates": ("2.0.0-rc.1", "2.0.0-rc.2"),
    "pre": (
        "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11",
        "1.0.0-1", "1.0.0-a-b", "0.9.0",
    ),
    "none": ("1.0.0", "latest", "1.2.3.4", "vv2.0.0", "V2.0.0", "2.0.0-01", "2.0.0+a_b", " 2.0.0"),
    "large": ("1.0.0", "18446744073709551615.0.0", "18446744073709551616.0.0"),
}  # fmt: skip


def _entry(name: str, number: int, version: str) -> IndexEntry:
    about = {"apiVersion": "v2", "name": name, "version": version}
    return IndexEntry(metadata=about, digest="a" * 64, url=f"{number}.tgz", created=MOMENT)


def test_an_index(helm: Helm, runner: Runner, tmp_path: Path) -> None:
    entries: dict[str, list[dict[str, object]]] = {}
    for name, versions in LISTED.items():
        found = with_entries({}, [_entry(name, *item) for item in enumerate(versions)])
        entries[name] = [dict(item) for item in found[name]]
    (tmp_path / "index.yaml").write_bytes(emit_index(entries, MOMENT))
    search = ("search", "repo", "order/", "--output", "json", "--versions", "--devel")
    with served(tmp_path) as url:
        runner.run(helm.command("repo", "add", "order", url))
        seen = json.loads(runner.run(helm.command(*search)).stdout)
        for name, versions in LISTED.items():
            theirs = [item["version"] for item in seen if item["name"] == f"order/{name}"]
            known = [version for version in versions if helm_versions.parse(version)]
            assert sorted(known) == sorted(theirs)
            # A search shows equals in any order.
            ranks = [helm_versions.rank(version) for version in theirs]
            assert ranks == sorted(ranks, reverse=True)
            installed = newest(entries[name])
            # There are no packages: Helm says which one it asked for.
            pulled = runner.run(helm.command("pull", name, "--repo", url), check=False).log
            asked = re.search(r"failed to fetch \S+/(\d+\.tgz)", pulled)
            assert (installed and installed["urls"]) == (asked and [asked[1]]), pulled


def test_the_tags_of_a_registry(helm: Helm, runner: Runner, tmp_path: Path) -> None:
    versions = ("1.2.0+b1", "1.0.0", "2.0.0-rc.1", "v3.0.0", "4.0")
    with real_registry(tmp_path / "registry", runner=runner) as address:
        for version in versions:
            package = ChartPackage(
                data=pack(
                    "desk", files(about=f'apiVersion: v2\nname: desk\nversion: "{version}"\n')
                )
            )
            path = tmp_path / package.file
            path.write_bytes(package.data)
            runner.run(helm.command("push", str(path), f"oci://{address}/charts", "--plain-http"))
        store = RegistryStore(runner=runner, skopeo="skopeo", enclose=lambda command: command)
        repository = RegistryRepository(store=store, prefix=f"{address}/charts")
        found = repository.newest("desk")
        show = helm.command("show", "chart", f"oci://{address}/charts/desk", "--plain-http")
        assert found is not None
        assert f"version: {found.version}\n" in runner.run(show).stdout
        assert (found.version, repository.highest("desk")) == ("1.2.0+b1", "2.0.0-rc.1")
        tags = [f"{helm_versions.tag_of(version)}" for version in versions]
        assert sorted(store.tags(f"{address}/charts/desk")) == sorted(tags)
        # What is pushed here under such a tag is what Helm pulls by its version.
        other = ChartPackage(
            data=pack("desk", files(about="apiVersion: v2\nname: desk\nversion: 1.3.0+up1\n"))
        )
        store.put(chart_artifact(other), parse(f"{address}/charts/desk:1.3.0_up1"))
        assert "version: 1.3.0+up1\n" in runner.run(show).stdout
