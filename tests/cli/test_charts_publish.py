"""Where `builder charts publish` does not publish to."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("place", "against", "error"),
    [
        (
            "ftp://example.org/charts", "",
            "charts cannot be published to ftp://example.org/charts\n"
            "  hint: `--to FOLDER`, which is served as static pages, or `--to oci://REGISTRY/PATH`",
        ),
        (
            "pages", "charts.example.org",
            "--against charts.example.org is not a URL\n"
            "  hint: give the URL at which the folder is served: --against https://…",
        ),
        (
            "oci://example.org/charts", "https://charts.example.org",
            "--against works only with a folder\n"
            "  hint: leave it out: a registry lists its own charts",
        ),
        (
            "oci://example.org/charts:1", "",
            "oci://example.org/charts:1 names one version of a chart, not a repository\n"
            "  hint: oci://example.org/charts",
        ),
    ],
)  # fmt: skip
def test_a_place_that_is_none(run: Run, place: str, against: str, error: str) -> None:
    more = ("--against", against) if against else ()
    assert run("charts", "publish", "--to", place, *more) == (2, "", f"error: {error}\n")
