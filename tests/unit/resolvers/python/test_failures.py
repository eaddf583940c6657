"""Why uv found nothing, in words that help: what uv says is of uv 0.9 and later, to the letter."""

from __future__ import annotations

import pytest

from builder.common.errors import ConfigError, NoPackageError, StepError
from builder.resolvers.python.failures import reason
from tests.fakes.layers import asked

START = "error: No solution found when resolving dependencies\n  cause: "
END = "we can conclude that your requirements are unsatisfiable.\n"
NO_BUILD = (
    "\nhint: Wheels are required for `only-sdist` because building from source is disabled for all"
    " packages (i.e., with `--no-build`)\n"
)
FOR = "for leaf/debian=13"


def told(log: str, *names: str, newest: str = "") -> NoPackageError:
    """The error, where the newest version that suits is this."""
    error = reason(f"{START}{log}", asked(*names, python="3.13.5"), lambda _package: newest)
    assert isinstance(error, NoPackageError)
    assert isinstance(error, ConfigError)
    assert "--no-build" not in str(error)
    return error


@pytest.mark.parametrize(
    ("log", "names", "package", "what"),
    [
        (
            f"Because plain was not found in the package registry and you require plain, {END}",
            ["other", "Plain>=1"],
            "Plain>=1",
            f"there is no package plain in the index (recipe leaf, {FOR})\n"
            "  hint: is the name right?",
        ),
        (
            f"Because there are no versions of plain and you require plain, {END}",
            ["plain"],
            "plain",
            f"there is no package plain in the index (recipe leaf, {FOR})\n"
            "  hint: is the name right?",
        ),
        (
            "Because goneone was not found in the package registry and all versions of mid depend"
            " on goneone, we can conclude that all versions of mid cannot be used.\n"
            "         And because all versions of deep depend on mid and you require deep, " + END,
            ["deep[more]"],
            "deep[more]",
            "there is no package goneone in the index, which mid needs, which deep needs; recipe"
            f" leaf names deep[more] {FOR}\n"
            "  hint: ask for another version of deep, or leave it out",
        ),
        (
            "Because there are no versions of plain and all versions of extra[fast] depend on"
            " plain, we can conclude that all versions of extra[fast] cannot be used.\n"
            "         And because extra==2.0 depends on extra[fast]==2.0 and you require"
            f" extra[fast], {END}",
            ["extra[fast]"],
            "extra[fast]",
            "there is no package plain in the index, which extra needs; recipe leaf names"
            f" extra[fast] {FOR}\n"
            "  hint: ask for another version of extra, or leave it out",
        ),
        (
            f"Because yank==1.0 was yanked (reason: bad) and only yank==1.0 is available, {END}"
            f"         And because you require yank, {END}",
            ["yank"],
            "yank",
            f"yank 1.0 was withdrawn by its project (bad) (recipe leaf, {FOR})\n"
            "  hint: name another version; an exact one (==) is installed even if it was withdrawn",
        ),
        (
            f"Because there is no version of plain==3 and you require plain==3, {END}",
            ["plain==3"],
            "plain==3",
            f"the index has no plain==3 (recipe leaf, {FOR})\n  hint: the newest that suits is 2.0",
        ),
        (
            f"Because only plain<=2.0 is available and you require plain>=3, {END}",
            ["plain>=3"],
            "plain>=3",
            f"the index has no plain>=3 (recipe leaf, {FOR})\n  hint: the newest that suits is 2.0",
        ),
        (
            "Because only plain<=2.0 is available and all versions of user depend on plain>=3, we"
            f" can conclude …\n  And because you require user, {END}",
            ["user"],
            "user",
            f"the index has no plain>=3, which user needs; recipe leaf names user {FOR}\n"
            "  hint: the newest that suits is 2.0",
        ),
    ],
    ids=[
        "typo",
        "an empty page",
        "a dependency",
        "of an extra",
        "yanked",
        "a version",
        "too new",
        "of another",
    ],
)
def test_what_is_not_there(log: str, names: list[str], package: str, what: str) -> None:
    error = told(log, *names, newest="2.0")
    assert str(error) == what
    assert error.package == package


def test_a_package_that_has_only_its_source() -> None:
    error = told(
        "Because only-sdist==1.0 has no usable wheels and only only-sdist==1.0 is available, we can"
        " conclude that all versions of only-sdist cannot be used.\n"
        f"         And because all versions of needs-sdist depend on only-sdist, {END}{NO_BUILD}",
        "needs-sdist",
    )
    assert str(error) == (
        "only-sdist 1.0 has no wheel for linux/amd64 and Python 3.13, and sources are not built"
        f" here, which needs-sdist needs; recipe leaf names needs-sdist {FOR}\n"
        "  hint: no version of only-sdist has one: leave out what needs it, or name its source with"
        " the hash of it, `only-sdist==VERSION --hash=sha256:…`"
    )


def test_a_version_that_has_only_its_source_where_another_has_more() -> None:
    error = told(
        f"Because old==1.0 has no usable wheels and you require old==1, {END}{NO_BUILD}",
        "old==1",
        newest="0.9",
    )
    assert str(error) == (
        "old 1.0 has no wheel for linux/amd64 and Python 3.13, and sources are not built here"
        f" (recipe leaf, {FOR})\n"
        "  hint: the newest with one is 0.9: ask for packages that accept old==0.9"
    )


@pytest.mark.parametrize(
    ("log", "what"),
    [
        (
            "error: Failed to fetch: http://127.0.0.1:1/lamp/\n"
            "  cause: HTTP status client error (410 Gone) for url (http://127.0.0.1:1/lamp/)\n",
            "there is no package lamp in the index",
        ),
        (
            "error: Failed to fetch: `http://127.0.0.1:1/files/lamp-1.0-py3-none-any.whl.metadata`\n"
            "  cause: HTTP status client error (404 Not Found) for url (…)\n",
            "the index lists lamp-1.0-py3-none-any.whl, but does not have the file",
        ),
    ],
)
def test_a_page_or_a_file_that_the_index_does_not_have(log: str, what: str) -> None:
    error = reason(log, asked("lamp", python="3.13"), lambda _package: "")
    assert str(error).startswith(f"{what} (recipe leaf, {FOR})\n")


def test_versions_that_exclude_each_other() -> None:
    # The newest is within what is asked for: what is wrong is something else.
    log = (
        f"Because only six<=1.17.0 is available and you require six>=1 and lxml>9, {END}{NO_BUILD}"
    )
    error = told(log, "lxml>9", "six>=1", newest="1.17.0")
    assert str(error) == (
        f"no versions of lxml>9, six>=1 fit (recipe leaf, {FOR}):\n"
        "    error: No solution found when resolving dependencies\n"
        "    cause: Because only six<=1.17.0 is available and you require six>=1 and lxml>9, we can"
        " conclude that your requirements are unsatisfiable.\n"
        "  hint: ask for other versions, or leave one out under a condition of `when`"
    )


def test_words_that_are_not_known_are_shown_as_they_are() -> None:
    error = reason("error: something new\n", asked("lamp", python="3.13"), lambda _package: "")
    assert isinstance(error, StepError)
    assert str(error).startswith(f"uv chose no packages {FOR}:\n    error: something new\n")
