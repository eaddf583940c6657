"""Proves what an image does: a container of it, and pytest with testinfra in a child process."""

from __future__ import annotations

import json
import secrets
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import builder
from builder.errors import SmokeError, StepError
from builder.ports import Container, Engine, SmokeRequest, StartRequest, TestCounts
from builder.process import Command, Runner, redact

IDLE = ("sleep", "infinity")
"""What a container runs whose image has no service of its own."""


LINE = 300
"""How much of the reason for a failure is shown; the log has it all."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A test that failed, and the first line of why."""

    test: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Results:
    """What a JUnit file says."""

    counts: TestCounts
    failures: tuple[Failure, ...]


class Smoke:
    """Tests images with the suites of their lineage. Implements `ports.SmokeTester`."""

    def __init__(self, engine: Engine, runner: Runner) -> None:
        self._engine = engine
        self._runner = runner

    def test(self, request: SmokeRequest) -> TestCounts:
        """Run them all. Raises SmokeError where one fails, or where there is none."""
        password = secrets.token_urlsafe(18)
        request.junit.parent.mkdir(parents=True, exist_ok=True)
        request.junit.unlink(missing_ok=True)
        container = self._start(request, password)
        try:
            stopped = self._run(request, container, password)
        finally:
            self._engine.remove(container)
        results = read_junit(request.junit)
        if results is None or (stopped and not results.failures and results.counts.passed):
            why = stopped or "pytest wrote no results"
            raise SmokeError(
                f"{request.target}: the smoke test did not finish: {why}", hint=_see(request)
            )
        return _judge(request, results)

    def _start(self, request: SmokeRequest, password: str) -> Container:
        return self._engine.start(
            StartRequest(
                image=request.image,
                command=() if request.command else IDLE,
                env={"PASSWORD": password},
                ports=request.ports,
                log=request.log.with_suffix(".container.log"),
            )
        )

    def _run(self, request: SmokeRequest, container: Container, password: str) -> str:
        """Run pytest; why it ended otherwise than well, or nothing."""
        with tempfile.TemporaryDirectory(dir=request.junit.parent, prefix=".smoke-") as folder:
            scratch = Path(folder)
            facts = facts_of(request, container, password)
            (scratch / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
            command = pytest_command(request, container, scratch=scratch, password=password)
            try:
                self._runner.run(command, log=request.log)
            except StepError as error:
                return error.message
            finally:
                _redact_file(request.junit, password)
        return ""


def facts_of(request: SmokeRequest, container: Container, password: str) -> dict[str, object]:
    """What the tests are told: the request's facts, and those of the running container."""
    return {
        **request.facts,
        "ports": {str(inside): outside for inside, outside in container.ports.items()},
        "command": list(request.command),
        "password": password,
    }


def pytest_command(
    request: SmokeRequest, container: Container, *, scratch: Path, password: str
) -> Command:
    """The child process: pytest with our plugins and nothing of the user's or the project's."""
    argv = (
        sys.executable, "-m", "pytest", "-c", "/dev/null", f"--rootdir={scratch}",
        "-p", "no:cacheprovider", "-p", "builder.smoke_plugin",
        f"--basetemp={scratch / 'tmp'}", "--import-mode=importlib", "--strict-markers",
        "--color=no", "--tb=short", "-v",
        f"--junit-xml={request.junit.absolute()}",
        *(str(suite.absolute()) for suite in request.suites),
    )  # fmt: skip
    return Command(
        argv=argv,
        env={**container.env, **_isolation(scratch), "BUILDER_HOST": container.testinfra},
        cwd=scratch,
        timeout=request.timeout,
        secrets=(password,),
    )


def _isolation(scratch: Path) -> Mapping[str, str]:
    local = "127.0.0.1,localhost"
    return {
        "BUILDER_FACTS": str(scratch / "facts.json"),
        "PYTEST_ADDOPTS": "",
        "PYTEST_PLUGINS": "",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(Path(builder.__file__).parents[1]),
        "TMPDIR": str(scratch),
        "NO_PROXY": local,
        "no_proxy": local,
    }


def read_junit(path: Path) -> Results | None:
    """What a JUnit file says; None where there is none, or half of one."""
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return None
    failures = []
    skipped = 0
    for case in cases:
        fault = case.find("failure")
        fault = case.find("error") if fault is None else fault
        if fault is not None:
            failures.append(Failure(test=case.get("name", ""), reason=_first_line(fault)))
        elif case.find("skipped") is not None:
            skipped += 1
    # A test whose teardown fails too has two cases.
    names = {failure.test for failure in failures}
    passed = len(cases) - len(failures) - skipped
    counts = TestCounts(passed=passed, failed=len(names), skipped=skipped)
    return Results(counts=counts, failures=tuple(failures))


def _first_line(fault: ElementTree.Element) -> str:
    lines = (fault.get("message") or fault.text or "").strip().splitlines()
    return lines[0][:LINE] if lines else "no reason given"


def _judge(request: SmokeRequest, results: Results) -> TestCounts:
    counts = results.counts
    if results.failures:
        total = counts.passed + counts.failed
        shown = "\n".join(f"    {item.test}: {item.reason}" for item in results.failures)
        raise SmokeError(
            f"{request.target}: {counts.failed} of {total} smoke tests failed\n{shown}",
            hint=_see(request),
        )
    if not counts.passed:
        folders = ", ".join(str(suite) for suite in request.suites) or "no folder"
        raise SmokeError(
            f"{request.target}: no smoke test ran", hint=f"looked in {folders}; {_see(request)}"
        )
    return counts


def _see(request: SmokeRequest) -> str:
    return f"the whole log: {request.log}; the results: {request.junit}"


def _redact_file(path: Path, secret: str) -> None:
    """Take a secret out of a file that is kept: a failed assertion shows what it compared."""
    if path.exists():
        text = path.read_text(encoding="utf-8")
        path.write_text(redact(text, (secret,)), encoding="utf-8")
