"""Carries out the steps of charts: render, check, run, package, push."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from builder.build.events import ChartResult, Noted, Result
from builder.build.run_context import RunContext
from builder.catalog.models import Matrix
from builder.charts.changelog import with_changelog
from builder.charts.helm import Helm, documents, latest_minors
from builder.charts.image_table import images_in, with_images
from builder.charts.onyxia.chart_files import read
from builder.charts.onyxia.check import fatal
from builder.charts.onyxia.launch import launch
from builder.charts.onyxia_check import check_chart, read_chart
from builder.charts.repository.oci_artifact import (
    chart_artifact,
    package_in,
    released_package,
)
from builder.charts.semver import chart_version
from builder.charts.upgrade_check import frozen_changes
from builder.common.errors import StepError
from builder.common.files import write, write_tree
from builder.oci.reference import parse
from builder.plan.models import ChartPlan, Step, reference
from builder.registry.interfaces import Registry
from builder.testing.interfaces import ChartRequest, ChartRunner, TestCounts


class ChartActions:
    """Packages charts that have passed all checks."""

    def __init__(
        self, *, context: RunContext, store: Registry, helm: Helm, runner: ChartRunner
    ) -> None:
        self._context = context
        self._store = store
        self._helm = helm
        self._runner = runner

    def chart(self, step: Step) -> Result:
        """Render a chart, check it, run it on its first image and push its package.

        A chart whose plan has no work gets a result with the reason. Raises StepError, SmokeError.
        """
        chart_plan = self._context.plan.charts[step.target]
        if chart_plan.action in ("skip", "block"):
            return Result(step=step.id, status="skipped", reason=step.reason)
        if chart_plan.action == "retire":
            return Result(step=step.id, status="retired", reason=step.reason)
        if chart_plan.action != "package":
            return Result(step=step.id, status="reused", reason=step.reason)
        if self._is_packaged(chart_plan):
            reason = f"{chart_plan.version} with this content passed its checks before"
            return Result(step=step.id, status="reused", reason=reason)
        released_files = former_files(
            chart_plan, matrix=self._context.catalog.matrix, store=self._store
        )
        files = with_changelog(chart_plan.files, released_files)
        folder = self._context.state.chart(chart_plan.name)
        write_tree(folder, files)
        self._note(step, "checking the form")
        self._check(chart_plan.name, folder)
        self._note(step, "linting and validating")
        checked = self._helm.check(folder, minors=latest_minors(1))
        if released_files is not None:
            self._check_upgrade(chart_version(released_files), released_files, folder)
        counts = self._run(step, chart_plan, folder, files)
        self._note(step, "packaging")
        package = self._helm.package(folder, self._context.state.chart_packages)
        self._store.put(chart_artifact(package), chart_plan.reference)
        detail = ChartResult(
            digest=f"sha256:{package.digest}",
            cases=checked.cases,
            manifests=checked.manifests,
            kubernetes=checked.minors,
            tests=counts,
        )
        return Result(step=step.id, status="done", reason=chart_plan.reason, detail=detail)

    def _digests(self, chart_plan: ChartPlan) -> dict[str, str]:
        """Return the digest that each image of a chart is released with. Raises StepError.

        Its tag is written later, with the release.
        """
        context = self._context
        variants: dict[str, dict[str, str]] = {}
        for target_id in chart_plan.variants:
            target = context.expansion.targets[target_id]
            image = reference(target, context.catalog, context.fingerprints[target_id])
            digest = self._store.digest(image)
            if digest is None:
                raise StepError(
                    f"chart {chart_plan.name}: image {image} not found in the registry",
                    hint=f"builder build -s {target_id}",
                )
            variants.setdefault(target.variant.id, {})[target.platform] = digest
        return {
            image: next(iter(manifests.values()))
            if len(manifests) == 1
            else self._store.put_index(manifests, parse(image))
            for image, manifests in zip(chart_plan.images, variants.values(), strict=True)
        }

    def _is_packaged(self, chart_plan: ChartPlan) -> bool:
        """Whether a package of the same content, on the same images, passed its checks before."""
        artifact = self._store.get(chart_plan.reference)
        if artifact is None:
            return False
        package = package_in(artifact, str(chart_plan.reference))
        return images_in(package.files) == self._digests(chart_plan)

    def _run(
        self, step: Step, chart_plan: ChartPlan, folder: Path, files: Mapping[str, bytes]
    ) -> TestCounts:
        """Add the digests of its images to a chart, and run it on the first."""
        digests = self._digests(chart_plan)
        write_tree(folder, with_images(files, digests))
        request = self._request(step, chart_plan, folder, digests)
        if installing := self._runner.waits_for:
            self._note(step, f"{installing} (once, a minute or two)")
            self._runner.prepare(request.log)
        self._note(step, "running")
        return self._runner.run(request)

    def _check(self, name: str, folder: Path) -> None:
        """Check a chart against the rules of Onyxia. Raises StepError with all fatal findings."""
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
        released_folder = folder.with_name(f"{folder.name}-{version}")
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

    def _request(
        self, step: Step, chart_plan: ChartPlan, folder: Path, digests: Mapping[str, str]
    ) -> ChartRequest:
        """Return the request to run a chart on its first image."""
        context = self._context
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
            suite=Path(context.catalog.charts[recipe].tests),
            port=context.catalog.charts[recipe].port,
            junit=context.state.junit(f"chart-{chart_plan.name}"),
            log=log,
            timeout=context.timeout,
        )

    def _note(self, step: Step, text: str) -> None:
        self._context.listen(Noted(step=step.id, text=text))


def former_files(
    chart_plan: ChartPlan, *, matrix: Matrix, store: Registry
) -> Mapping[str, bytes] | None:
    """Return the files of the released version of a planned chart, None if there is none."""
    if chart_plan.before is None:
        return None
    return released_package(chart_plan.name, chart_plan.before, matrix=matrix, store=store).files
