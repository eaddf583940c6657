"""Lines out of Debian packages: what apt is given, and what is read in its answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.catalog.models import Network
from builder.common.errors import ConfigError, StepError
from builder.common.process import Command, Output, Runner
from builder.network.upstreams import CRAN_KEY
from builder.resolvers.apt.providers import AptProvider, CranProvider, DebianProvider, Prepare
from builder.resolvers.apt.root import AptRoot, AptSource, add_components
from tests.fakes.lines import Upstream, request

NETWORK = Network()
POLICY = """\
python3:
  Installed: (none)
  Candidate: 3.13.5-1
  Version table:
     3.13.7-1 100
        100 http://archive.example trixie-backports/main amd64 Packages
     3.13.5-1 500
        500 http://archive.example trixie/main amd64 Packages
 *** 1:3.13.4~rc1-1 100
        100 /var/lib/dpkg/status
"""
CUDART = """\
NAME:
  Installed: (none)
  Candidate: VERSION
  Version table:
     VERSION 500
        500 http://archive.example trixie/non-free amd64 Packages
"""


class FakeApt(Runner):
    """Answers by the words after the program, and remembers what was run."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        super().__init__()
        self.answers = answers
        self.asked: list[tuple[str, ...]] = []

    def run(self, command: Command, **options: object) -> Output:  # type: ignore[override]
        self.asked.append(command.argv)
        words = " ".join(command.argv[1:])
        # What it is asked for in a test is known, unless the test says what is.
        known = {name for key in self.answers for name in key.split()[1:] if name[0] != "-"}
        default = "\n".join(sorted(known)) if words.startswith("pkgnames") else ""
        text = self.answers.get(words, default)
        return Output(code=0, stdout=text, log=text)


def root(tmp_path: Path, answers: Mapping[str, str], runner: FakeApt | None = None) -> AptRoot:
    """A root with a signed index, as after an update; `runner` in place of one with `answers`."""
    folder = tmp_path / "root"
    lists = folder / "var/lib/apt/lists"
    lists.mkdir(parents=True)
    (lists / "archive.example_dists_trixie_InRelease").write_text("signed")
    (folder / "etc/apt/trusted.gpg.d").mkdir(parents=True)
    (folder / "etc/apt/sources.list").write_text(
        f"deb [signed-by={folder}/usr/a.gpg] http://archive.example trixie main\n"
    )
    runner = runner or FakeApt(answers)
    return AptRoot(folder=folder, architecture="amd64", runner=runner, network=NETWORK)


def always(one: AptRoot) -> Prepare:
    """The same root for every base."""
    return lambda _base, _lock: one


def test_a_line_is_the_version_of_a_package(tmp_path: Path) -> None:
    lines = AptProvider(prepare=always(root(tmp_path, {"policy -- python3": POLICY})))
    asked = request("3.13", package="python3")
    assert lines.lines(asked) == ("3.13.5",)
    assert lines.resolve(asked).version == "3.13.5"
    assert lines.resolve(asked).files == ()
    with pytest.raises(StepError) as caught:
        lines.resolve(request("3.12", package="python3"))
    assert str(caught.value) == "provider apt has no 3.12 (it has 3.13.5)"


def test_apt_has_no_such_package(tmp_path: Path) -> None:
    lines = AptProvider(prepare=always(root(tmp_path, {})))
    with pytest.raises(StepError) as caught:
        lines.resolve(request("3.12", package="python4"))
    assert str(caught.value) == "provider apt has no 3.12 (it has none at all)"


def test_a_line_is_of_a_package_and_not_of_a_pattern(tmp_path: Path) -> None:
    answers = {
        "pkgnames": "python3\n",
        "pkgnames --all-names": "python3\n",
        "policy -- python3.": POLICY,
    }
    programs = FakeApt(answers)
    assert root(tmp_path, {}, programs).candidate("python3.") == ""
    assert ("apt-cache", "policy", "--", "python3.") not in programs.asked


def test_a_pattern_of_a_recipe_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        root(tmp_path, {"pkgnames": "a\n"}).names("lib(")
    assert str(caught.value).startswith("not a regular expression: 'lib(': ")


def test_a_line_may_be_part_of_a_packages_name(tmp_path: Path) -> None:
    answers = {
        "pkgnames": "libcudart12\nlibcudart11.0\nxlibcudart12\nlibcudart12-dev\n",
        "policy -- libcudart12": CUDART.replace("NAME", "l").replace(
            "VERSION", "12.4.127~12.4.1-2"
        ),
        "policy -- libcudart11.0": CUDART.replace("NAME", "l").replace(
            "VERSION", "11.8.89~11.8.0-5"
        ),
    }
    lines = DebianProvider(prepare=always(root(tmp_path, answers)))
    asked = request("12", pattern=r"libcudart[0-9.]+")
    assert lines.lines(asked) == ("12.4.127", "11.8.89")
    assert lines.resolve(asked).version == "12.4.127"
    sources = tmp_path / "root.contrib-non-free/etc/apt/sources.list"
    assert sources.read_text() == (
        f"deb [signed-by={tmp_path}/root.contrib-non-free/usr/a.gpg] http://archive.example"
        " trixie main contrib non-free\n"
    )


def test_a_root_beside_is_made_once(tmp_path: Path) -> None:
    programs = FakeApt({})
    base = root(tmp_path, {}, programs)
    source = AptSource(name="more", components=("contrib",))
    assert base.with_source(source) is base.with_source(source)
    # apt asks the base's suites again, for what they have of the components.
    assert updates(programs) == [("update", "--quiet", "--error-on=any")]


def updates(programs: FakeApt) -> list[tuple[str, ...]]:
    return [argv[1:] for argv in programs.asked if argv[:2] == ("apt-get", "update")]


def test_of_a_repository_beside_the_bases_only_that_is_fetched(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("key")
    programs = FakeApt({})
    base = root(tmp_path, {}, programs)
    base.with_source(AptSource(name="own", repository="http://m.example /", key=key))
    ((*_, source, _, parts, _, cleanup),) = updates(programs)
    assert source == f"Dir::Etc::sourcelist={tmp_path}/root.own/etc/apt/sources.list.d/own.list"
    assert (parts, cleanup) == ("Dir::Etc::sourceparts=/dev/null", "APT::Get::List-Cleanup=0")


def test_a_repository_is_asked_once_in_a_run(there: Upstream, tmp_path: Path) -> None:
    there.serve("cran/trixie-cran40/InRelease", "signed")
    there.serve(f"cran-key/lookup?op=get&options=mr&search=0x{CRAN_KEY}", "key")
    lines = CranProvider(
        prepare=always(root(tmp_path, {})), fetcher=there.fetcher(), network=NETWORK
    )  # fmt: skip
    found = {lines.source(request(line)).fingerprint for line in ("4.5", "4.6", "4.5")}
    assert found == {CRAN_KEY}
    asked = Counter(path for _, path in there.server.asked)
    assert set(asked.values()) == {1}
    assert len(asked) == 2


def test_a_repository_with_its_key_and_a_login(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    source = AptSource(
        name="cran", repository="https://me:p%40ss@mirror.example/cran trixie-cran40/",
        key=key, fingerprint="ABCD",
    )  # fmt: skip
    root(tmp_path, {}).with_source(source)
    apt = tmp_path / "root.cran/etc/apt"
    assert (apt / "sources.list.d/cran.list").read_text() == (
        "deb [signed-by=ABCD] https://mirror.example/cran trixie-cran40/\n"
    )
    assert (apt / "trusted.gpg.d/cran.asc").read_text() == key.read_text()
    assert (apt / "auth.conf").read_text() == (
        "machine https://mirror.example/cran login me password p@ss\n"
    )
    assert (apt / "auth.conf").stat().st_mode & 0o777 == 0o600


def test_a_password_that_apt_cannot_take(tmp_path: Path) -> None:
    source = AptSource(name="cran", repository="https://me:p%20w@mirror.example/cran x/")
    with pytest.raises(ConfigError) as caught:
        root(tmp_path, {}).with_source(source)
    assert str(caught.value) == (
        "apt accepts no blank in a user name or password\n  hint: network.mirrors: cran"
    )


def test_a_key_without_a_fingerprint_is_named_by_its_file(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("key")
    root(tmp_path, {}).with_source(AptSource(name="own", repository="http://m.example /", key=key))
    folder = tmp_path / "root.own"
    assert not (folder / "etc/apt/auth.conf").exists()
    assert (folder / "etc/apt/sources.list.d/own.list").read_text() == (
        f"deb [signed-by={folder}/etc/apt/trusted.gpg.d/own.asc] http://m.example /\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deb http://a.example s main\n", "deb http://a.example s main contrib non-free\n"),
        (
            "deb [arch=amd64] http://a.example s main\n# deb x y z\n",
            "deb [arch=amd64] http://a.example s main contrib non-free\n# deb x y z\n",
        ),
        ("deb http://a.example trixie-cran40/\n", "deb http://a.example trixie-cran40/\n"),
        (
            "Types: deb\nSuites: s s-updates\nComponents: main\nSigned-By: /k\n",
            "Types: deb\nSuites: s s-updates\nComponents: main contrib non-free\nSigned-By: /k\n",
        ),
    ],
)
def test_more_components_in_either_form_of_sources(text: str, expected: str) -> None:
    assert add_components(text, ("contrib", "non-free")) == expected
    assert add_components(text, ()) == text


def test_what_is_missing_is_what_nobody_has_or_provides(tmp_path: Path) -> None:
    answers = {
        "pkgnames": "python3\nmawk\n",
        "pkgnames --all-names": "python3\nmawk\nawk\ngone\neditor\n",
        "policy -- python3": POLICY,
        "showpkg -- awk": "Package: awk\nReverse Provides: \nmawk 1.3.4-20250131 (= )\n",
        "showpkg -- gone": "Package: gone\nReverse Provides: \n",
        "showpkg -- editor": "Reverse Provides: \nvim 2:9 (= )\nnano 8 (= )\nvim 2:9 (= )\n",
    }
    apt = root(tmp_path, answers)
    assert apt.missing(["python3", "gone", "awk", "gone"]) == ("gone",)
    # Of several that provide it, apt chooses none.
    assert apt.missing(["editor"]) == ("editor",)
    assert apt.providers("editor") == ("nano", "vim")
    assert apt.providers("python3.*") == ()
    assert root(tmp_path / "2", {}).missing([]) == ()
