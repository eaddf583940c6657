"""Runs folders of pytest tests in a child process, and reads their results."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import builder
from builder.common.errors import SmokeError, StepError
from builder.common.process import Command, Runner, redact
from builder.testing.interfaces import TestCounts

LINE = 300
"""The most characters of the reason for a failure that are shown; the log has all."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Folders of tests to run, the most basic first, and their inputs.

    `subject` names the tested image or chart in messages. The tests get `facts` as a file; `env`
    is the extra environment of the child. `password` is a secret that only facts may have.
    `timeout` is in seconds.
    """

    subject: str
    folders: tuple[Path, ...]
    facts: Mapping[str, object]
    env: Mapping[str, str]
    password: str
    junit: Path
    log: Path
    timeout: float


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failed test, the first line of its reason, and the places in its traceback."""

    test: str
    reason: str
    places: tuple[tuple[str, int], ...] = ()  # (file, line), the outermost first


@dataclass(frozen=True, kw_only=True)
class Results:
    """The results in a JUnit file."""

    counts: TestCounts
    failures: tuple[Failure, ...]


def run_suite(runner: Runner, suite: Suite) -> TestCounts:
    """Run the tests. Raises SmokeError if one fails, none ran, or pytest did not finish."""
    suite.junit.parent.mkdir(parents=True, exist_ok=True)
    suite.junit.unlink(missing_ok=True)
    stopped = ""
    with tempfile.TemporaryDirectory(dir=suite.junit.parent, prefix=".suite-") as folder:
        scratch = Path(folder)
        facts = {**suite.facts, "password": suite.password}
        (scratch / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
        try:
            runner.run(pytest_command(suite, scratch=scratch), log=suite.log)
        except StepError as error:
            stopped = error.message
        finally:
            _redact_file(suite.junit, suite.password)
    results = read_junit(suite.junit)
    if results is None or (stopped and not results.failures and results.counts.passed):
        reason = stopped or "pytest wrote no results"
        raise SmokeError(
            f"{suite.subject}: the smoke test did not finish: {reason}", hint=_see(suite)
        )
    return _judge(suite, results)


def pytest_command(suite: Suite, *, scratch: Path) -> Command:
    """Return the child process: pytest with our plugins, and no settings of user or project.

    `checks` comes first, so that pytest shows what its asserts compared.
    """
    argv = (
        sys.executable, "-m", "pytest", "-c", "/dev/null", f"--rootdir={scratch}",
        "-p", "no:cacheprovider", "-p", "builder.testing.checks", "-p", "builder.testing.plugin",
        f"--basetemp={scratch / 'tmp'}", "--import-mode=importlib", "--strict-markers",
        "--color=no", "--tb=short", "-v",
        f"--junit-xml={suite.junit.absolute()}",
        *(str(folder.absolute()) for folder in suite.folders),
    )  # fmt: skip
    return Command(
        argv=argv,
        env={**suite.env, **_isolation(scratch)},
        cwd=scratch,
        timeout=suite.timeout,
        secrets=(suite.password,),
    )


def _isolation(scratch: Path) -> Mapping[str, str]:
    no_proxy = "127.0.0.1,localhost"
    return {
        "BUILDER_FACTS": str(scratch / "facts.json"),
        "PYTEST_ADDOPTS": "",
        "PYTEST_PLUGINS": "",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(Path(builder.__file__).parents[1]),
        "TMPDIR": str(scratch),
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


def read_junit(path: Path) -> Results | None:
    """Return the results in a JUnit file; None if it is missing or incomplete."""
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
            test, text = case.get("name", ""), fault.text or ""
            failures.append(Failure(test=test, reason=_reason(fault), places=_places(text)))
        elif case.find("skipped") is not None:
            skipped += 1
    # A test whose teardown fails too has two cases.
    names = {failure.test for failure in failures}
    passed = len(cases) - len(failures) - skipped
    counts = TestCounts(passed=passed, failed=len(names), skipped=skipped)
    return Results(counts=counts, failures=tuple(failures))


def _reason(fault: ElementTree.Element) -> str:
    """Return the first line of the reason of a failure; for a failed collection, the error."""
    message, text = (fault.get("message") or "").strip(), (fault.text or "").strip()
    lines = (message or text).splitlines()
    errors = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    if message == "collection failure" and errors:
        lines = errors[-1:]
    # testinfra's results begin with the address of its connection, which helps nobody.
    return re.sub(r"backend=<[^>]*>, ", "", lines[0])[:LINE] if lines else "no reason given"


_PLACE = re.compile(
    r"""^(?:E\s+)?(?:(?P<file>\S.*\.py):(?P<line>\d+)(?::\ in\ .*)?
        |(?:File\ "|file\ )(?P<named>.+\.py)"?,\ line\ (?P<at>\d+).*)$""",
    re.MULTILINE | re.VERBOSE,
)


def _places(text: str) -> tuple[tuple[str, int], ...]:
    """Return each (file, line) of a traceback, in its order."""
    return tuple(
        (match["file"] or match["named"], int(match["line"] or match["at"]))
        for match in _PLACE.finditer(text)
    )


def _place(suite: Suite, failure: Failure) -> str:
    """Return the place in the suite's own files where a test failed, ` (file:line)`, or ""."""
    # Names of files are relative to the folder in which pytest ran.
    ran_in = suite.junit.parent.resolve() / "suite"
    for file, line in failure.places:
        path = (ran_in / file).resolve()
        for folder in suite.folders:
            if path.is_relative_to(folder.resolve()):
                return f" ({folder / path.relative_to(folder.resolve())}:{line})"
    return ""


def _judge(suite: Suite, results: Results) -> TestCounts:
    counts = results.counts
    if results.failures:
        total = counts.passed + counts.failed
        shown = "\n".join(
            f"    {failure.test}{_place(suite, failure)}: {failure.reason}"
            for failure in results.failures
        )
        raise SmokeError(
            f"{suite.subject}: {counts.failed} of {total} smoke tests failed\n{shown}",
            hint=_see(suite),
        )
    if not counts.passed:
        folders = ", ".join(str(folder) for folder in suite.folders)
        searched = f"looked in {folders}; {_see(suite)}"
        hint = searched if folders else "add tests/test_<recipe>.py to the folder of its recipe"
        raise SmokeError(f"{suite.subject}: no smoke test ran", hint=hint)
    return counts


def _see(suite: Suite) -> str:
    return f"the whole log: {suite.log}; the results: {suite.junit}"


def _redact_file(path: Path, secret: str) -> None:
    """Remove a secret from a results file: a failed assertion shows the values it compared."""
    if path.exists():
        text = path.read_text(encoding="utf-8")
        path.write_text(redact(text, (secret,)), encoding="utf-8")
