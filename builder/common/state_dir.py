"""The names of the files in `build/`, the folder of all that is derived from a catalog."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StateDir:
    """The paths of the files and folders below `root`, but for the content of adapters' folders."""

    root: Path

    def __fspath__(self) -> str:
        return str(self.root)

    __str__ = __fspath__

    @classmethod
    def of(cls, catalog: Path) -> StateDir:
        """Return the state folder of the catalog in a folder."""
        return cls(catalog / "build")

    # What a run reports.

    @property
    def report_json(self) -> Path:
        """Return the report of the last weekly run, for machines."""
        return self.root / "report.json"

    @property
    def report_markdown(self) -> Path:
        """Return the report of the last weekly run, for people."""
        return self.root / "report.md"

    @property
    def observations(self) -> Path:
        """Return the folder of what indexes of release lines had last."""
        return self.root / "observations"

    @property
    def bake_measurement(self) -> Path:
        """Return the last measurement against docker buildx bake."""
        return self.root / "bench" / "bake.json"

    @property
    def logs(self) -> Path:
        """Return the folder of logs."""
        return self.root / "logs"

    @property
    def plans(self) -> Path:
        """Return the folder of plans that were made before, by the hash of their inputs."""
        return self.root / "plans"

    def log(self, step: str) -> Path:
        """Return the log file of a step."""
        return self.logs / f"{step.replace('/', '_').replace(':', '-')}.log"

    def junit(self, name: str) -> Path:
        """Return the results of the tests of a target, by its slug, or of a chart."""
        return self.root / "junit" / f"{name}.xml"

    def base_status(self, content: str) -> Path:
        """Return the package status of a base, by the hash of its content."""
        return self.root / "base-status" / content

    @property
    def advisories(self) -> Path:
        """Return the folder of the database of advisories."""
        return self.root / "osv"

    # What steps work in.

    @property
    def _work(self) -> Path:
        return self.root / "work"

    def target(self, slug: str) -> Path:
        """Return the folder in which a target is built."""
        return self._work / slug

    def handed_base(self, slug: str) -> Path:
        """Return the folder of the layout of a base that was handed over."""
        return self._work / "handed-bases" / slug

    def chart(self, name: str) -> Path:
        """Return the folder to which a chart is rendered."""
        return self._work / "charts" / name

    def launched_chart(self, name: str) -> Path:
        """Return the folder to which a chart is rendered for a launch by hand."""
        return self._work / "launches" / name

    def suite(self, digest: str) -> Path:
        """Return the folder in which the tests of several catalogs lie together."""
        return self._work / "suites" / digest

    @property
    def chart_packages(self) -> Path:
        """Return the folder of chart packages."""
        return self._work / "packages"

    @property
    def secrets(self) -> Path:
        """Return the folder of files that a build reads as secrets."""
        return self.root / "secrets"

    def package_list(self, slug: str) -> Path:
        """Return what a target was found to have installed."""
        return self.root / "packages" / f"{slug}.json"

    @property
    def layer_indexes(self) -> Path:
        """Return the folder of the lists of the files in layers."""
        return self.root / "layers"

    def registry_blob(self, digest: str) -> Path:
        """Return a layer that a registry has, to be compared with one that was built again."""
        return self.root / "held" / digest

    @property
    def verifications(self) -> Path:
        """Return the folder of the state folders in which targets are built again."""
        return self.root / "verify"

    # What was fetched.

    @property
    def upstreams(self) -> Path:
        """Return the folder of the catalogs that this one stands on, by content."""
        return self.root / "upstreams"

    @property
    def files(self) -> Path:
        """Return the folder of downloaded files, which are named by their hashes."""
        return self.root / "files"

    @property
    def apt(self) -> Path:
        """Return the folder of apt's private roots, one for each base."""
        return self.root / "apt"

    @property
    def apt_records(self) -> Path:
        """Return the folder of apt's records of packages."""
        return self.root / "records"

    @property
    def bases(self) -> Path:
        """Return the folder of the archives that bases are made of."""
        return self.root / "bases"

    @property
    def pushed_bases(self) -> Path:
        """Return the folder of bases as a registry has them."""
        return self.root / "pushed"

    # The folders of adapters.

    def engine(self, name: str) -> Path:
        """Return the folder of an engine: images, containers and configuration."""
        return self.root / name

    @property
    def program_caches(self) -> Path:
        """Return the folder of caches that programs would keep in a folder of the system."""
        return self.root / "library"

    @property
    def kube(self) -> Path:
        """Return the folder of the podman that plays pods."""
        return self.root / "kube"

    @property
    def helm(self) -> Path:
        """Return the folder of helm's own files."""
        return self.root / "helm"

    @property
    def trusted(self) -> Path:
        """Return the certificates that programs trust, if the catalog has a CA of its own."""
        return self.root / "trusted.crt"

    # What `builder clean` keeps: it costs a download, or holds what was published.

    @property
    def registry(self) -> Path:
        """Return the folder of the registry `embedded`."""
        return self.root / "registry"

    @property
    def chart_repository(self) -> Path:
        """Return the folder of the chart repository: packages and their index."""
        return self.root / "charts"

    @property
    def tools(self) -> Path:
        """Return the folder of downloaded programs."""
        return self.root / "tools"

    @property
    def toolroot(self) -> Path:
        """Return the folder of a small Debian with newer programs than those of the machine."""
        return self.root / "toolroot"

    @property
    def entries(self) -> tuple[Path, ...]:
        """Return all files and folders in it."""
        return tuple(sorted(self.root.iterdir())) if self.root.is_dir() else ()

    def removable(self, paths: Iterable[Path]) -> tuple[Path, ...]:
        """Return those of `paths` that neither cost a download nor hold what was published."""
        permanent = (
            self.registry,
            self.chart_repository,
            self.tools,
            self.toolroot,
            self.upstreams,
        )
        return tuple(path for path in paths if path not in permanent)
