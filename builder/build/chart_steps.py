"""The steps of charts: render, check, run, package, push."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from builder.build.events import ChartResult, Noted, Result
from builder.build.run_context import RunContext
from builder.catalog.models import Matrix
from builder.charts.changelog import with_changelog
from builder.charts.helm import Helm, documents, latest_minors
from builder.charts.onyxia.chart_files import read
from builder.charts.onyxia.check import fatal
from builder.charts.onyxia.launch import launch
from builder.charts.onyxia_check import check_chart, read_chart
from builder.charts.repository.oci_artifact import chart_artifact, released_package
from builder.charts.semver import chart_version
from builder.charts.upgrade_check import frozen_changes
from builder.common.errors import StepError
from builder.common.files import write, write_tree
from builder.plan.models import ChartPlan, Step, reference
from builder.registry.interfaces import Registry
from builder.testing.interfaces import ChartRequest, ChartRunner, TestCounts


class ChartActions:
    """Makes a chart's package, once everything about it has been tried."""

    def __init__(
        self, *, work: RunContext, store: Registry, helm: Helm, runner: ChartRunner
    ) -> None:
        self._work = work
        self._store = store
        self._helm = helm
        self._runner = runner

    def chart(self, step: Step) -> Result:
        """Render a chart, check it, run it on its first image, push its package; or say why not."""
        item = self._work.plan.charts[step.target]
        if item.action in ("skip", "block"):
            return Result(step=step.id, status="skipped", reason=step.reason)
        if item.action == "retire":
            return Result(step=step.id, status="retired", reason=step.reason)
        if item.action != "package":
            return Result(step=step.id, status="reused", reason=step.reason)
        if self._store.digest(item.reference) is not None:
            reason = f"{item.version} with this content passed its checks before"
            return Result(step=step.id, status="reused", reason=reason)
        before = former_files(item, matrix=self._work.catalog.matrix, store=self._store)
        files = with_changelog(item.files, before)
        folder = self._work.state.chart(item.name)
        write_tree(folder, files)
        self._note(step, "checking the form")
        self._check(item.name, folder)
        self._note(step, "linting and validating")
        checked = self._helm.check(folder, minors=latest_minors(1))
        if before is not None:
            self._check_upgrade(chart_version(before), before, folder)
        counts = self._run(step, item, folder)
        self._note(step, "packaging")
        package = self._helm.package(folder, self._work.state.chart_packages)
        self._store.put(chart_artifact(package), item.reference)
        detail = ChartResult(
            digest=f"sha256:{package.digest}",
            cases=checked.cases,
            manifests=checked.manifests,
            kubernetes=checked.minors,
            tests=counts,
        )
        return Result(step=step.id, status="done", reason=item.reason, detail=detail)

    def _run(self, step: Step, item: ChartPlan, folder: Path) -> TestCounts:
        request = self._request(step, item, folder)
        if what := self._runner.waits_for:
            self._note(step, f"{what} (once, a minute or two)")
            self._runner.prepare(request.log)
        self._note(step, "running")
        return self._runner.run(request)

    def _check(self, name: str, folder: Path) -> None:
        """What Onyxia asks of a chart. Raises StepError with everything that is fatal."""
        if found := fatal(check_chart(folder, self._helm).findings):
            listed = "\n".join(f"  {line}" for one in found for line in str(one).splitlines())
            hint = f"builder charts check {folder}"
            raise StepError(f"Onyxia cannot launch the chart {name}\n{listed}", hint=hint)

    def _check_upgrade(self, version: str, before: Mapping[str, bytes], folder: Path) -> None:
        """Whether who runs the released version can go on with this one. Raises StepError."""
        former = folder.with_name(f"{folder.name}-{version}")
        write_tree(former, before)
        old, new = (
            documents(self._helm.template(chart, release=f"{folder.name}-0"))
            for chart in (former, folder)
        )
        if found := frozen_changes(old, new):
            listed = "\n".join(f"  {line}" for line in found)
            raise StepError(
                f"a release of {folder.name} {version} could not be upgraded\n{listed}",
                hint="Kubernetes never changes these: give what is changed another name",
            )

    def _request(self, step: Step, item: ChartPlan, folder: Path) -> ChartRequest:
        """The chart as rendered, on what its first tag is going to name."""
        work = self._work
        first = work.expansion.targets[item.variants[0]]
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
        log = work.state.log(step.id)
        log.unlink(missing_ok=True)
        return ChartRequest(
            chart=item.name,
            # The tag is written when the release is; its digest is there already.
            manifests=manifests.replace(item.images[0], str(built.at(digest))),
            password=password,
            suite=Path(work.catalog.charts[recipe].tests),
            port=work.catalog.charts[recipe].port,
            junit=work.state.junit(f"chart-{item.name}"),
            log=log,
            timeout=work.timeout,
        )

    def _note(self, step: Step, text: str) -> None:
        self._work.listen(Noted(step=step.id, text=text))


def former_files(item: ChartPlan, *, matrix: Matrix, store: Registry) -> Mapping[str, bytes] | None:
    """The files of the version of a planned chart that is released, if one is."""
    if item.before is None:
        return None
    return released_package(item.name, item.before, matrix=matrix, store=store).files
