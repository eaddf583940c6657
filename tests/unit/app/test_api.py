"""The Python API, as a user of the library has it: with a fake engine and registry."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

import builder
from tests.fakes.bases import FakeLines
from tests.fakes.catalog import Folder, Week
from tests.fakes.layers import FakeLayers
from tests.fakes.locking import HAS, LINES, NoCheck

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[3] / "docs" / "python-api.md"
REGISTRY = "127.0.0.1:5999"


@pytest.fixture
def adapters(week: Week, tmp_path: Path) -> builder.AdapterFactory:
    """What makes adapters of which all that is outside of the builder is replaced."""
    apt = FakeLayers(tmp_path / "files", HAS)
    week.smoke.installed = apt.installed
    return partial(
        builder.Adapters,
        **{
            **week.fakes,
            "resolvers": {"apt": apt},
            "providers": {"apt": FakeLines(LINES)},
            "package_check": NoCheck(),
        },
    )


@pytest.fixture
def app(week: Week, adapters: builder.AdapterFactory, tmp_path: Path) -> builder.App:
    """An app on the catalog."""
    project = builder.load(week.folder.root, platforms=["linux/amd64"])
    return builder.App(
        project,
        registry=REGISTRY,
        engine="podman",
        state=tmp_path / "state",
        today="2026-11-23",
        adapters=adapters,
    )


def test_a_catalog_is_locked_planned_built_and_released(app: builder.App, week: Week) -> None:
    written = (week.folder.root / "matrix.lock").read_text()
    locked = app.lock(upgrade=["lang"])
    assert locked.problems == ()
    assert (week.folder.root / "matrix.lock").read_text() == written
    assert app.write_lock(locked.lock)
    assert (week.folder.root / "matrix.lock").read_text() != written

    planned = app.plan(select=["desk"])
    assert planned.lock == locked.lock
    assert planned.registry_state.releases == ()
    assert planned.selected == ("desk/os=2,lang=1.10", "desk/os=1,lang=1.9")
    assert set(planned.selected) < set(planned.targets) == set(planned.fingerprints)
    assert {step["id"] for step in json.loads(planned.to_json())["steps"]} == {*planned.steps}

    events: list[builder.Event] = []
    run = app.run(planned, on_event=events.append)
    assert run.exit_code == 0
    assert {result.status for result in run.results.values()} == {"done"}
    assert {type(event).__name__ for event in events} == {"Started", "Noted", "Finished"}

    released = app.release(run)
    assert released.results["release"].detail.release == "2026.11.23"
    assert released.results.keys() == planned.steps.keys()
    assert released.seconds > run.seconds
    assert (app.state.chart_repository / "index.yaml").is_file()


def test_two_releases_are_compared(
    app: builder.App, adapters: builder.AdapterFactory, week: Week
) -> None:
    app.write_lock(app.lock().lock)
    app.release(app.run(app.plan()))
    week.folder.edit("images/desk/Dockerfile.j2", "FROM", "ENV WORDS=many\nFROM")
    later = builder.App(
        builder.load(week.folder.root),
        app.options,
        today="2026-11-30",
        adapters=adapters,
    )
    assert later.release(later.run(later.plan())).exit_code == 0
    difference = later.diff("2026.11.23", "current")
    assert (difference.old, difference.new) == ("2026.11.23", "2026.11.30")
    assert difference.changed == ("desk/os=1,lang=1.9", "desk/os=2,lang=1.10")


def test_the_page_of_the_documentation(
    folder: Folder,
    week: Week,
    adapters: builder.AdapterFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its first example is carried out, on names of this catalog."""
    text = re.findall("^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)[0]
    for name, ours in {"lxml": "lang", "jupyter-*": "desk", "ghcr.io/me": REGISTRY}.items():
        assert name in text
        text = text.replace(name, ours)
    week.go_by(today="2026-11-16")
    folder.edit("images/desk/Dockerfile.j2", "FROM", "ENV WORDS=many\nFROM")
    monkeypatch.chdir(folder.root.parent)
    here = SimpleNamespace(load=builder.load, App=partial(builder.App, adapters=adapters))
    exec(text.replace("import builder\n", ""), {"builder": here})
    printed = capsys.readouterr().out
    assert "\nmatrix.lock" not in printed
    assert "\nbuild:desk/os=1,lang=1.9 build changed since 2026.11.16: " in printed
    assert "\nStarted(step='build:desk/os=1,lang=1.9')\n" in printed
    assert "\n0 " in printed
    assert printed.endswith("('desk/os=1,lang=1.9', 'desk/os=2,lang=1.10')\n")


def test_nothing_is_asked_offline(app: builder.App, week: Week) -> None:
    app.write_lock(app.lock().lock)
    before = len(week.store.calls)
    planned = app.plan(offline=True)
    assert {item.action for item in planned.targets.values()} == {"build"}
    assert len(week.store.calls) == before


def test_a_mistake_in_the_catalog_has_its_place(folder: Folder) -> None:
    folder.edit("matrix.yaml", "from: speech,", "from: speach,")
    with pytest.raises(builder.BuilderError) as raised:
        builder.load(folder.root)
    assert str(raised.value).startswith("matrix.yaml:19:16: unknown parent 'speach'")
    assert raised.value.exit_code == 2


def test_the_clock_says_what_day_it_is() -> None:
    assert len(builder.Options().today.split("-")) == 3


def test_all_that_the_api_names_is_there() -> None:
    assert {name for name in builder.__all__ if not hasattr(builder, name)} == set()
    assert set(builder.__all__) <= set(dir(builder))
    with pytest.raises(AttributeError, match="module 'builder' has no attribute 'Session'"):
        getattr(builder, "Session")  # noqa: B009


def test_import_builder_loads_nothing_of_it() -> None:
    code = "import builder, sys; print(*(name for name in sys.modules if 'builder.' in name))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
