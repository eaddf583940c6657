"""Docstrings and the table of files: a newcomer finds a thing without grep."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.unit.docs import markdown

ROOT = markdown.ROOT
BUILDER = ROOT / "builder"
# Data that the builder carries, and no code of it.
_CARRIED = ("shared", "starter", "scaffold")
MODULES = sorted(
    path for path in BUILDER.rglob("*.py") if path.relative_to(BUILDER).parts[0] not in _CARRIED
)
PACKAGES = [
    path.parent for path in MODULES if path.name == "__init__.py" and path.parent != BUILDER
]
# A docstring begins with a verb, or with "Whether".
_NO_VERB = re.compile(
    "(What|Who|Where|The|A|An|All|Every|Each|It|Those|How|Why|That|These|This|One|Both|Of|In|For|By"
    r"|From|To|As|Whose|Which|No|Nothing|Its|Only)\b"
)
# Packages whose docstrings are not rewritten yet.
NOT_YET: frozenset[str] = frozenset()
_PROPERTIES = {"property", "cached_property", "setter"}


Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(nodes: Iterable[ast.AST]) -> Iterator[Function]:
    """Yield the functions among some nodes that are no properties."""
    for node in nodes:
        if isinstance(node, Function):
            names = {ast.unparse(it).rpartition(".")[2] for it in node.decorator_list}
            if not names & _PROPERTIES:
                yield node


def _public(module: ast.Module) -> Iterator[Function]:
    """Yield the public functions of a module, and the public methods of its public classes."""
    classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
    bodies = [module.body, *(node.body for node in classes if node.name[0] != "_")]
    for body in bodies:
        yield from (node for node in _functions(body) if node.name[0] != "_")


def faults(text: str) -> list[str]:
    """Return the functions whose docstring begins without a verb, and public ones without any."""
    module = ast.parse(text)
    found = []
    for node in _functions(ast.walk(module)):
        if first := _NO_VERB.match(ast.get_docstring(node) or ""):
            found.append(f"{node.lineno} {node.name}: {first[0]}")
    for node in _public(module):
        if ast.get_docstring(node) is None:
            found.append(f"{node.lineno} {node.name}: no docstring")
    return found


def _id(path: Path) -> str:
    return path.relative_to(BUILDER).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_a_docstring_begins_with_a_verb(path: Path) -> None:
    if path.relative_to(BUILDER).parts[0] not in NOT_YET:
        assert faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('def f():\n    """The sum."""\n', "1 f: The"),
        ('class A:\n    def _f(self):\n        """What is left."""\n', "2 _f: What"),
        ("def f():\n    pass\n", "1 f: no docstring"),
    ],
)
def test_one_that_does_not_is_found(text: str, fault: str) -> None:
    assert faults(text) == [fault]


def test_what_needs_no_verb() -> None:
    text = (
        "class A:\n    @property\n    def a(self):\n        '''The a.'''\n"
        "    def b(self):\n        '''Whether it is b.'''\n    def _c(self): ...\n"
        "def d():\n    '''Return it.'''\n    def e(): ...\n"
    )
    assert faults(text) == []


# Where things are.


def first_paragraph(package: Path) -> str:
    """Return the first paragraph of what a package says of itself."""
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").split("\n\n")[0]


@pytest.mark.parametrize("package", PACKAGES, ids=_id)
def test_a_package_names_modules_to_open_first(package: Path) -> None:
    text = first_paragraph(package)
    assert re.search(r"\bImports\b|\bimports\b", text), "says what it may import"
    names = set(re.findall(r"`([a-z_]+)`", text))
    own = {name for name in names if _is_there(package / name)}
    assert own, "names a module of its own to open first"
    others = {
        name
        for name in names - own
        if not (_is_there(BUILDER / name) or _is_there(package.parent / name))
    }
    assert others <= {"current"}, "names modules that are there"


def _is_there(path: Path) -> bool:
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


_QUESTIONS = {
    "where the lock is written": "builder/project.py",
    "where the version of a chart is decided": "builder/charts/next_version.py",
    "where an image or artifact is pushed to a registry": "builder/registry/store.py",
    "where a smoke test starts": "builder/testing/images.py",
    "where to add an engine": "builder/engines/table.py",
    "where to add an ecosystem": "builder/resolvers/ecosystems.py",
    "where to add a provider": "builder/resolvers/providers.py",
    "where to add a chart feature": "charts/features/",
    "where to add a CI system": "builder/ci/systems.py",
}


def _rows() -> dict[str, list[str]]:
    text = (ROOT / ".github/CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (where [^|]+?) \| ([^|]+) \|$", text, re.MULTILINE)
    return {question: re.findall(r"`([^`]+)`", files) for question, files in rows}


def test_the_table_answers_each_question() -> None:
    assert list(_rows()) == list(_QUESTIONS)


@pytest.mark.parametrize("question", _QUESTIONS)
def test_an_answer_is_at_most_three_files_that_are_there(question: str) -> None:
    files = _rows()[question]
    assert _QUESTIONS[question] in files
    assert len(files) <= 3
    assert [file for file in files if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("question", _QUESTIONS)
def test_the_first_paragraphs_lead_to_the_answer(question: str) -> None:
    """Whoever has read the paragraphs alone knows the package and the module."""
    answer = _QUESTIONS[question]
    if not answer.startswith("builder/"):
        assert any(answer in first_paragraph(package) for package in PACKAGES)
        return
    path = ROOT / answer
    if path.parent == BUILDER:
        assert any(f"`{answer}`" in first_paragraph(package) for package in PACKAGES)
    else:
        assert f"`{path.stem}`" in first_paragraph(path.parent)
