"""What doctor says of providers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builder.app.doctor import examine_providers
from builder.catalog.models import Catalog
from builder.common.errors import UnreachableError
from builder.common.process import Runner
from builder.network.fetcher import Fetcher, unreachable_error
from builder.network.upstreams import SourceUrl
from builder.project import Workspace
from builder.resolvers.downloads.url import URL
from builder.resolvers.interfaces import ResolverTools
from builder.resolvers.npm.registry import NPM
from builder.resolvers.reachability import Question, Reachability, questions
from tests.fakes.catalog import MATRIX, Folder
from tests.fakes.lines import Upstream, nowhere, tools

LINES = """\
  lang:
    "1.10": {provider: posit, requires: {os: "2"}, tag: "lang{version}"}
    "1.9": {provider: uv, requires: {os: "1"}, tag: "lang{version}"}
    "1.8": {provider: uv, requires: {os: "1"}, tag: "lang{version}"}
    "1.7": {provider: url, requires: {os: "1"}, tag: "lang{version}"}
    "1.6": {provider: other, requires: {os: "1"}, tag: "lang{version}"}
  julia:
    "1": {provider: tarball, requires: {os: "2"}}
"""
RECIPE = """\
summary: A language
provides:
  lang:
    url: {url: "{github}/o/{version}", index: "https://lists.example/v", pattern: "{arch}"}
"""


@pytest.fixture
def catalog(folder: Folder) -> Catalog:
    """A catalog with lines of several providers."""
    head, _, rest = MATRIX.partition("  lang:\n")
    text = head + LINES + "\nimages:" + rest.partition("\nimages:")[2]
    text = text.replace("axes: [lang]", "axes: [lang, julia]")
    folder.write("matrix.yaml", text)
    folder.write("images/speech/recipe.yaml", RECIPE)
    return Workspace(folder.root).load().catalog


def reach(fetcher: Fetcher, address: str) -> Reachability:
    """What asks, with every source at one address."""
    return Reachability(tools(fetcher, Runner(), address))


def test_every_provider_once_with_its_sources_and_lines(catalog: Catalog) -> None:
    found = questions(catalog)
    assert [(item.name, item.sources, item.lines) for item in found] == [
        ("posit", ("posit",), ("lang=1.10",)),
        ("uv", ("python",), ("lang=1.9", "lang=1.8")),
        ("url (github, https://lists.example)", ("github", "https://lists.example"),
         ("lang=1.7",)),
        ("other", (), ("lang=1.6",)),
        ("tarball (julia)", ("julia",), ("julia=1",)),
    ]  # fmt: skip


def test_what_answers_is_reachable_whatever_it_says(there: Upstream, catalog: Catalog) -> None:
    there.serve("posit/", "here")
    found = list(examine_providers(catalog, reach(there.fetcher(), there.server.address)))
    assert [(item.subject, item.found) for item in found[:2]] == [
        ("provider posit", "reachable, for 1 line"),
        ("provider uv", "reachable, for 2 lines"),
    ]
    assert not found[0].waits
    assert (
        found[3].found
        == "cannot be reached: no provider is called 'other'; blocks 1 line: lang=1.6"
    )
    assert {method for method, _ in there.server.asked} == {"HEAD"}


def test_what_does_not_answer_blocks_its_lines_and_is_no_fault(
    tmp_path: Path, catalog: Catalog
) -> None:
    found = list(examine_providers(catalog, reach(nowhere(tmp_path), "127.0.0.1:1")))
    assert found[1].found == (
        "cannot be reached: python: 127.0.0.1:1: the connection was refused;"
        " blocks 2 lines: lang=1.9, lang=1.8"
    )
    assert (found[1].waits, found[1].ok) == (True, True)


def test_clients_are_asked_by_themselves(there: Upstream) -> None:
    def ask(_tools: ResolverTools) -> None:
        raise unreachable_error(SourceUrl(source="npm", url=""), "npm says ENOTFOUND")

    item = Question(
        provider="npm", sources=(), lines=("vscode=4",), definition=replace(NPM, ask=ask)
    )
    ((item, reason),) = reach(there.fetcher(), there.server.address).ask((item,))
    assert (item.name, reason) == ("npm", "npm: npm says ENOTFOUND")


def test_a_provider_that_no_recipe_gives_a_place(there: Upstream) -> None:
    item = Question(provider="url", sources=(), lines=("lang=1",), definition=URL)
    ((_, reason),) = reach(there.fetcher(), there.server.address).ask((item,))
    assert reason == "no recipe has an option with its address"


def test_a_host_that_is_a_source_of_nothing_is_asked_too(there: Upstream) -> None:
    fetcher = there.fetcher()
    fetcher.check_reachable(f"http://{there.server.address}/any")
    with pytest.raises(UnreachableError):
        fetcher.check_reachable("http://127.0.0.1:1/")
