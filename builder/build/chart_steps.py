"""Carries out the steps of charts: render, check, run, package, push."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from builder.build.build_context import suite_folder
from builder.build.checked_charts import CheckedChart
from builder.build.events import ChartResult, Noted, Result
from builder.build.run_context import RunContext
from builder.build.upstream_charts import UpstreamCopies, check_rendered
from builder.catalog.models import Target, UpstreamChartRecipe
from builder.charts.helm import Helm, latest_minors
from builder.charts.manifests import documents
from builder.charts.onyxia.chart_files import read
from builder.charts.onyxia.check import fatal
from builder.charts.onyxia.launch import launch
from builder.charts.onyxia_check import check_chart, read_chart
from builder.charts.package import ChartPackage
from builder.charts.repository.oci_artifact import chart_artifact
from builder.charts.semver import chart_version
from builder.charts.upgrade_check import frozen_changes
from builder.common.errors import StepError
from builder.common.files import write, write_tree
from builder.lock.lockfile import ChartLock
from builder.oci.reference import parse
from builder.plan.models import ChartPlan, Step, reference
from builder.registry.interfaces import Registry
from builder.testing.interfaces import (
    BASELINE,
    RESTRICTED,
    ChartInstall,
    ChartRequest,
    ChartRunner,
    TestCounts,
)
from builder.trust.seals import CHART


class ChartActions:
    """Packages charts that have passed all checks."""

    def __init__(
        self,
        *,
        context: RunContext,
        store: Registry,
        helm: Helm,
        runner: ChartRunner,
        upstream: UpstreamCopies | None = None,
    ) -> None:
        self._upstream = upstream
        self._context = context
        self._store = store
        self._helm = helm
        self._runner = runner

    def chart(self, step: Step) -> Result:
        """Render a chart, check it, run it on its first image and push its package.

        A chart whose plan has no work gets a result with the reason. Raises StepError, SmokeError,
        and DifferenceError if the registry has another package of the same version and content.
        """
        chart_plan = self._context.plan.charts[step.target]
        if chart_plan.action in ("skip", "block"):
            return Result(step=step.id, status="skipped", reason=step.reason)
        if chart_plan.action == "retire":
            return Result(step=step.id, status="retired", reason=step.reason)
        if chart_plan.action != "package":
            return Result(step=step.id, status="reused", reason=step.reason)
        checked_chart = self._checked(chart_plan)
        if checked_chart.found():
            reason = f"{chart_plan.version} with this content passed its checks before"
            return Result(step=step.id, status="reused", reason=reason)
        self._bring(step, checked_chart)
        released_files = checked_chart.former_files
        folder = self._context.state.chart(chart_plan.name)
        write_tree(folder, checked_chart.files)
        self._note(step, "checking the form")
        self._check(chart_plan.name, folder, checked_chart.upstream)
        self._note(step, "linting and validating")
        checked = self._helm.check(folder, minors=latest_minors(1))
        if released_files is not None:
            self._check_upgrade(chart_version(released_files), released_files, folder)
        counts = self._run(step, checked_chart, folder)
        self._note(step, "packaging")
        package = self._helm.package(folder, self._context.state.chart_packages)
        self._push(checked_chart, package)
        detail = ChartResult(
            digest=f"sha256:{package.digest}",
            cases=checked.cases,
            manifests=checked.manifests,
            kubernetes=checked.minors,
            tests=counts,
        )
        return Result(step=step.id, status="done", reason=chart_plan.reason, detail=detail)

    def _push(self, checked_chart: CheckedChart, package: ChartPackage) -> None:
        """Push a package, and sign the one in the registry: it has the files that were checked."""
        trust, chart_plan = self._context.trust, checked_chart.chart_plan
        if not checked_chart.found():  # else another run was faster
            self._store.put(chart_artifact(package), chart_plan.reference)
        if trust.is_wanted and checked_chart.found():
            digest = self._store.digest(chart_plan.reference)
            assert digest is not None
            fingerprint = chart_plan.fingerprint
            trust.sign(self._store, chart_plan.reference, digest, CHART, fingerprint=fingerprint)

    def _run(self, step: Step, checked_chart: CheckedChart, folder: Path) -> TestCounts:
        """Add the digests of its images to a chart, and run it on the first."""
        write_tree(folder, checked_chart.packaged_files)
        if checked_chart.upstream is not None:
            recipe = self._recipe(checked_chart.chart_plan)
            if recipe.port is None or not recipe.tests:  # it runs in a cluster alone
                return TestCounts()
            request = self._upstream_request(step, checked_chart.chart_plan, folder, recipe)
        else:
            request = self._request(step, checked_chart, folder)
        if installing := self._runner.waits_for:
            self._note(step, f"{installing} (once, a minute or two)")
            self._runner.prepare(request.log)
        self._note(step, "running")
        return self._runner.run(request)

    def _recipe(self, chart_plan: ChartPlan) -> UpstreamChartRecipe:
        catalog = self._context.catalog
        return catalog.upstream_charts[catalog.matrix.upstream_charts[chart_plan.name].recipe]

    def _upstream_request(
        self, step: Step, chart_plan: ChartPlan, folder: Path, recipe: UpstreamChartRecipe
    ) -> ChartRequest:
        """Return the request to run a chart whose values name images that are there by digest."""
        log = self._context.state.log(step.id)
        log.unlink(missing_ok=True)
        return ChartRequest(
            chart=chart_plan.name,
            manifests=self._helm.template(folder, release=f"{chart_plan.name}-0"),
            password="",
            suite=suite_folder(self._context.state, recipe),
            port=recipe.port or 0,
            junit=self._context.state.junit(f"chart-{chart_plan.name}"),
            log=log,
            timeout=self._context.timeout,
        )

    def _checked(self, chart_plan: ChartPlan) -> CheckedChart:
        upstream = self._upstream.package if self._upstream else None
        return CheckedChart(self._context, self._store, chart_plan, upstream)

    def _bring(self, step: Step, checked_chart: CheckedChart) -> None:
        """Copy to our registry what a chart has of an upstream, if it is of one."""
        if checked_chart.upstream is not None and self._upstream is not None:
            self._note(step, "copying the upstream's chart and images")
            self._upstream.bring(checked_chart.chart_plan, checked_chart.upstream)

    def _check(self, name: str, folder: Path, upstream: ChartLock | None) -> None:
        """Check a chart against the rules of Onyxia. Raises StepError with all fatal findings.

        One of an upstream may not need more than a namespace, nor images of others.
        """
        if upstream is not None:
            check_rendered(self._helm, self._context.catalog, name, upstream, folder)
        if findings := fatal(check_chart(folder, self._helm).findings):
            listed = "\n".join(
                f"  {line}" for finding in findings for line in str(finding).splitlines()
            )
            hint = f"builder charts check {folder}"
            raise StepError(f"Onyxia cannot launch the chart {name}\n{listed}", hint=hint)

    def _check_upgrade(
        self, version: str, released_files: Mapping[str, bytes], folder: Path
    ) -> None:
        """Check that the released version can be upgraded. Raises StepError."""
        released_folder = _folder_of_version(folder, version)
        write_tree(released_folder, released_files)
        old, new = (
            documents(self._helm.template(chart, release=f"{folder.name}-0"))
            for chart in (released_folder, folder)
        )
        if changes := frozen_changes(old, new):
            listed = "\n".join(f"  {line}" for line in changes)
            raise StepError(
                f"chart {folder.name}: version {version} cannot be upgraded to this one\n{listed}",
                hint="Kubernetes cannot change these fields: give the changed object another name",
            )

    def _request(self, step: Step, checked_chart: CheckedChart, folder: Path) -> ChartRequest:
        """Return the request to run a chart on its first image."""
        context, chart_plan = self._context, checked_chart.chart_plan
        digests = checked_chart.digests
        first_target = context.expansion.targets[chart_plan.variants[0]]
        image = reference(first_target, context.catalog, context.fingerprints[first_target.id])
        first = chart_plan.images[0]
        by_digest = str(image.at(self._store.digest(image) or digests[first]))
        with_digest = str(replace(parse(first), digest=digests[first]))
        password = secrets.token_urlsafe(18)
        values = folder.with_name(f"{chart_plan.name}-values.json")
        chart, _ = read(read_chart(folder))
        onyxia_context = {"service": {"oneTimePassword": password}}
        launch_values = launch(chart.schema, chart.values, onyxia_context)
        write(values, json.dumps(launch_values).encode(), 0o600)
        try:
            manifests = self._helm.template(folder, release=f"{chart_plan.name}-0", values=values)
        finally:
            values.unlink()
        recipe = context.catalog.matrix.charts[chart_plan.name].recipe
        log = context.state.log(step.id)
        log.unlink(missing_ok=True)
        return ChartRequest(
            chart=chart_plan.name,
            # The release writes the tag; the digest is in the registry already.
            manifests=manifests.replace(with_digest, by_digest).replace(first, by_digest),
            password=password,
            suite=suite_folder(context.state, context.catalog.charts[recipe]),
            port=context.catalog.charts[recipe].port,
            junit=context.state.junit(f"chart-{chart_plan.name}"),
            log=log,
            timeout=context.timeout,
            install=ChartInstall(
                folder=folder,
                values=changed_values(launch_values, chart.values),
                released=self._released_folder(checked_chart, folder),
                level=self._level(first_target),
            ),
        )

    def _released_folder(self, checked_chart: CheckedChart, folder: Path) -> Path | None:
        """Return the folder that `_check_upgrade` wrote, None for a chart that was not released."""
        files = checked_chart.former_files
        return None if files is None else _folder_of_version(folder, chart_version(files))

    def _level(self, target: Target) -> str:
        """Return the Pod Security level that a chart claims: that of its images."""
        catalog = self._context.catalog
        lineage = self._context.expansion.lineage(target)
        recipes = [catalog.recipes[ancestor.recipe] for ancestor in lineage]
        needs_more = catalog.matrix.catalog.sudo or any(recipe.privileges for recipe in recipes)
        return BASELINE if needs_more else RESTRICTED

    def _note(self, step: Step, text: str) -> None:
        self._context.listen(Noted(step=step.id, text=text))


def _folder_of_version(folder: Path, version: str) -> Path:
    """Return where the files of a released version are, beside those of the chart."""
    return folder.with_name(f"{folder.name}-{version}")


def changed_values(
    values: Mapping[str, object], defaults: Mapping[str, object]
) -> dict[str, object]:
    """Return what of the values of a launch is not a default: what its user has decided.

    After an upgrade they are kept, and everything else is as the newer version says.
    """
    changed: dict[str, object] = {}
    for name, value in values.items():
        default = defaults.get(name)
        if isinstance(value, Mapping) and isinstance(default, Mapping):
            if inner := changed_values(value, default):
                changed[name] = inner
        elif value != default:
            changed[name] = value
    return changed
