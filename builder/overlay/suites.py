"""The tests of a recipe: which there are, and what is wrong with them. None of them is run here.

A catalog that stands on another one adds files to its suites, and says in `tests/.skip` which of
their tests are not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from builder.common import checkout
from builder.common.errors import BuilderError, ConfigError, Location
from builder.common.skipped_tests import FILE, FORM, SkippedTest, names_of_tests, skipped_tests
from builder.common.text import did_you_mean
from builder.overlay.source_catalogs import CatalogFiles


class Tests(TypedDict):
    """The fields of a recipe that say where its tests are."""

    tests: str
    mixed_tests: Mapping[str, bytes]


def tests_of(files: CatalogFiles, folder: str) -> Tests:
    """Return where the tests in a folder are. Those of several catalogs are in no folder yet."""
    having = files.catalogs_with(folder)
    return {
        "tests": str(having[-1].root / folder) if having else "",
        "mixed_tests": files.bytes_of(folder) if len(having) > 1 else {},
    }


def is_test(path: str) -> bool:
    """Whether pytest looks for tests in a file."""
    name = path.rpartition("/")[2]
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def errors_of_tests(files: CatalogFiles, folder: str) -> list[BuilderError]:
    """Return what is no Python in a folder of tests, and what is wrong with its `.skip`."""
    sources = {name: data for name, data in files.bytes_of(folder).items() if name.endswith(".py")}
    errors = [
        checkout.not_python(files.shown(f"{folder}/{name}"), data) for name, data in sources.items()
    ]
    found: list[BuilderError] = [error for error in errors if error is not None]
    skips = f"{folder}/{FILE}"
    if found or not files.has(skips):
        return found
    known = {
        test for name, data in sources.items() if is_test(name) for test in names_of_tests(data)
    }
    for text in files.texts_of(skips):
        for item in skipped_tests(text.text):
            location = Location(file=text.file, line=item.line, column=1, source=item.source)
            if error := _error_of(item, known, location):
                found.append(error)
    return found


def _error_of(item: SkippedTest, known: set[str], location: Location) -> ConfigError | None:
    if not item.name:
        return ConfigError(
            "not a test and a reason", hint=FORM, location=location, id="E-SKIP-REASON"
        )
    if item.name in known:
        return None
    return ConfigError(
        f"there is no test {item.name!r} to skip",
        hint=did_you_mean(item.name, sorted(known)),
        location=location,
        id="E-MERGE-NOTHING",
    )
