"""The pipelines of GitLab CI."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from base64 import b64decode
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from builder.ci.gitlab import FILE, GITLAB, READ, WRITE
from builder.ci.gitlab_schema import missing_fields
from builder.ci.gitlab_scripts import PACKAGES, scripts
from builder.ci.gitlab_week import MOST_JOBS
from builder.ci.systems import Follow
from builder.common.errors import ConfigError
from builder.plan.models import Step
from builder.plan.resources import Resources
from tests.unit.ci.test_shards import steps

Data = dict[str, Any]
GLOBAL = {"stages", "workflow", "variables", "default"}
FOLLOWS = (None, Follow(automerge=True))
SHELLCHECK = Path(sys.executable).with_name("shellcheck")


def read(follow: Follow | None = None) -> dict[str, Data]:
    """The files, by path."""
    written = GITLAB.workflows(1, follow=follow)
    return {path: yaml.safe_load(data.decode()) for path, data in written.items()}


def jobs(follow: Follow | None = None) -> dict[str, Data]:
    """The jobs of all files, also those that others are made of."""
    found = (item for data in read(follow).values() for item in data.items())
    return {name: job for name, job in found if name not in GLOBAL}


@pytest.fixture(scope="module")
def schema() -> Data:
    """The schema of GitLab CI."""
    place = files("check_jsonschema") / "builtin_schemas/vendor/gitlab-ci.json"
    found: Data = json.loads(place.read_text(encoding="utf-8"))
    return found


def child(*levels: tuple[tuple[Step, ...], ...], **resources: Resources) -> dict[str, Data]:
    """The jobs of a week."""
    found: dict[str, Data] = yaml.safe_load(GITLAB.jobs(levels, resources=resources))
    return found


def needing(step: str, *needs: str) -> Step:
    (made,) = steps(step)
    return replace(made, needs=needs)


DESK = (((needing("build:base"),),), ((needing("build:desk", "build:base"),),))


@pytest.mark.parametrize("follow", FOLLOWS)
def test_gitlabs_schema_takes_the_files(schema: Data, follow: Follow | None) -> None:
    validator = jsonschema.Draft7Validator(schema)
    for data in (*read(follow).values(), child(*DESK)):
        assert [error.message for error in validator.iter_errors(data)] == []
        assert missing_fields(data, schema) == ()


def test_a_version_of_gitlab_that_lacks_a_key_or_a_word(schema: Data) -> None:
    older = json.loads(json.dumps(schema))
    job = older["definitions"]["job_template"]["properties"]
    del job["resource_group"]
    actions = next(it for it in job["environment"]["oneOf"] if it["type"] == "object")
    actions["properties"]["action"]["enum"].remove("access")
    found = missing_fields(read()[FILE], older)
    assert "week.resource_group" in found
    assert "lock.environment.action=access" in found
    assert len(found) == len(set(found))
    assert {it.partition(".")[2] for it in found} == {
        "resource_group", "environment.action=access",
    }  # fmt: skip


# Credentials.


@pytest.mark.parametrize("follow", FOLLOWS)
def test_a_job_that_runs_code_of_others_has_no_variable_that_can_write(
    follow: Follow | None,
) -> None:
    named = {
        name: (job["tags"], job.get("environment", {}).get("name"))
        for name, job in jobs(follow).items()
        if "trigger" not in job
    }
    expected: Data = {
        "check": ([READ], None), "build changed": ([READ], None),
        "lock": ([READ], "catalog-read"), ".build": ([READ], "catalog-read"),
        "plan": ([WRITE], "catalog-read"), ".publish": ([WRITE], "catalog"),
        "release": ([WRITE], "catalog"), "packages": ([WRITE], "catalog"),
        "offer lock": ([WRITE], "catalog-git"), "verdict": ([WRITE], None),
        ".nothing": ([WRITE], None),
    }  # fmt: skip
    if follow:
        expected["compare"] = ([READ], "catalog-read")
        expected["offer upstream"] = ([WRITE], "catalog-git")
    assert named == expected


RUNS = re.compile(
    r"^\s*(\.venv/bin/builder (?!push|step release|plan|workflows|doctor)|make (?!setup$))",
    re.MULTILINE,
)


@pytest.mark.parametrize("follow", FOLLOWS)
def test_a_job_that_can_write_runs_no_code_of_others_and_trusts_no_cache(
    follow: Follow | None,
) -> None:
    for name, job in jobs(follow).items():
        text = "".join(job.get("script", ()))
        if WRITE in job.get("tags", ()):
            assert not RUNS.search(text), name
            assert all(it["policy"] == "pull" for it in job.get("cache", ()))
            assert "pip" not in str(job.get("cache"))
        elif "script" in job:
            assert "unset" in text, name
            assert not re.search(r"CATALOG_PASSWORD|GIT_TOKEN|CI_REGISTRY_PASSWORD", text), name


@pytest.mark.parametrize("follow", FOLLOWS)
def test_the_runner_checks_nothing_out_so_that_kept_files_stand_in_no_checkout(
    follow: Follow | None,
) -> None:
    assert all(data["variables"]["GIT_STRATEGY"] == "none" for data in read(follow).values())
    for name, job in jobs(follow).items():
        for script in job.get("script", ()):
            assert "cd $CI_PROJECT_DIR" not in script, name
            assert "${{" not in script


def test_only_the_default_branch_has_a_week() -> None:
    for name, job in jobs().items():
        if name.startswith(".") or job.get("stage") == "check":
            continue
        never, sources = job["rules"][:-2], job["rules"][-2:]
        assert all(rule["when"] == "never" for rule in never)
        assert never[0] == {"if": "$CATALOG_REGISTRY == null", "when": "never"}
        assert all("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH" in rule["if"] for rule in sources)


@pytest.mark.parametrize("follow", FOLLOWS)
def test_scripts_are_those_of_a_shell(follow: Follow | None) -> None:
    for name, script in scripts(follows=follow is not None).items():
        done = subprocess.run(
            [str(SHELLCHECK), "--shell=bash", "--exclude=SC2016,SC2317,SC2329,SC2153", "-"],
            input=script, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, f"{name}\n{done.stdout}"


# The jobs of a week.


def test_a_step_has_two_jobs_which_wait_for_what_it_needs_and_no_more() -> None:
    week = child(*DESK)
    (base_build, base), (desk_build, desk) = list(zip(*[iter(week)] * 2, strict=True))
    planned = {"pipeline": "$PARENT_PIPELINE_ID", "job": "plan", "artifacts": True}
    assert week[base_build]["needs"] == [planned]
    assert week[base]["needs"] == [planned, {"job": base_build, "artifacts": True}]
    assert week[desk_build]["needs"] == [planned, {"job": base, "artifacts": False}]
    assert week[desk]["needs"] == [planned, {"job": desk_build, "artifacts": True}]
    for name, step in ((base_build, "base"), (base, "base"), (desk_build, "desk"), (desk, "desk")):
        assert week[name]["variables"]["STEPS"] == f"build:{step}"
        assert "when" not in week[name]


def test_a_step_asks_for_what_the_plan_says() -> None:
    asked = Resources(memory=1250, memory_limit=2500, disk=4096)
    week = child(*DESK, **{"build:desk": asked})
    variables = [job["variables"] for job in week.values()]
    assert [it.get("KUBERNETES_MEMORY_REQUEST") for it in variables] == [
        None, None, "1250Mi", None,
    ]  # fmt: skip


def many(count: int, *needs: str, name: str = "it") -> tuple[Step, ...]:
    return tuple(needing(f"build:{name}{number}", *needs) for number in range(count))


def test_where_there_are_too_many_steps_those_of_a_level_share_jobs() -> None:
    below, above = many(200, name="below"), many(51, "build:below0", "build:below199", name="above")
    first = (below[:100], below[100:])
    week = child(first, (above,))
    assert len(week) == 6
    carried = [
        step
        for name, job in week.items()
        if name.startswith("build ")
        for step in job["variables"]["STEPS"].split()
    ]
    assert carried == [step.id for step in (*below, *above)]
    assert [need["job"] for need in week["build level 1 (1 of 1)"]["needs"]] == [
        "plan", "publish level 0 (1 of 2)", "publish level 0 (2 of 2)",
    ]  # fmt: skip
    # One that fails must not cost those that share its job.
    assert all(job["when"] == "always" for job in week.values())


def test_who_shares_a_job_waits_for_no_other_twice() -> None:
    below, middle = many(250, name="below"), needing("build:middle", "build:below0")
    top = needing("build:top", "build:below0", "build:middle")
    week = child((below,), ((middle,),), ((top,),))
    assert [need["job"] for need in week["build level 2 (1 of 1)"]["needs"]] == [
        "plan", "publish level 1 (1 of 1)",
    ]  # fmt: skip


def test_a_plan_that_gitlab_does_not_take_is_refused() -> None:
    hint = (
        "\n  hint: builder plan --format gitlab --shard-seconds N, with a larger N:"
        " more steps share a job"
    )
    alone = tuple((step,) for step in many(MOST_JOBS // 2 + 1))
    with pytest.raises(ConfigError) as caught:
        child(alone)
    assert str(caught.value) == (
        f"the plan has {MOST_JOBS + 2} jobs, and GitLab takes 500 in a pipeline{hint}"
    )
    below = tuple((step,) for step in many(50))
    top = needing("build:top", *(step.id for (step,) in below))
    with pytest.raises(ConfigError) as caught:
        child(below, ((top,),))
    assert str(caught.value).startswith("the job 'build-top-")
    assert str(caught.value).endswith(f"' needs 51 others, and GitLab takes 50{hint}")
    with pytest.raises(ConfigError) as caught:
        child((many(1, name="x" * 128),))
    assert "has a name of more than 128 characters\n  hint: give the image a shorter" in str(
        caught.value
    )


# The scripts, on repositories of git and a builder that only tells.

BUILDER = """\
#!/bin/sh
echo "builder $*"
env > "$HOME/environment"
[ "$1 $2" != "plan --format" ] || echo "job: {script: [x]}"
"""


@dataclass(frozen=True)
class Project:
    """A repository, and how a job of it is run."""

    root: Path

    @property
    def origin(self) -> Path:
        """The repository."""
        return self.root / "group/catalog.git"

    @property
    def place(self) -> Path:
        """The folder of a job."""
        return self.root / "project"

    def run(self, script: str, **variables: str) -> str:
        """Run the script of a job; what it prints."""
        done = self.ended(script, **variables)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def ended(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the script of a job, however it ends."""
        (self.root / "home").mkdir(exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.root / "home"), "GITLAB_CI": "true",
            "CI_PROJECT_DIR": str(self.place), "CI_REPOSITORY_URL": f"file://{self.origin}",
            "CI_COMMIT_SHA": git("rev-parse", "main", at=self.origin),
            "CI_PROJECT_URL": str(self.origin).removesuffix(".git"), "CI_DEFAULT_BRANCH": "main",
            "CI_PIPELINE_CREATED_AT": "2026-11-30T23:59:00Z", "CI_PIPELINE_ID": "77",
            "CI_JOB_TOKEN": "job-token", "CI_REGISTRY": "registry.example",
            "CI_REGISTRY_USER": "gitlab-ci-token", "CI_REGISTRY_PASSWORD": "job-token",
            "CATALOG_REGISTRY": "other.example/catalog", "STEPS": "build:a build:b", **variables,
        }  # fmt: skip
        return subprocess.run(
            ["bash"], input=script, cwd=self.place, env=environment, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
        )  # fmt: skip

    def keep(self, path: str, text: str) -> None:
        """Put a file where the runner puts those of other jobs."""
        (self.place / path).parent.mkdir(parents=True, exist_ok=True)
        (self.place / path).write_text(text)

    def commit(self, author: str, branch: str, text: str) -> None:
        """Change the lock on a branch."""
        copy = self.root / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        git("clone", "--quiet", "--branch", branch, str(self.origin), str(copy))
        (copy / "matrix.lock").write_text(text)
        identity = ("-c", f"user.name={author}", "-c", "user.email=a@b.example")
        git(*identity, "commit", "--quiet", "--all", "--message", text, at=copy)
        git("push", "--quiet", "origin", branch, at=copy)

    def environment(self) -> dict[str, str]:
        """The variables that the builder had last."""
        lines = (self.root / "home/environment").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)


def git(*arguments: str, at: Path | None = None) -> str:
    """Run git; what it prints."""
    argv = ("git", *arguments)
    return subprocess.run(argv, cwd=at, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A catalog whose `make setup` installs that builder."""
    first = tmp_path / "first"
    (first / "tools").mkdir(parents=True)
    (first / "matrix.lock").write_text("old\n")
    (first / "tools/builder").write_text(BUILDER)
    (first / "tools/builder").chmod(0o755)
    setup = "setup:\n\tmkdir -p .venv/bin\n\tcp tools/builder .venv/bin/builder\n"
    (first / "Makefile").write_text(setup)
    git("init", "--quiet", "--initial-branch", "main", at=first)
    git("add", "--all", at=first)
    identity = ("-c", "user.name=Ann", "-c", "user.email=a@b.example")
    git(*identity, "commit", "--quiet", "--message", "first", at=first)
    made = Project(tmp_path)
    git("clone", "--quiet", "--bare", str(first), str(made.origin))
    git("config", "receive.advertisePushOptions", "true", at=made.origin)
    made.place.mkdir()
    return made


ALWAYS = {"HOME", "PATH", "PWD", "OLDPWD", "SHLVL", "_", "GITLAB_CI", "STEPS", "CATALOG_REGISTRY"}
OF_THE_WEEK = {"BUILDER_REGISTRIES", "BUILDER_BLOCK_UNLOCKED", "BUILDER_RUN", "BUILDER_TODAY"}


def test_where_code_of_others_runs_nothing_of_gitlab_is_left(project: Project) -> None:
    project.keep("plan/matrix.lock", "new\n")
    texts = scripts(follows=False)
    for name in ("lock", "build"):
        said = project.run(texts[name], PARENT_PIPELINE_ID="70", CATALOG_STARTED="2026-11-30T03")
        assert "There is no password for other.example/catalog" in said
        known = project.environment()
        more = {"PARENT_PIPELINE_ID", "CATALOG_STARTED"}
        assert known.keys() == ALWAYS | OF_THE_WEEK | more | {"PIP_CACHE_DIR"}
        assert known["BUILDER_TODAY"] == "2026-11-30"
        assert known["BUILDER_RUN"] == "70"
    assert not list((project.root / "project.catalog/.git").glob("FETCH_HEAD"))
    assert "file://" not in (project.root / "project.catalog/.git/config").read_text()


def test_a_step_is_given_the_lock_of_the_plan_and_hands_over(project: Project) -> None:
    project.keep("plan/matrix.lock", "new\n")
    texts = scripts(follows=False)
    said = project.run(texts["build"])
    assert f"builder step build:a build:b --export {project.place}/handover\n" in said
    assert (project.root / "project.catalog/matrix.lock").read_text() == "new\n"
    said = project.run(texts["publish"])
    assert f"builder push {project.place}/handover build:a build:b\n" in said


def test_what_another_job_kept_is_no_link(project: Project) -> None:
    project.keep("plan/other", "")
    (project.place / "plan/matrix.lock").symlink_to(project.root / "home")
    done = project.ended(scripts(follows=False)["publish"])
    assert done.returncode == 1
    assert done.stdout.endswith("there is no file plan/matrix.lock of the job before\n")


def test_the_plan_passes_on_only_what_it_read(project: Project) -> None:
    project.keep("lock/matrix.lock", "new\n")
    project.keep("lock/locked", "$(id)")
    project.keep("Makefile", "setup:\n\techo never\n")
    assert "never" not in project.run(scripts(follows=False)["plan"])
    kept = {path.name: path.read_text() for path in (project.place / "plan").iterdir()}
    assert kept.pop("week.yml").endswith("job: {script: [x]}\n")
    assert kept == {"matrix.lock": "new\n", "locked": "false\n", "files": "true\n"}
    done = project.ended(scripts(follows=False)["verdict"])
    assert (done.returncode, done.stdout) == (1, (
        "something could not be locked, and keeps what was: see the log of the job lock\n"
    ))  # fmt: skip


def test_the_lock_becomes_a_branch_with_a_merge_request(project: Project, tmp_path: Path) -> None:
    script = scripts(follows=False)["offer lock"]
    hook = project.origin / "hooks/post-receive"
    hook.write_text(f"#!/bin/sh\nenv | grep ^GIT_PUSH_OPTION_[0-9] | sort > {tmp_path}/options\n")
    hook.chmod(0o755)
    project.keep("plan/matrix.lock", "old\n")
    project.keep("plan/files", "false\n")
    assert project.run(script).endswith("The lock has not changed.\n")
    for lock in ("new\n", "newer\n"):
        project.keep("plan/matrix.lock", lock)
        project.run(script)
        assert git("show", "weekly-lock:matrix.lock", at=project.origin) == lock.strip()
    assert (tmp_path / "options").read_text().splitlines() == [
        "GIT_PUSH_OPTION_0=merge_request.create",
        "GIT_PUSH_OPTION_1=merge_request.target=main",
        "GIT_PUSH_OPTION_2=merge_request.remove_source_branch",
        "GIT_PUSH_OPTION_3=merge_request.title=Lock of 2026-11-30",
        "GIT_PUSH_OPTION_4=merge_request.description=What the weekly run built from: bases and"
        " lines as they were on 2026-11-30. Run builder workflows --system gitlab on this branch,"
        " and commit what it writes.",
    ]


@pytest.mark.parametrize(
    ("token", "login"), [("", "gitlab-ci-token:job-token"), ("glpat-x", "oauth2:glpat-x")]
)
def test_git_gets_the_token_of_the_project_or_of_the_job(
    project: Project, token: str, login: str
) -> None:
    project.keep("plan/matrix.lock", "new\n")
    project.keep("plan/files", "true\n")
    asks = "printf 'protocol=https\\nhost=gitlab.example\\n\\n' | git credential fill\n"
    script = scripts(follows=False)["offer lock"] + asks
    said = dict(
        line.split("=", 1)
        for line in project.run(script, CATALOG_GIT_TOKEN=token).splitlines()
        if "=" in line
    )
    assert f"{said['username']}:{said['password']}" == login
    # A token is in no file of the checkout.
    config = (project.root / "project.catalog/.git/config").read_text()
    assert "token:" not in config
    assert "glpat" not in config


def test_the_moved_pin_becomes_a_branch_unless_somebody_works_on_it(project: Project) -> None:
    script = scripts(follows=True)["offer upstream"]
    below = {"name": "up", "old": "2026.11.16", "new": "2026.11.23`\n$(id)"}
    project.keep("upstream/diff.json", json.dumps({"below": [below], "clean": True}))
    project.keep("upstream/matrix.lock", "old\n")
    assert "have nothing new" in project.run(script, CATALOG_AUTOMERGE="true")
    project.keep("upstream/matrix.lock", "new\n")
    project.run(script, CATALOG_AUTOMERGE="true")
    assert git("show", "upstream:matrix.lock", at=project.origin) == "new"
    title = git("log", "-1", "--format=%s", "upstream", at=project.origin)
    assert title == "upstream up 2026.11.16 → 2026.11.23`$(id)"
    project.commit("Ann", "upstream", "mine\n")
    project.keep("upstream/matrix.lock", "newer\n")
    assert "Somebody works on the branch" in project.run(script, CATALOG_AUTOMERGE="false")
    assert git("show", "upstream:matrix.lock", at=project.origin) == "mine"


class Packages(BaseHTTPRequestHandler):
    """A package registry that has one chart, and remembers what is asked."""

    asked: list[tuple[str, str, str]]

    def do_GET(self) -> None:
        """Answer the index."""
        self.answer("charts/desk-1.0.0.tgz\n")

    def do_POST(self) -> None:
        """Take a chart."""
        self.answer("{}")

    def answer(self, text: str) -> None:
        """Remember what was asked, and answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        login = self.headers.get("Authorization", "")
        self.asked.append((f"{self.command} {self.path}", login, body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_charts_go_to_the_package_registry_once(project: Project) -> None:
    for version in ("1.0.0", "1.1.0"):
        project.keep(f"charts/desk-{version}.tgz", f"desk {version}")
    handler = type("Handler", (Packages,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        said = project.run(PACKAGES, CI_API_V4_URL=url, CI_PROJECT_ID="7", CATALOG_PACKAGES="new")
        server.shutdown()
    assert said.splitlines()[-1].endswith("desk-1.1.0.tgz")
    (index, _, _), (sent, login, body) = handler.asked
    assert index == "GET /projects/7/packages/helm/new/index.yaml"
    assert sent == "POST /projects/7/packages/helm/api/new/charts"
    assert b64decode(login.removeprefix("Basic ")) == b"gitlab-ci-token:job-token"
    assert 'name="chart"' in body
    assert "desk 1.1.0" in body
