"""Checks, renders and packages charts, by helm, yamllint, Kubernetes' schemas and ct."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from yamllint import linter
from yamllint.config import YamlLintConfig

from builder.charts.manifests import documents
from builder.charts.package import ChartPackage, pack
from builder.charts.semver import about
from builder.common.errors import StepError
from builder.common.limits import PROGRAM_MEMORY
from builder.common.mappings import mapping
from builder.common.process import Command, Output, Runner
from builder.common.text import fields

# The schema of Chart.yaml for ct, in yamale's language; an installed ct comes without one.
CT_SCHEMA = """\
name: str()
home: str(required=False)
version: str()
apiVersion: str()
appVersion: any(str(), num(), required=False)
description: str()
keywords: list(str(), required=False)
sources: list(str(), required=False)
dependencies: list(include('dependency'), required=False)
icon: str(required=False)
type: str(required=False)
kubeVersion: str(required=False)
annotations: map(str(), str(), required=False)
maintainers: list(any(), required=False)
---
dependency:
  name: str()
  version: str()
  repository: str()
  condition: str(required=False)
  alias: str(required=False)
"""

# Labels that contain the name of a chart; the longer first, as it contains the other.
_NAMES = ("helm.sh/chart", "app.kubernetes.io/name", "app.kubernetes.io/version")


@dataclass(frozen=True, kw_only=True)
class ChartCheck:
    """The scope of a check: cases, distinct manifests, minors, and kinds that have no schema."""

    cases: tuple[str, ...]
    manifests: int
    minors: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """The manifests that `helm install` would send to a cluster, and the notes for the user."""

    manifests: str
    notes: str


def latest_minors(count: int = 3) -> tuple[str, ...]:
    """List the newest Kubernetes minors that schemas exist for, oldest first."""
    from builder.charts.kubernetes_schemas import minors

    return minors()[-count:]


class Helm:
    """Runs helm. `state` is the folder of helm's own files; `ct` may be absent."""

    def __init__(
        self, *, runner: Runner, program: Path, state: Path, ct: Path | None = None
    ) -> None:
        self._runner = runner
        self._program = program
        self._state = state
        self._ct = ct
        self._lock = threading.Lock()
        self._valid: set[tuple[str, str]] = set()

    def command(self, *arguments: str) -> Command:
        """Return a helm command with its environment."""
        return Command(
            argv=(str(self._program), *arguments),
            env=self._env(),
            timeout=120.0,
            memory=PROGRAM_MEMORY,
        )

    def lint_command(self, chart: Path) -> Command:
        """Return the command `helm lint --strict`."""
        return self.command("lint", "--strict", "--", str(chart))

    def template_command(
        self, chart: Path, *, release: str, values: Path | None = None, namespace: str = "default"
    ) -> Command:
        """Return the command `helm template`."""
        extra = () if values is None else ("--values", fields(str(values)))
        return self.command("template", "--namespace", namespace, *extra, "--", release, str(chart))

    def ct_command(self, chart: Path) -> Command:
        """Return the command `ct lint`. Nothing is compared, so the version need not be new."""
        argv = (
            str(self._ct), "lint", "--charts", str(chart), "--validate-maintainers=false",
            "--check-version-increment=false", "--skip-helm-dependencies",
            "--chart-yaml-schema", str(self._state / "chart_schema.yaml"),
            "--lint-conf", str(self._state / "lintconf.yaml"),
        )  # fmt: skip
        # ct finds helm, yamllint and yamale by name.
        beside = (str(self._program.parent), str(Path(sys.executable).parent))
        path = os.pathsep.join((*beside, os.environ.get("PATH", "")))
        return Command(argv=argv, env={**self._env(), "PATH": path}, timeout=300.0)

    def template(
        self, chart: Path, *, release: str, values: Path | None = None, namespace: str = "default"
    ) -> str:
        """Render the manifests of a release. Raises StepError."""
        command = self.template_command(chart, release=release, values=values, namespace=namespace)
        return self._runner.run(command).stdout

    def attempt(self, chart: Path, *, release: str, values: Mapping[str, object]) -> Output:
        """Run `helm template` on values that are in no file, and return its output and success."""
        command = self.template_command(chart, release=release, values=Path("-"))
        return self._runner.run(replace(command, stdin=json.dumps(values).encode()), check=False)

    def dry_run(
        self, chart: Path, *, release: str, values: Mapping[str, object], cluster: str = ""
    ) -> DryRun:
        """Return what `helm install` would do. Raises StepError.

        `cluster` is the address of an API server that answers `lookup`; "" asks none.
        """
        options = ["--disable-openapi-validation", "--output=json", "--values=-"]
        if cluster:
            options += ["--dry-run=server", f"--kube-apiserver={cluster}"]
        else:
            options += ["--dry-run=client"]
        command = self.command("install", *options, "--", release, str(chart))
        output = self._runner.run(replace(command, stdin=json.dumps(values).encode()))
        answer = json.loads(output.stdout)
        return DryRun(manifests=answer["manifest"], notes=answer["info"]["notes"])

    def lint(self, chart: Path) -> None:
        """Run helm lint, yamllint and ct. Raises one StepError with all problems."""
        self._raise(chart, self._lint_problems(chart))

    def validate(self, manifests: str, minor: str) -> tuple[str, ...]:
        """Validate strictly against one minor, and return the kinds that it has no schema of.

        Raises one StepError with every problem.
        """
        problems, unknown = self._invalid(documents(manifests), minor)
        if problems:
            raise StepError("\n".join(problems))
        return unknown

    def check(
        self, chart: Path, *, minors: Sequence[str], glob: str = "*-values.yaml"
    ) -> ChartCheck:
        """Lint a chart, and validate the cases in `ci/`. Raises one StepError with all problems."""
        problems = self._lint_problems(chart)
        cases = tuple(sorted((chart / "ci").glob(glob)))
        unknown: set[str] = set()
        distinct: set[str] = set()
        for case in cases:
            try:
                manifests = documents(self.template(chart, release=chart.name, values=case))
            except StepError as error:
                problems.append(f"{case.name}: {error.message}")
                continue
            distinct.update(_digest(manifest) for manifest in manifests)
            for minor in minors:
                invalid, missing = self._invalid(manifests, minor)
                problems += [f"{case.name}: {problem}" for problem in invalid]
                unknown.update(missing)
        self._raise(chart, problems)
        return ChartCheck(
            cases=tuple(case.name for case in cases),
            manifests=len(distinct),
            minors=tuple(minors),
            unknown=tuple(sorted(unknown)),
        )

    def package(self, chart: Path, folder: Path) -> ChartPackage:
        """Package a chart's folder into `folder`; helm then reads it back. Raises StepError."""
        files = dict(chart_files(chart))
        package = ChartPackage(data=pack(str(about(files)["name"]), files))
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{package.file}.") as scratch:
            written = Path(scratch) / package.file
            written.write_bytes(package.data)
            self._runner.run(self.command("show", "chart", "--", str(written)))
            os.replace(written, folder / package.file)
        return package

    def _lint_problems(self, chart: Path) -> list[str]:
        problems = list(yamllint(chart))
        output = self._runner.run(self.lint_command(chart), check=False)
        if output.code != 0:
            problems.append(_relative(output.log, chart))
        if self._ct is not None:
            self._prepare_ct()
            output = self._runner.run(self.ct_command(chart), check=False)
            if output.code != 0:
                problems.append("ct lint: " + "\n".join(output.log.strip().splitlines()[-20:]))
        return problems

    def _invalid(
        self, manifests: Sequence[Mapping[str, object]], minor: str
    ) -> tuple[list[str], tuple[str, ...]]:
        """Return the problems, and the kinds without a schema. Known valid objects are skipped."""
        from builder.charts import kubernetes_schemas as schemas

        problems: list[str] = []
        unknown: list[str] = []
        for manifest in manifests:
            key = (minor, _digest(manifest))
            if key in self._valid:
                continue
            kind = f"{manifest.get('apiVersion', '')}/{manifest.get('kind', '')}"
            if "apiVersion" not in manifest or "kind" not in manifest:
                problems.append("an object has no kind or no apiVersion")
                continue
            try:
                schemas.validate(manifest, minor)
            except schemas.SchemaNotFoundError:
                if _is_core(str(manifest["apiVersion"])):
                    problems.append(f"Kubernetes {minor} has no {kind}")
                else:
                    unknown.append(kind)
                continue
            except schemas.ValidationError as error:
                path = ".".join(str(part) for part in error.path)
                problems.append(f"{kind} {path}: {error.message} (Kubernetes {minor})")
                continue
            with self._lock:
                self._valid.add(key)
        return problems, tuple(unknown)

    def _raise(self, chart: Path, problems: Sequence[str]) -> None:
        if problems:
            listed = "\n".join(f"  {line}" for text in problems for line in text.splitlines())
            raise StepError(
                f"chart {chart.name} does not pass its checks\n{listed}",
                hint=str(self.lint_command(chart)),
            )

    def _env(self) -> dict[str, str]:
        """Return the variables for helm's folders: it must not use those in a home directory."""
        names = ("cache", "config", "data")
        homes = {f"HELM_{name.upper()}_HOME": str(self._state / name) for name in names}
        return homes | {"HELM_PLUGINS": str(self._state / "plugins")}

    def _prepare_ct(self) -> None:
        self._state.mkdir(parents=True, exist_ok=True)
        (self._state / "chart_schema.yaml").write_text(CT_SCHEMA)
        (self._state / "lintconf.yaml").write_text(STYLE + "\n")


def chart_files(chart: Path) -> Iterator[tuple[str, bytes]]:
    """Read the files below a chart's folder, by path."""
    for path in sorted(chart.rglob("*")):
        if path.is_file():
            yield path.relative_to(chart).as_posix(), path.read_bytes()


def _digest(manifest: Mapping[str, object]) -> str:
    """Hash an object without the name of its chart, as charts share most of their objects."""
    text = json.dumps(manifest, sort_keys=True, default=str)
    labels = mapping(manifest, "metadata", "labels")
    for key in _NAMES:
        if name := str(labels.get(key, "")):
            text = text.replace(name, key)
    return hashlib.sha256(text.encode()).hexdigest()


def _is_core(api_version: str) -> bool:
    """Whether a group is Kubernetes' own, which a missing schema makes an error."""
    group, slash, _ = api_version.partition("/")
    return not slash or "." not in group or group.endswith(".k8s.io")


def _relative(log: str, chart: Path) -> str:
    lines = [line for line in log.replace(f"{chart}/", "").splitlines() if line.strip()]
    return "\n".join(line for line in lines if not line.startswith(("==>", "Error:")))


# Chart authors write long descriptions, and helm's files have no document start.
STYLE = "{extends: default, rules: {line-length: disable, document-start: disable}}"


def yamllint(chart: Path) -> Iterator[str]:
    """List problems in a chart's own YAML, as `file:line:column: problem`."""
    cases = sorted(f"ci/{path.name}" for path in (chart / "ci").glob("*-values.yaml"))
    for name in ("Chart.yaml", "values.yaml", *cases):
        path = chart / name
        if path.is_file():
            yield from (f"{name}:{problem}" for problem in _problems(path.read_text()))
        else:
            yield f"{name} is missing"


@lru_cache(maxsize=256)  # the cases of a feature are the same in every chart that has it
def _problems(text: str) -> tuple[str, ...]:
    problems = linter.run(text, YamlLintConfig(STYLE))
    return tuple(f"{problem.line}:{problem.column}: {problem.desc}" for problem in problems)
