"""The manifests for Argo Workflows."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from builder.build.executor import Policy
from builder.ci.argo import ARGO
from builder.ci.argo_schema import missing_fields
from builder.ci.argo_scripts import FOLLOW
from builder.ci.systems import Follow
from builder.ci.tasks import Task, key_of, name_of
from builder.plan.resources import Resources
from tests.unit.ci.test_shards import steps

BASE, DESK, SIDE = "base:os=1@linux/amd64", "build:desk/os=1", "build:side/os=1"
TASKS = (
    Task(step=BASE, needs=()),
    Task(step=DESK, needs=(BASE,)),
    Task(step=SIDE, needs=(DESK, BASE)),
    Task(step="chart:desk", needs=(DESK,)),
)
NAMES = {task.step: name_of(task.step) for task in TASKS}
Data = dict[str, Any]


@pytest.fixture(scope="module")
def documents() -> list[Data]:
    """All objects of all manifests."""
    return [
        document
        for data in ARGO.workflows(2, tasks=TASKS).values()
        for document in yaml.safe_load_all(data.decode())
    ]


@pytest.fixture(scope="module")
def spec(documents: list[Data]) -> Data:
    """The specification of the WorkflowTemplate."""
    found: Data = next(it for it in documents if it["kind"] == "WorkflowTemplate")["spec"]
    return found


@pytest.fixture(scope="module")
def graph(spec: Data) -> dict[str, Data]:
    """The tasks of the week, by name."""
    tasks = templates(spec)["week"]["dag"]["tasks"]
    return {task["name"]: task for task in tasks}


@pytest.fixture(scope="module")
def containers(spec: Data) -> dict[str, Data]:
    """The containers of all pods, as `template/container`."""
    return {
        f"{name}/{it['name']}": it
        for name, template in templates(spec).items()
        for it in template.get("containerSet", {}).get("containers", ())
    }


def logins(spec: Data) -> dict[str, set[str]]:
    """The secrets that each container has, as `template/container`."""
    found: dict[str, set[str]] = {}
    for name, template in templates(spec).items():
        secrets = {
            volume["name"]: volume["secret"]["secretName"]
            for volume in template.get("volumes", ())
            if "secret" in volume
        }
        for container in template.get("containerSet", {}).get("containers", ()):
            names = {mount["name"] for mount in container["volumeMounts"]} & secrets.keys()
            if names:
                found[f"{name}/{container['name']}"] = {secrets[name] for name in names}
    return found


def templates(spec: Data) -> dict[str, Data]:
    return {template["name"]: template for template in spec["templates"]}


def test_each_step_has_one_task_that_waits_for_what_it_needs_and_no_more(
    graph: dict[str, Data],
) -> None:
    for task in TASKS:
        waits = set(re.findall(r"([\w-]+)\.Succeeded", graph[NAMES[task.step]]["depends"]))
        assert waits == {"plan", *(NAMES[need] for need in task.needs)}
    steps = [task for task in graph.values() if task["template"] in ("step", "chart")]
    given = {
        next(it["value"] for it in task["arguments"]["parameters"]): task["template"]
        for task in steps
    }
    assert given == {BASE: "step", DESK: "step", SIDE: "step", "chart:desk": "chart"}
    assert len(steps) == len(TASKS)


def test_the_release_comes_last_whatever_became_of_the_others(graph: dict[str, Data]) -> None:
    depends = graph["release"]["depends"]
    needed = {need for task in TASKS for need in task.needs}
    for name in (NAMES[task.step] for task in TASKS if task.step not in needed):
        for state in ("Succeeded", "Skipped", "Failed", "Errored", "Omitted"):
            assert f"{name}.{state}" in depends


def test_a_parameter_that_is_used_is_there(spec: Data) -> None:
    outputs = {
        (name, parameter["name"])
        for name, template in templates(spec).items()
        for parameter in template.get("outputs", {}).get("parameters", ())
    }
    used = set(re.findall(r"{{tasks\.([\w-]+)\.outputs\.parameters\.([\w-]+)}}", json.dumps(spec)))
    assert used | {("lock", "commit"), ("lock", "today")} == outputs
    everywhere = set(re.findall(r"{{workflow\.outputs\.parameters\.([\w-]+)}}", json.dumps(spec)))
    lock = templates(spec)["lock"]["outputs"]["parameters"]
    assert everywhere == {it["globalName"] for it in lock if "globalName" in it}
    for template in templates(spec).values():
        inputs = {it["name"] for it in template.get("inputs", {}).get("parameters", ())}
        taken = set(re.findall(r"{{inputs\.parameters\.([\w-]+)}}", json.dumps(template)))
        assert taken == inputs, template["name"]


def test_only_what_runs_no_code_of_others_has_a_credential_that_can_write(
    spec: Data, containers: dict[str, Data]
) -> None:
    assert logins(spec) == {
        "lock/work": {"catalog-read"},
        "lock/main": {"catalog-git"},
        "plan/main": {"catalog-read"},
        "step/work": {"catalog-read"},
        "step/main": {"catalog-write"},
        "chart/work": {"catalog-read", "catalog-cluster"},
        "chart/main": {"catalog-write"},
        "release/main": {"catalog-write"},
        "end/main": {"catalog-alert"},
    }
    for name in ("step/main", "chart/main", "release/main", "lock/main"):
        script = containers[name]["args"][0]
        assert not re.search(r"builder (build|lock|test|weekly|step (?!release))", script), name
    assert not spec["automountServiceAccountToken"]


def test_containers_share_only_what_is_handed_over(containers: dict[str, Data]) -> None:
    for template in ("lock", "step", "chart"):
        work, main = (
            {it["name"] for it in containers[f"{template}/{name}"]["volumeMounts"]}
            for name in ("work", "main")
        )
        assert work & main == {"shared"}
        assert "out" not in work


def test_no_value_is_a_part_of_a_script(containers: dict[str, Data]) -> None:
    """A name of a branch or of a step could add commands to it."""
    for name, container in containers.items():
        assert "{{" not in container["args"][0], name
        assert "{{" not in " ".join(container["command"]), name


def test_pods_are_restricted_but_for_the_container_that_builds(
    spec: Data, containers: dict[str, Data]
) -> None:
    assert spec["securityContext"]["runAsNonRoot"] is True
    for name, container in containers.items():
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"]["drop"] == ["ALL"]
        if name == "step/work":
            assert security["capabilities"]["add"] == ["SETGID", "SETUID"]
            assert security["allowPrivilegeEscalation"] is True
            assert security["procMount"] == "Unmasked"
        else:
            assert security["allowPrivilegeEscalation"] is False
            assert security.keys() == {
                "allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities",
            }  # fmt: skip
    patch = json.loads(templates(spec)["step"]["podSpecPatch"])
    assert patch["hostUsers"] is False
    assert [it["name"] for it in patch["containers"]] == ["work"]
    chart = json.loads(templates(spec)["chart"]["podSpecPatch"])
    assert chart.keys() == {"containers"}
    assert "tun" not in json.dumps(chart)
    text = json.dumps(spec)
    for word in ("privileged", "hostPath", "hostNetwork", "hostPID", "Unconfined"):
        assert word not in text


def test_what_ended_a_pod_is_tried_again_as_the_steps_of_a_plan_are(spec: Data) -> None:
    policy = Policy()
    for template in templates(spec).values():
        if template["name"] != "week":
            assert template["retryStrategy"] == {
                "limit": str(policy.attempts - 1),
                "retryPolicy": "OnError",
                "backoff": {"duration": f"{policy.delay:.0f}s", "factor": "3"},
            }


def test_one_week_at_a_time_and_one_release(spec: Data) -> None:
    assert spec["synchronization"] == {"mutexes": [{"name": "catalog-week"}]}
    release = templates(spec)["release"]
    assert release["synchronization"] == {"mutexes": [{"name": "catalog-release"}]}
    assert templates(spec)[spec["onExit"]]


def test_the_account_may_say_how_its_tasks_ended_and_nothing_else(documents: list[Data]) -> None:
    roles = [it for it in documents if it["kind"] in ("Role", "ClusterRole")]
    assert [role["rules"] for role in roles] == [
        [
            {
                "apiGroups": ["argoproj.io"],
                "resources": ["workflowtaskresults"],
                "verbs": ["create", "patch"],
            }
        ]
    ]


def test_a_plan_says_what_has_something_to_do_and_what_it_asks_for() -> None:
    asked = {DESK: Resources(memory=1250, memory_limit=2500, disk=4096)}
    lines = ARGO.jobs([(tuple(steps(DESK)),)], resources=asked).splitlines()
    name = key_of(DESK)
    assert lines == [
        f"do-{name}=true", f"memory-{name}=1250Mi", f"limit-{name}=2500Mi", f"disk-{name}=4096Mi",
    ]  # fmt: skip
    # The script of the plan takes no other lines.
    assert all(re.fullmatch(r"[A-Za-z0-9-]+=[A-Za-z0-9]+", line) for line in lines)


def schema(*fields: str) -> Data:
    """A schema of CronWorkflow whose specification has these fields."""
    kind = "io.argoproj.workflow.v1alpha1."
    spec = {"properties": {field: {} for field in fields}}
    root = {
        "properties": {
            "apiVersion": {}, "kind": {}, "metadata": {},
            "spec": {"$ref": f"#/definitions/{kind}CronWorkflowSpec"},
        }
    }  # fmt: skip
    return {"definitions": {f"{kind}CronWorkflow": root, f"{kind}CronWorkflowSpec": spec}}


def test_a_version_of_argo_that_lacks_a_field_or_a_kind(documents: list[Data]) -> None:
    cron = next(it for it in documents if it["kind"] == "CronWorkflow")
    assert missing_fields([cron], schema(*cron["spec"])) == ()
    fields = [field for field in cron["spec"] if field != "schedules"]
    assert missing_fields([cron, cron], schema(*fields)) == ("CronWorkflow.spec.schedules",)
    assert "WorkflowTemplate" in missing_fields(documents, schema(*cron["spec"]))


# A catalog that stands on others.


def test_a_catalog_on_others_gets_what_follows_them() -> None:
    assert "argo/upstream.yaml" not in ARGO.workflows(2, tasks=TASKS)
    files = ARGO.workflows(2, tasks=TASKS, follow=Follow())
    template, cron = yaml.safe_load_all(files["argo/upstream.yaml"].decode())
    assert cron["spec"]["workflowSpec"] == {"workflowTemplateRef": {"name": "catalog-upstream"}}
    assert cron["spec"]["schedules"] == ["43 5 * * *"]
    spec = template["spec"]
    assert logins(spec) == {"upstream/work": {"catalog-read"}, "upstream/main": {"catalog-git"}}
    assert templates(spec)[spec["entrypoint"]]
    weekly = yaml.safe_load(files["argo/weekly.yaml"].decode())
    assert weekly["spec"]["schedules"] == ["0 12 * * 1"]


class Followed:
    """The script that pushes the moved pin, on repositories of git."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.origin = root / "origin"
        git("init", "--quiet", "--initial-branch", "main", str(self.origin))
        git("config", "receive.denyCurrentBranch", "ignore", at=self.origin)
        self.commit("somebody", "old")
        (root / "shared").mkdir()
        head = git("rev-parse", "HEAD", at=self.origin)
        (root / "shared/commit").write_text(head)

    def commit(self, author: str, text: str) -> None:
        """Commit a lock in the repository."""
        (self.origin / "matrix.lock").write_text(text)
        git("add", "matrix.lock", at=self.origin)
        identity = ("-c", f"user.name={author}", "-c", "user.email=a@b.example")
        git(*identity, "commit", "--quiet", "--message", text, at=self.origin)

    def run(self, lock: str) -> str:
        """Run the script with what the other container has left; what it prints."""
        (self.root / "shared/matrix.lock").write_text(lock)
        shutil.rmtree(self.root / "work", ignore_errors=True)
        script = FOLLOW.replace("/shared/", f"{self.root}/shared/")
        script = script.replace("/work/", f"{self.root}/work/")
        environment = {
            "HOME": f"{self.root}/home", "XDG_RUNTIME_DIR": f"{self.root}/run",
            "REPOSITORY": str(self.origin), "BRANCH": "main", "PATH": os.environ["PATH"],
        }  # fmt: skip
        argv = ("bash", "-euo", "pipefail", "-c", script)
        done = subprocess.run(
            argv, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def lock(self) -> str:
        """The lock of the branch."""
        return git("show", "upstream:matrix.lock", at=self.origin)


def git(*arguments: str, at: Path | None = None) -> str:
    """Run git; what it prints."""
    argv = ("git", *arguments)
    return subprocess.run(argv, cwd=at, capture_output=True, text=True, check=True).stdout.strip()


def test_the_moved_pin_becomes_a_branch_unless_somebody_works_on_it(tmp_path: Path) -> None:
    followed = Followed(tmp_path)
    assert followed.run("old") == "The catalogs below have nothing new.\n"
    assert git("branch", "--list", "upstream", at=followed.origin) == ""
    for lock in ("new", "newer"):
        assert followed.run(lock) == ""
        assert followed.lock() == lock
    git("checkout", "--quiet", "upstream", at=followed.origin)
    followed.commit("somebody", "mine")
    said = followed.run("newest")
    assert said == "Somebody works on the branch upstream: it stays as it is.\n"
    assert followed.lock() == "mine"
