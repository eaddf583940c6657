"""The smoke tester, with an engine that starts nothing and suites of a line or two."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from builder.common.errors import SmokeError, StepError
from builder.common.process import Command, Output, Runner
from builder.engines.interfaces import BuildRequest, Built, Container, StartRequest
from builder.testing.images import Smoke, suite_of
from builder.testing.interfaces import SmokeRequest, TestCounts
from builder.testing.pytest_runner import pytest_command, read_junit
from tests.fakes.ecosystems import BUILT_IN


class Idle:
    """An engine whose containers are nothing but a record of what was asked."""

    name = "idle"

    def __init__(self) -> None:
        self.started: list[StartRequest] = []
        self.removed: list[str] = []
        self.end = ""

    def build(self, request: BuildRequest) -> Built:
        raise NotImplementedError

    def commands(self, request: BuildRequest) -> tuple[str, ...]:
        raise NotImplementedError

    def start(self, request: StartRequest) -> Container:
        self.started.append(request)
        return Container(id="c1", ports={8888: 40001}, testinfra="local://", env={"MARK": "yes"})

    def ended(self, container: Container) -> str:
        return self.end

    def remove(self, container: Container) -> None:
        self.removed.append(container.id)


class Scripted(Runner):
    """A runner that runs nothing: it writes `junit` where pytest would, or raises `error`."""

    def __init__(self, path: Path, *, junit: str = "", error: StepError | None = None) -> None:
        super().__init__()
        self._path = path
        self._junit = junit
        self._error = error

    def run(self, command: Command, **_: object) -> Output:  # type: ignore[override]
        if self._junit:
            self._path.write_text(self._junit, encoding="utf-8")
        if self._error:
            raise self._error
        return Output(code=0, stdout="", log="")


@pytest.fixture
def engine() -> Idle:
    return Idle()


@pytest.fixture
def request_(tmp_path: Path) -> SmokeRequest:
    return SmokeRequest(
        target="tool/debian=13",
        image="localhost/tool",
        suites=(),
        facts={"target": "tool/debian=13", "axes": {"debian": "13"}},
        command=(),
        ports=(8888,),
        junit=tmp_path / "out" / "junit.xml",
        log=tmp_path / "out" / "smoke.log",
        timeout=60.0,
    )


def suite(folder: Path, name: str, text: str) -> Path:
    tests = folder / name / "tests"
    tests.mkdir(parents=True)
    (tests / f"test_{name}.py").write_text(text, encoding="utf-8")
    return tests


@pytest.mark.slow
def test_suites_of_the_whole_lineage_see_facts_and_the_container(
    engine: Idle, request_: SmokeRequest, tmp_path: Path
) -> None:
    low = suite(
        tmp_path,
        "low",
        "import os, pytest\n"
        "@pytest.mark.last\n"
        "def test_first_in_the_file(facts):\n    assert os.path.exists('second.txt')\n"
        "def test_facts(facts, host, url, address):\n"
        "    assert facts['axes'] == {'debian': '13'} and facts['ports'] == {'8888': 40001}\n"
        "    assert url(8888) == 'http://127.0.0.1:40001' and address(8888) == '127.0.0.1:40001'\n"
        "    assert len(facts['password']) > 20 and facts['command'] == ['serve']\n"
        "    assert host.check_output('echo $MARK') == 'yes'\n",
    )
    high = suite(
        tmp_path, "high", "def test_second(facts):\n    open('second.txt', 'w').write('x')\n"
    )
    request = replace(request_, suites=(low, high), command=("serve",))

    assert Smoke(engine, Runner(), BUILT_IN).test(request) == TestCounts(passed=3)

    assert engine.removed == ["c1"]
    assert engine.started[0].command == ()
    password = engine.started[0].env["PASSWORD"]
    left = {path.name for path in request.junit.parent.iterdir()}
    assert left == {"junit.xml", "smoke.log"}
    assert all(password not in path.read_text() for path in request.junit.parent.iterdir())
    assert not list(tmp_path.rglob("__pycache__"))


@pytest.mark.slow
def test_a_failure_names_the_test_and_its_first_line_and_no_secret(
    engine: Idle, request_: SmokeRequest, tmp_path: Path
) -> None:
    tests = suite(
        tmp_path,
        "low",
        "import pytest\n"
        "def test_good():\n    pass\n"
        "def test_skipped():\n    pytest.skip('why not')\n"
        "def test_bad(facts):\n    assert facts['password'] == 'x', 'second\\nthird'\n"
        "def test_broken(nothing):\n    pass\n"
        "def test_password(facts):\n    assert facts['password'] == 'x'\n",
    )
    request = replace(request_, suites=(tests,))

    with pytest.raises(SmokeError) as caught:
        Smoke(engine, Runner(), BUILT_IN).test(request)

    lines = str(caught.value).splitlines()
    assert lines[0] == "tool/debian=13: 3 of 4 smoke tests failed"
    file = tests / "test_low.py"
    assert lines[1] == f"    test_bad ({file}:7): AssertionError: second"
    assert lines[2].startswith(f"    test_broken ({file}:8): failed on setup with ")
    assert lines[3].startswith(f"    test_password ({file}:11): AssertionError: assert '***' ==")
    assert lines[4] == f"  hint: the whole log: {request.log}; the results: {request.junit}"
    assert caught.value.exit_code == 6
    assert engine.removed == ["c1"]
    password = engine.started[0].env["PASSWORD"]
    assert all(password not in path.read_text() for path in request.junit.parent.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import os\ndef test_x(:\n    pass\n", ":2): SyntaxError: invalid syntax"),
        ("\nimport nothere\n", ":2): ModuleNotFoundError: No module named 'nothere'"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_where(
    engine: Idle, request_: SmokeRequest, tmp_path: Path, text: str, reason: str
) -> None:
    tests = suite(tmp_path, "low", text)
    with pytest.raises(SmokeError) as caught:
        Smoke(engine, Runner(), BUILT_IN).test(replace(request_, suites=(tests,)))
    assert caught.value.message == (
        f"tool/debian=13: 1 of 1 smoke tests failed\n    test_low ({tests / 'test_low.py'}{reason}"
    )


@pytest.mark.slow
def test_a_failure_names_the_line_of_the_test_and_not_of_what_it_calls(
    engine: Idle, request_: SmokeRequest, tmp_path: Path
) -> None:
    text = "def check(x):\n    assert x == 4\n\ndef test_it():\n    check(3)\n"
    tests = suite(tmp_path, "low", text)
    with pytest.raises(SmokeError) as caught:
        Smoke(engine, Runner(), BUILT_IN).test(replace(request_, suites=(tests,)))
    assert f"\n    test_it ({tests / 'test_low.py'}:5): " in caught.value.message


def test_a_lineage_without_tests_says_what_to_add(engine: Idle, request_: SmokeRequest) -> None:
    junit = "<testsuites><testsuite></testsuite></testsuites>"
    with pytest.raises(SmokeError) as caught:
        Smoke(engine, Scripted(request_.junit, junit=junit), BUILT_IN).test(request_)
    assert str(caught.value) == (
        "tool/debian=13: no smoke test ran\n"
        "  hint: add tests/test_<recipe>.py to the folder of its recipe"
    )


def test_a_container_that_ended_says_why(
    engine: Idle, request_: SmokeRequest, tmp_path: Path
) -> None:
    """Rather than that nothing can be run in it."""
    engine.end = "failed with exit code 127\n    sh: start: not found"
    error = StepError("podman failed with exit code 255\n    container state improper")
    request = replace(request_, packages=tmp_path / "packages.json")
    with pytest.raises(SmokeError) as caught:
        Smoke(engine, Scripted(request.junit, error=error), BUILT_IN).test(request)
    assert str(caught.value) == (
        "tool/debian=13: its container failed with exit code 127\n    sh: start: not found\n"
        f"  hint: all that it printed: {request.log.with_suffix('.container.log')}"
    )
    assert engine.removed == ["c1"]


@pytest.mark.slow
def test_tests_that_fail_on_a_container_that_ended(
    engine: Idle, request_: SmokeRequest, tmp_path: Path
) -> None:
    engine.end = "failed with exit code 3\n    out of memory"
    tests = suite(tmp_path, "low", "def test_bad():\n    assert False\n")
    with pytest.raises(SmokeError) as caught:
        Smoke(engine, Runner(), BUILT_IN).test(replace(request_, suites=(tests,)))
    assert str(caught.value).splitlines() == [
        "tool/debian=13: 1 of 1 smoke tests failed",
        f"    test_bad ({tests / 'test_low.py'}:2): assert False",
        "its container failed with exit code 3",
        "    out of memory",
        f"  hint: the whole log: {request_.log}; the results: {request_.junit}",
    ]


def test_no_test_at_all_is_a_failure(engine: Idle, request_: SmokeRequest, tmp_path: Path) -> None:
    junit = (
        '<testsuites><testsuite><testcase name="t"><skipped/></testcase></testsuite></testsuites>'
    )
    request = replace(request_, suites=(tmp_path,))
    with pytest.raises(SmokeError) as caught:
        Smoke(engine, Scripted(request.junit, junit=junit), BUILT_IN).test(request)
    assert caught.value.message == "tool/debian=13: no smoke test ran"
    assert str(tmp_path) in caught.value.hint
    assert engine.removed == ["c1"]


@pytest.mark.parametrize("junit", ["", "<testsuites><testsuite>"])
def test_a_child_that_ends_early_is_a_failure(
    engine: Idle, request_: SmokeRequest, junit: str
) -> None:
    error = StepError("python was stopped after 60 s")
    with pytest.raises(SmokeError) as caught:
        Smoke(engine, Scripted(request_.junit, junit=junit, error=error), BUILT_IN).test(request_)
    assert caught.value.message == (
        "tool/debian=13: the smoke test did not finish: python was stopped after 60 s"
    )
    assert engine.removed == ["c1"]


def test_a_child_that_fails_after_its_last_test_is_a_failure(
    engine: Idle, request_: SmokeRequest
) -> None:
    junit = '<testsuites><testsuite><testcase name="t"/></testsuite></testsuites>'
    runner = Scripted(request_.junit, junit=junit, error=StepError("python failed"))
    with pytest.raises(SmokeError, match="did not finish: python failed"):
        Smoke(engine, runner, BUILT_IN).test(request_)


def test_results_of_an_earlier_run_do_not_count(engine: Idle, request_: SmokeRequest) -> None:
    request_.junit.parent.mkdir()
    request_.junit.write_text("<testsuite><testcase name='t'/></testsuite>", encoding="utf-8")
    with pytest.raises(SmokeError, match="did not finish: pytest wrote no results"):
        Smoke(engine, Scripted(request_.junit), BUILT_IN).test(request_)


def test_a_container_without_a_service_idles(engine: Idle, request_: SmokeRequest) -> None:
    with pytest.raises(SmokeError):
        Smoke(engine, Scripted(request_.junit), BUILT_IN).test(request_)
    assert engine.started[0].command == ("sleep", "infinity")


def test_the_child_is_isolated(request_: SmokeRequest, tmp_path: Path) -> None:
    container = Container(id="c1", ports={}, testinfra="podman://c1", env={"CONTAINERS_CONF": "/c"})
    command = pytest_command(suite_of(request_, container, "s3cret"), scratch=tmp_path)
    assert command.argv[1:5] == ("-m", "pytest", "-c", os.devnull)
    assert "no:cacheprovider" in command.argv
    assert command.env["BUILDER_HOST"] == "podman://c1"
    assert command.env["CONTAINERS_CONF"] == "/c"
    assert command.env["PYTEST_ADDOPTS"] == ""
    assert command.env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] == "1"
    assert command.cwd == tmp_path
    assert command.timeout == request_.timeout
    assert "s3cret" not in json.dumps([*command.argv, *command.env.values()])
    assert command.secrets == ("s3cret",)


def test_a_test_that_fails_in_its_teardown_too_is_counted_once(tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    file.write_text(
        '<testsuites><testsuite><testcase name="a"><failure message="one&#10;two"/></testcase>'
        '<testcase name="a"><error>three</error></testcase><testcase name="b"/>'
        "</testsuite></testsuites>",
        encoding="utf-8",
    )
    results = read_junit(file)
    assert results is not None
    assert results.counts == TestCounts(passed=1, failed=1)
    assert [item.reason for item in results.failures] == ["one", "three"]
