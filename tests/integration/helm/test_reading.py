"""Charts are read as Helm reads them: the same texts and folders, given to Helm and to us."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builder.catalog.yaml_document import load_as_helm
from builder.charts.chart_folder import folder_files
from builder.charts.helm import Helm
from builder.charts.tools import Tools
from builder.common.process import Runner
from builder.common.yaml_scalars import core_scalar

ROOT = Path(__file__).parents[3]
SCALARS = """
0440 0o440 0888 -0440 +0440 0x1F 0X1f -0x1F 0xF_F 0xG 0x 0b101 0B1 -0b11 0b12 0b 0b_1 0o8 0o 0o-7
-0o7 +0o7 0O17 00 007 08 09.5 0_7 0_ 1_ _1 _ 1__0 1_000 1_000.5 1_2_3.4_5 100_ 1,000
12:30:45 1:30.5 190:20:30 2001:1:1 2026-01-02 2026-1-2 2026-01-02T03:04:05Z
y Y n N yes Yes YES no No NO on On ON off Off OFF true True TRUE tRue false ~ null Null NULL nUll
1e3 1E5 1.5e+3 12e03 1e 1e+ +1e3 .5 5. .5e1 .e5 1.e5 -.5 +.5 1.10 1.0 01.5 010.5e1 -0 +12 1.2.3
1e400 -1e400 0x1.8p1 3.0e0 1e21 Infinity inf NaN nan 9223372036854775807 18446744073709551615
99999999999999999999999 "0440" 'yes' <<
"""
TAGGED = (
    "!!str 0440", '!!int "0440"', "!!float 3", "!!bool yes", "!custom 5",
    "!!binary aGVsbG8=", "",
)  # fmt: skip
TEXTS = (
    "y: 1\nno: 2\n1: 3\n0440: 4\n'on': 5\n",
    "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  b: 3\ne: {<<: [*x, {z: 1, b: 9}], c: 5}\n",
    "a: 1\nc: {d: 1}\n---\nb: 2\nc: {e: 2}\n",
    "\ufeffa: 1\r\nb: yes\r\n",
    "# nothing\n",
    '{"a": 0440, "b": [yes, "yes"]}\n',
    "a: |\n  0440\nb: >-\n  yes\n",
)


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """The real helm."""
    runner = Runner()
    program = Tools(runner=runner, folder=ROOT / "build" / "tools").helm().path
    return Helm(runner=runner, program=program, state=tmp_path_factory.mktemp("helm"))


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart that says which values Helm has."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: clock\nversion: 1.0.0\n")
    (tmp_path / "templates" / "all.yaml").write_text("all: {{ .Values | toJson | quote }}\n")
    return tmp_path


def values_of(helm: Helm, chart: Path) -> object:
    """What Helm has read."""
    (document,) = load_as_helm(helm.template(chart, release="x"), "out")[:1]
    return json.loads(document.data["all"])


def test_scalars(helm: Helm, chart: Path) -> None:
    written = (*SCALARS.split(), *TAGGED)
    text = "x:\n" + "".join(f"- {item}\n" for item in written)
    (chart / "values.yaml").write_text(text)
    document, errors = load_as_helm(text, "values.yaml")
    theirs = values_of(helm, chart)
    assert errors == []
    assert isinstance(theirs, dict)
    for item, mine, other in zip(written, document.data["x"], theirs["x"], strict=True):
        is_number = isinstance(mine, int) and not isinstance(mine, bool)
        assert repr(float(mine) if is_number else mine) == repr(
            float(other) if isinstance(other, int) and not isinstance(other, bool) else other
        ), item


@pytest.mark.parametrize("text", TEXTS)
def test_documents(helm: Helm, chart: Path, text: str) -> None:
    (chart / "values.yaml").write_bytes(text.encode())
    document, _ = load_as_helm(text, "values.yaml")
    assert (document.data or {}) == values_of(helm, chart)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0440", 440), ("0o440", 288), ("yes", "yes"), ("1_000", "1_000"), ("0b1", "0b1"),
     ("0x1F", 31), ("TRUE", True), ("1e3", 1000.0), ("~", None), ("2026-01-02", "2026-01-02")],
)  # fmt: skip
def test_what_yaml_1_2_reads(text: str, value: object) -> None:
    assert core_scalar(text) == value


PATTERNS = (
    "", "templates/a.yaml", "a.yaml", "sub/", "sub", "/a.yaml", "/templates/b.yaml",
    "templates/*.yaml", "# c\n\n  b.yaml  ", "templates/[ab].yaml", "templates/[^ab].yaml", "deep/",
    "sub/deep", "templates/sub/", "x.yaml", "templates/?.yaml\r", "a.*", "all.yaml/",
)  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_folders(helm: Helm, runner: Runner, chart: Path, pattern: str) -> None:
    elsewhere = chart.with_name(f"{chart.name}-linked")
    for path in ("a.yaml", "b.yaml", ".hidden.yaml", "sub/x.yaml", "sub/deep/x.yaml"):
        (chart / "templates" / path).parent.mkdir(parents=True, exist_ok=True)
        (chart / "templates" / path).write_text(f"from: {path}\n")
    elsewhere.mkdir()
    (elsewhere / "x.yaml").write_text("from: elsewhere\n")
    (chart / "templates" / "linked").symlink_to(elsewhere)
    (chart / ".helmignore").write_text(f"{pattern}\n")
    rendered = helm.template(chart, release="x")
    theirs = {line.partition("clock/")[2] for line in rendered.splitlines() if "# Source" in line}
    mine = {path for path in folder_files(chart) if path.startswith("templates/")}
    assert mine == theirs
