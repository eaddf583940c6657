"""The steps of charts: render, check, run, package, push."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from ruamel.yaml import YAML

from builder.actions import Work
from builder.chart_check import check_chart, read_chart
from builder.charting import chart_place, files_of
from builder.contract.chart import read
from builder.contract.check import fatal
from builder.contract.launch import launch
from builder.errors import ConfigError, StepError
from builder.events import Noted, Result
from builder.fingerprint import sha256
from builder.helm import Helm, latest_minors
from builder.plan import ChartPlan, Step, reference
from builder.ports import Artifact, Blob, ChartRequest, ChartRunner, Store
from builder.reference import parse as parse_reference
from builder.release import CHARTS, Record
from builder.render.chart_index import INDEX, IndexEntry, merge_index
from builder.render.chart_package import pack, unpack
from builder.workspace import write, write_tree

# What Helm itself gives a chart in an OCI registry, so that `helm pull oci://…` takes it.
CONFIG = "application/vnd.cncf.helm.config.v1+json"
CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


class ChartActions:
    """Makes a chart's package, once everything about it has been tried."""

    def __init__(self, *, work: Work, store: Store, helm: Helm, runner: ChartRunner) -> None:
        self._work = work
        self._store = store
        self._helm = helm
        self._runner = runner

    def chart(self, step: Step) -> Result:
        """Render a chart, check it, run it on its first image, push its package; or say why not."""
        item = self._work.plan.charts[step.target]
        detail: dict[str, object] = {"version": item.version}
        if item.action == "skip":
            return Result(step=step.id, status="skipped", reason=step.reason, detail=detail)
        if item.action != "package":
            return Result(step=step.id, status="reused", reason=step.reason, detail=detail)
        files = files_of(self._work.catalog, item.name, item.images, item.version)
        place = chart_place(self._work.catalog, item.name, files, item.version)
        if self._store.digest(place) is not None:
            reason = f"{item.version} with this content passed its checks before"
            return Result(step=step.id, status="reused", reason=reason, detail=detail)
        folder = self._work.state / "work" / "charts" / item.name
        write_tree(folder, files)
        self._note(step, "checking the form")
        self._check(item.name, folder)
        self._note(step, "linting and validating")
        checked = self._helm.check(folder, minors=latest_minors(1))
        self._note(step, "running")
        counts = self._runner.run(self._request(step, item, folder))
        self._note(step, "packaging")
        package = self._helm.package(folder, self._work.state / "work" / "packages")
        self._store.put(chart_artifact(item.name, files), place)
        detail |= {
            "digest": f"sha256:{package.digest}",
            "cases": list(checked.cases),
            "manifests": checked.manifests,
            "kubernetes": list(checked.minors),
            "tests": {"passed": counts.passed, "failed": counts.failed, "skipped": counts.skipped},
        }
        return Result(step=step.id, status="done", reason=step.reason, detail=detail)

    def _check(self, name: str, folder: Path) -> None:
        """What Onyxia asks of a chart. Raises StepError with everything that is fatal."""
        if found := fatal(check_chart(folder, self._helm)):
            listed = "\n".join(f"  {line}" for one in found for line in str(one).splitlines())
            hint = f"builder charts check {folder}"
            raise StepError(f"Onyxia cannot launch the chart {name}\n{listed}", hint=hint)

    def _request(self, step: Step, item: ChartPlan, folder: Path) -> ChartRequest:
        """The chart as rendered, on what its first tag is going to name."""
        work = self._work
        first = work.expansion.targets[item.cells[0]]
        built = reference(first, work.catalog, work.fingerprints[first.id])
        digest = self._store.digest(built)
        if digest is None:
            raise StepError(f"{built} is not in the registry, and the chart runs it")
        password = secrets.token_urlsafe(18)
        values = folder.with_name(f"{item.name}-values.json")
        chart, _ = read(read_chart(folder))
        context = {"service": {"oneTimePassword": password}}
        launched = launch(chart.schema, chart.values, context)
        write(values, json.dumps(launched).encode(), 0o600)
        try:
            manifests = self._helm.template(folder, release=f"{item.name}-0", values=values)
        finally:
            values.unlink()
        recipe = work.catalog.matrix.charts[item.name].recipe
        log = work.log(step.id)
        log.unlink(missing_ok=True)
        return ChartRequest(
            chart=item.name,
            # The tag is written when the release is; its digest is there already.
            manifests=manifests.replace(item.images[0], str(built.at(digest))),
            password=password,
            suite=Path(work.catalog.charts[recipe].tests),
            port=work.catalog.charts[recipe].port,
            junit=work.state / "junit" / f"chart-{item.name}.xml",
            log=log,
            timeout=work.timeout,
        )

    def _note(self, step: Step, text: str) -> None:
        self._work.listen(Noted(step=step.id, text=text))


def chart_artifact(name: str, files: dict[str, bytes]) -> Artifact:
    """A chart's package as Helm keeps it in a registry."""
    package = pack(name, files)
    return Artifact(
        kind=CONFIG,
        config=json.dumps(_metadata(files), sort_keys=True).encode(),
        files={f"{name}.tgz": Blob(kind=CONTENT, data=package)},
    )


def _metadata(files: dict[str, bytes]) -> dict[str, object]:
    data = YAML(typ="safe").load(files["Chart.yaml"].decode())
    if not isinstance(data, dict):
        raise ConfigError("Chart.yaml is not a mapping")
    return data


def publish_index(*, record: Record, store: Store, work: Work, folder: Path) -> int:
    """Make `folder` a chart repository that lists what the record does; how many packages.

    Packages that are missing come from the registry; index.yaml is last, by rename.
    """
    matrix = work.catalog.matrix
    index = folder / INDEX
    old = index.read_bytes() if index.is_file() else None
    entries = []
    for name, chart in record.charts.items():
        repository = parse_reference(matrix.repository_of(f"{CHARTS}/{name}"))
        for version, held in chart.listed.items():
            file = folder / f"{name}-{version}.tgz"
            if not file.is_file() or sha256(file.read_bytes()) != held["digest"]:
                artifact = store.get(repository.at(held["manifest"]))
                if artifact is None:
                    raise StepError(f"chart {name} {version} is gone from {matrix.registry}")
                ((_, blob),) = artifact.files.items()
                write(file, blob.data)
            entries.append(
                IndexEntry(
                    metadata=_metadata(unpack(file.read_bytes())),
                    digest=held["digest"],
                    url=file.name,
                    created=held["created"],
                )
            )
    generated = f"{record.day}T00:00:00Z"
    write(index, merge_index(old, entries, generated=generated, file=str(index)))
    return len(entries)
