"""Runs the pipelines of GitLab CI on this machine, job by job, as a runner of GitLab would.

Each job has a folder of its own, the files of the jobs that it needs, and no variable but those
that GitLab would give it. It knows the keys that the builder writes, and no others.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

GLOBAL = {"stages", "workflow", "variables", "default"}
KEYS = {
    "artifacts", "cache", "environment", "extends", "image", "interruptible", "needs",
    "resource_group", "retry", "rules", "script", "stage", "tags", "timeout", "trigger",
    "variables", "when",
}  # fmt: skip
OF_THE_MACHINE = ("PATH", "SSL_CERT_FILE", "http_proxy", "https_proxy", "no_proxy")
Data = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a job ended: `success`, `failed` or `skipped`; what it printed, and its variables."""

    status: str
    log: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


@dataclass(kw_only=True)
class GitLab:
    """A project, whose repository is `origin` with its branch `main`.

    `variables` are those of the project; one of `scoped` is given to jobs of its environment alone.
    """

    origin: Path
    work: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    scoped: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    pipelines: int = 0

    def pipeline(self, source: str = "schedule", **more: str) -> dict[str, Ran]:
        """Run a pipeline of the branch, with the jobs of its child, as `week: NAME`."""
        text = self._file(".gitlab-ci.yml")
        given = {**self._predefined(source), **self.variables, **more}
        return dict(Pipeline(gitlab=self, texts=(text,), given=given).run())

    def _file(self, name: str) -> str:
        return git("show", f"main:{name}", at=self.origin)

    def local(self, name: str) -> str:
        """A file of the repository."""
        return self._file(name)

    def _predefined(self, source: str) -> dict[str, str]:
        self.pipelines += 1
        return {
            "GITLAB_CI": "true", "CI": "true", "CI_PIPELINE_SOURCE": source,
            "CI_PIPELINE_ID": str(1000 + self.pipelines),
            "CI_PIPELINE_CREATED_AT": "2026-11-23T03:17:00Z",
            "CI_COMMIT_SHA": git("rev-parse", "main", at=self.origin),
            "CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main",
            "CI_REPOSITORY_URL": f"file://{self.origin}",
            "CI_PROJECT_URL": str(self.origin).removesuffix(".git"),
            "CI_JOB_TOKEN": "job-token", "CI_REGISTRY_USER": "gitlab-ci-token",
            "CI_REGISTRY_PASSWORD": "job-token", "CI_REGISTRY": "registry.example",
            "CI_PROJECT_ID": "7", "CI_API_V4_URL": "http://127.0.0.1:1/api/v4",
        }  # fmt: skip


@dataclass(kw_only=True)
class Pipeline:
    """A pipeline of files that are merged, which is given some variables."""

    gitlab: GitLab
    texts: tuple[str, ...]
    given: Mapping[str, str]
    parent: Pipeline | None = None
    ran: dict[str, Ran] = field(default_factory=dict)

    def run(self) -> Iterator[tuple[str, Ran]]:
        """Run each job when those have ended that it waits for."""
        self.data: Data = {}
        for text in self.texts:
            for key, value in yaml.safe_load(text).items():
                both = isinstance(value, dict) and key in GLOBAL
                self.data[key] = {**self.data.get(key, {}), **value} if both else value
        self.jobs = {
            name: self._extended(job)
            for name, job in self.data.items()
            if name not in GLOBAL and not name.startswith(".")
        }
        when = {name: self._when(job) for name, job in self.jobs.items()}
        pending = {name: word for name, word in when.items() if word != "never"}
        assert pending, "GitLab makes no pipeline without a job"
        while pending:
            name = next(name for name in pending if not self._waits_for(name) & pending.keys())
            yield from self._end(name, pending.pop(name))

    def _extended(self, job: Data) -> Data:
        assert job.keys() <= KEYS, job.keys() - KEYS
        below = self.data[job["extends"]] if "extends" in job else {}
        variables = {**below.get("variables", {}), **job.get("variables", {})}
        return {**below, **job, "variables": variables}

    def _when(self, job: Data) -> str:
        """When a job runs, as the first of its rules says that is met."""
        if "rules" not in job:
            return str(job.get("when", "on_success"))
        for rule in job["rules"]:
            if all(self._holds(part) for part in rule["if"].split(" && ")):
                return str(rule.get("when", "on_success"))
        return "never"

    def _holds(self, condition: str) -> bool:
        match = re.fullmatch(r'\$(\w+) (==|!=) (null|"(.*)"|\$(\w+))', condition)
        assert match, condition
        name, sign, right, text, other = match.groups()
        known = None if right == "null" else self.given.get(other) if other else text
        return (self.given.get(name) == known) is (sign == "==")

    def _waits_for(self, name: str) -> set[str]:
        needs = self.jobs[name].get("needs")
        if needs is not None:
            return {need["job"] for need in needs if "pipeline" not in need}
        stages = self.data.get("stages", ["test"])
        place = stages.index(self.jobs[name].get("stage", "test"))
        return {it for it, job in self.jobs.items() if stages.index(job["stage"]) < place}

    def _end(self, name: str, when: str) -> Iterator[tuple[str, Ran]]:
        waits = [self.ran[it].status for it in self._waits_for(name) if it in self.ran]
        if when != "always" and any(status != "success" for status in waits):
            ran = Ran(status="skipped")
        elif "trigger" in self.jobs[name]:
            child = dict(self._child(name).run())
            yield from ((f"{name}: {it}", one) for it, one in child.items())
            is_good = all(one.status == "success" for one in child.values())
            ran = Ran(status="success" if is_good else "failed")
        else:
            ran = self._job(name)
        self.ran[name] = ran
        yield name, ran

    def _child(self, name: str) -> Pipeline:
        job = self.jobs[name]
        assert job["trigger"]["strategy"] == "depend"
        texts = tuple(
            self.gitlab.local(part["local"])
            if "local" in part
            else (self.kept(part["job"]) / part["artifact"]).read_text()
            for part in job["trigger"]["include"]
        )
        given = {**self.given, "CI_PIPELINE_SOURCE": "parent_pipeline"}
        given["CI_PIPELINE_ID"] = f"{self.given['CI_PIPELINE_ID']}1"
        given |= {key: self._expanded(value) for key, value in job["variables"].items()}
        return Pipeline(gitlab=self.gitlab, texts=texts, given=given, parent=self)

    def _expanded(self, value: str) -> str:
        return re.sub(r"\$(\w+)", lambda match: self.given.get(match[1], ""), value)

    def kept(self, name: str) -> Path:
        """The folder of the files that a job has kept."""
        return self.gitlab.work / self.given["CI_PIPELINE_ID"] / "kept" / name

    def _job(self, name: str) -> Ran:
        job = self.jobs[name]
        place = self.gitlab.work / self.given["CI_PIPELINE_ID"] / re.sub(r"\W", "-", name)
        project = place / "project"
        project.mkdir(parents=True)
        for need in job.get("needs", ()):
            if need["artifacts"]:
                owner = self.parent if "pipeline" in need else self
                assert owner is not None
                kept = owner.kept(need["job"])
                if kept.is_dir():
                    shutil.copytree(kept, project, dirs_exist_ok=True, symlinks=True)
        variables = self._variables(job, project, place / "home")
        machine = {name: os.environ[name] for name in OF_THE_MACHINE if name in os.environ}
        done = subprocess.run(
            ["bash"], input="set -eo pipefail\n" + "\n".join(job["script"]), cwd=project,
            env={**machine, **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False, timeout=900,
        )  # fmt: skip
        status = "failed" if done.returncode else "success"
        self._keep(name, project, is_good=not done.returncode)
        shutil.rmtree(place, ignore_errors=True)
        return Ran(status=status, log=done.stdout, variables=variables, tags=tuple(job["tags"]))

    def _variables(self, job: Data, project: Path, home: Path) -> dict[str, str]:
        home.mkdir()
        said = {**self.data.get("variables", {}), **job["variables"]}
        scope = job.get("environment", {}).get("name", "")
        return {
            **{key: self._expanded(value) for key, value in said.items()},
            **self.given,
            **self.gitlab.scoped.get(scope, {}),
            "HOME": str(home),
            "CI_PROJECT_DIR": str(project),
        }

    def _keep(self, name: str, project: Path, *, is_good: bool) -> None:
        artifacts = self.jobs[name].get("artifacts", {})
        if not is_good and artifacts.get("when") != "always":
            return
        for path in artifacts.get("paths", ()):
            found, kept = project / path, self.kept(name) / path
            kept.parent.mkdir(parents=True, exist_ok=True)
            if found.is_dir():
                shutil.copytree(found, kept, symlinks=True)
            elif found.exists():
                shutil.copy(found, kept)


def git(*arguments: str, at: Path | None = None) -> str:
    """Run git; what it prints."""
    argv = ("git", *arguments)
    done = subprocess.run(argv, cwd=at, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
