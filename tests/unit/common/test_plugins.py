"""Tables to which installed packages add."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

from builder.common.errors import ConfigError, Location, ToolError
from builder.common.plugins import Plugins
from tests.fakes.packages import install, see


class Greeter(Protocol):
    """What the table of these tests holds."""

    language: str

    def greet(self, name: str) -> str:
        """Greet somebody."""


class English:
    """The built-in implementation."""

    language = "English"

    def greet(self, name: str) -> str:
        return f"Hello {name}"


ENGLISH = English()
GREETERS: Plugins[Greeter] = Plugins(
    noun="greeter",
    group="test_greeters",
    kind=Greeter,
    built_in={"english": f"{__name__}:ENGLISH"},
)
FRENCH = """
class French:
    language = "French"

    def greet(self, name):
        return f"Bonjour {name}"

FRENCH = French()
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages on sys.path, outside of the catalog and of the current directory."""
    folder, here = tmp_path / "site", tmp_path / "here"
    folder.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    see(monkeypatch, folder)
    return folder


def error_of(name: str, catalog: Path | None = None) -> tuple[int, str]:
    """The exit code and the text of what asking for a name raises."""
    with pytest.raises((ConfigError, ToolError)) as caught:
        GREETERS.get(name, catalog=catalog)
    return caught.value.exit_code, str(caught.value)


def test_a_built_in_one_is_had_by_its_name() -> None:
    assert GREETERS.get("english").greet("you") == "Hello you"


def test_an_installed_package_adds_one(site: Path) -> None:
    install(
        site, "acme-french", "[test_greeters]\nfrench = fr_good:FRENCH\n", {"fr_good.py": FRENCH}
    )
    assert GREETERS.names() == ("english", "french")
    assert "fr_good" not in sys.modules  # names are read, and nothing is imported
    GREETERS.check("french")
    assert "fr_good" not in sys.modules
    assert GREETERS.get("french").greet("toi") == "Bonjour toi"


def test_a_module_can_be_one_itself(site: Path) -> None:
    module = 'language = "Dutch"\ndef greet(name):\n    return f"Dag {name}"\n'
    install(site, "acme-dutch", "[test_greeters]\ndutch = nl_module\n", {"nl_module.py": module})
    assert GREETERS.get("dutch").greet("jij") == "Dag jij"


def test_an_unknown_name(site: Path) -> None:
    install(site, "acme-french", "[test_greeters]\nfrench = fr_unknown:FRENCH\n")
    assert error_of("frnch") == (
        2,
        "no greeter is called 'frnch'\n  hint: did you mean french? known: english, french",
    )
    assert error_of("zzz") == (
        2,
        "no greeter is called 'zzz'\n  hint: known: english, french",
    )


def test_an_unknown_name_in_a_file_is_shown_there(site: Path) -> None:
    place = Location(file="matrix.yaml", line=3, column=5, source="ci: zzz")
    with pytest.raises(ConfigError) as caught:
        GREETERS.get("zzz", location=place)
    assert str(caught.value) == (
        "matrix.yaml:3:5: no greeter is called 'zzz'\n"
        "    ci: zzz\n        ^\n  hint: known: english"
    )


MEND = "  hint: `pip install --upgrade acme-french`, or `pip uninstall acme-french`"


@pytest.mark.parametrize(
    ("value", "module", "reason"),
    [
        (
            "fr_none:X",
            None,
            "fr_none does not load: ModuleNotFoundError: No module named 'fr_none'",
        ),
        (
            "fr_bug:X",
            "raise RuntimeError('no luck')",
            "fr_bug does not load: RuntimeError: no luck",
        ),
        ("fr_exit:X", "raise SystemExit(3)", "fr_exit does not load: SystemExit: 3"),
        (
            "fr_empty:X",
            "",
            "fr_empty does not load: AttributeError: module 'fr_empty' has no attribute 'X'",
        ),
        ("fr_class:French", FRENCH, "fr_class:French is a class, not an object of it"),
        ("fr_text:X", "X = 'text'", "fr_text:X lacks greet and language"),
    ],
)
def test_one_that_does_not_work(site: Path, value: str, module: str | None, reason: str) -> None:
    files = {} if module is None else {f"{value.partition(':')[0]}.py": module}
    install(site, "acme-french", f"[test_greeters]\nfrench = {value}\n", files)
    assert error_of("french") == (
        4,
        f"greeter 'french' of the package acme-french 1.0: {reason}\n{MEND}",
    )
    assert GREETERS.get("english").language == "English"  # others are not touched by it


def test_damaged_metadata(site: Path) -> None:
    install(site, "acme-french", "[test_greeters]\njunk\n")
    code, text = error_of("french")
    assert code == 4
    assert text == (
        "the file entry_points.txt of the package acme-french 1.0 cannot be read: TypeError: "
        f"Pair.__new__() missing 1 required positional argument: 'value'\n{MEND}"
    )


def test_those_that_are_wanted_come_after_the_built_in_ones(site: Path) -> None:
    files = {"fr_wanted.py": FRENCH}
    install(site, "acme-french", "[test_greeters]\nfrench = fr_wanted:FRENCH\n", files)
    chosen = GREETERS.chosen(["french", "klingon"])
    assert {name: greeter.language for name, greeter in chosen.items()} == {
        "english": "English",
        "french": "French",
    }


def test_packages_are_not_looked_at_where_all_that_is_wanted_is_built_in(site: Path) -> None:
    install(site, "acme-french", "[test_greeters]\njunk\n")
    assert list(GREETERS.chosen(["english"])) == ["english"]
    with pytest.raises(ToolError):
        GREETERS.chosen(["french"])


def test_two_packages_add_the_same_name(site: Path) -> None:
    for name in ("b-french", "a-french"):
        install(site, name, "[test_greeters]\nfrench = fr_two:FRENCH\n")
    assert error_of("french") == (
        4,
        "greeter 'french' is added by several packages\n"
        "  hint: `pip uninstall` all but one of the packages a-french 1.0 and b-french 1.0",
    )


def test_a_built_in_one_is_not_replaced(site: Path) -> None:
    install(
        site, "acme-english", "[test_greeters]\nenglish = en_other:X\n", {"en_other.py": "X = 1"}
    )
    assert GREETERS.get("english") is ENGLISH
    assert GREETERS.names() == ("english",)
    assert GREETERS.ignored() == (
        "greeter 'english' of the package acme-english 1.0 is ignored: "
        "the builder has its own of this name",
    )
    assert "en_other" not in sys.modules


@pytest.mark.parametrize("where", ["here", "catalog"])
def test_a_package_in_the_catalog_is_not_believed(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Nor does it hide an installed one, of whose name it is."""
    install(
        site, "acme-french", "[test_greeters]\nfrench = fr_real:FRENCH\n", {"fr_real.py": FRENCH}
    )
    catalog, marker = tmp_path / "catalog", tmp_path / "marker"
    evil = {"fr_evil.py": f"open({str(marker)!r}, 'w')"}
    planted = tmp_path / where
    for name, greeter in (("acme-french", "french"), ("evil", "evil")):
        install(planted, name, f"[test_greeters]\n{greeter} = fr_evil:X\n", evil)
    see(monkeypatch, planted)
    assert GREETERS.names(catalog) == ("english", "french")
    assert GREETERS.get("french", catalog=catalog).greet("toi") == "Bonjour toi"
    assert error_of("evil", catalog) == (
        2,
        "no greeter is called 'evil'\n  hint: known: english, french",
    )
    assert not marker.exists()


def test_the_current_directory_at_the_front_of_the_path_is_not_believed(tmp_path: Path) -> None:
    """As `python -m` has it, by the name ""."""
    install(tmp_path, "evil", "[console_scripts]\nevil = evil_cwd:X\n", {"evil_cwd.py": ""})
    script = (
        "import sys; sys.path.insert(0, '')\n"
        "from builder.common.plugins import Plugins\n"
        "table = Plugins(noun='x', group='console_scripts', kind=object, built_in={})\n"
        "print('evil' in table.names(), 'pip' in table.names())"
    )
    argv = [sys.executable, "-c", script]
    told = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert told.stdout == "False True\n"


def test_a_module_in_the_catalog_is_not_run(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package is installed; a file of the catalog has the name of its module."""
    install(site, "acme-french", "[test_greeters]\nfrench = fr_shadowed:FRENCH\n")
    (site / "fr_shadowed.py").write_text(FRENCH)
    catalog, marker = tmp_path / "catalog", tmp_path / "marker"
    catalog.mkdir()
    (catalog / "fr_shadowed.py").write_text(f"open({str(marker)!r}, 'w')")
    see(monkeypatch, catalog)
    assert error_of("french", catalog) == (
        4,
        "greeter 'french' of the package acme-french 1.0: fr_shadowed would be loaded from "
        f"{catalog}/fr_shadowed.py, and code of the catalog's folder is not run\n"
        "  hint: install the package elsewhere (not with `--editable`), or rename that file",
    )
    assert not marker.exists()
