"""How many launches do all that they did on the official chart: with root in sessions, and without.

`LAUNCHES` names a file with launches, as for test_launches.py. A launch may say what its start
script asks for, by names of kinds.yaml (`"asks": [...]`). Where it has a script and does not say
so, the script may ask for everything that is asked of images like its own.

No pod is started for a launch. Each rule rests on a test that starts one, or plays a script:

| a launch counts if | as the test shows |
|---|---|
| the form accepts it, and helm takes it | this one, for each launch |
| what acts in the official chart acts here | test_drop_in; test_launches: nothing is ignored |
| it names no image, and so runs one of ours | weekly/test_starter: it starts |
| a custom image may begin as root | weekly/test_custom_image: it starts as root |
| a custom image is started by one line | test_custom_image: by ours, else by its own program |
| a saved image of no list does not begin as root | test_custom_image: it may not |
| what the script asks for is in the image | `shown` of kinds.yaml |
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from builder.charts.helm import Helm, documents
from builder.project import Project, Workspace

from .conftest import ROOT, one
from .test_drop_in import TABLE, rows
from .test_launches import CASES, Launched, ignored, launched

KINDS: list[dict[str, Any]] = YAML(typ="safe").load(
    Path(__file__).with_name("kinds.yaml").read_text(encoding="utf-8")
)
ALL_LINKS = 365  # those of which kinds.yaml counts the needs
SCRIPT = ("init", "personalInit")
# Recipes whose official images begin as root.
BEGIN_AS_ROOT = ("rstudio",)


@cache
def project() -> Project:
    """This catalog, expanded."""
    return Workspace(ROOT).load()


@dataclass(frozen=True, kw_only=True)
class Inside:
    """What is in every image of a chart."""

    languages: set[str]
    recipes: set[str]
    images: set[str]
    packages: set[str]

    def lacks(self, kind: Mapping[str, Any]) -> str:
        """What of a kind is in none of the images, or ""."""
        for word, there in (("recipe", self.recipes), ("package", self.packages)):
            if word in kind and kind[word] not in there:
                return f"no {kind[word]}"
        return "" if kind.get("input", "") in {"", *self.images} else f"no {kind['input']}"

    def is_asked(self, kind: Mapping[str, Any]) -> bool:
        """Whether somebody asks these images for it."""
        return "on" not in kind or not {*self.languages, *self.recipes}.isdisjoint(kind["on"])


@cache
def inside(chart: str) -> Inside:
    """Look into what the images of a chart are made of, as the matrix declares them."""
    declared, recipes = project().declared, project().catalog.recipes
    found: list[Inside] = []
    for variant in declared.charts[chart]:
        for target in declared.members[variant.id].values():
            whole = closure(target)
            used = {declared.targets[key].recipe for key in whole}
            packages = {
                name
                for recipe in used
                for table in (
                    recipes[recipe].packages,
                    *(when.packages for when in recipes[recipe].when),
                )
                for names in table.values()
                for name in names
            }
            images = {declared.targets[key].variant.image for key in whole}
            found.append(
                Inside(
                    languages=set(variant.values), recipes=used, images=images, packages=packages
                )
            )
    return Inside(
        languages=set.intersection(*(item.languages for item in found)),
        recipes=set.intersection(*(item.recipes for item in found)),
        images=set.intersection(*(item.images for item in found)),
        packages=set.intersection(*(item.packages for item in found)),
    )


def closure(target: str) -> set[str]:
    """A target and all that it is built from."""
    declared = project().declared
    found: set[str] = set()
    waiting = [target]
    while waiting:
        key = waiting.pop()
        if key in declared.targets and key not in found:
            found.add(key)
            waiting += declared.needs[key]
    return found


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Why a launch does less than on the official chart; root is told apart."""

    problems: list[str] = field(default_factory=list)
    is_root_asked: bool = False
    is_known: bool = True  # whether the launch says what its script asks for


def verdict(case: Mapping[str, Any], helm: Helm, folder: Path) -> Verdict:
    """Judge a launch."""
    try:
        found = launched(case["chart"], case["patch"], helm, folder)
    except AssertionError as error:
        return Verdict(problems=[f"the form fails: {error}"])
    return of_release(case, found)


def of_release(case: Mapping[str, Any], found: Launched) -> Verdict:
    """Judge what helm made of a launch."""
    if problems := ignored(case, found):
        return Verdict(problems=problems)
    family = family_of(case["chart"])
    official = rows(family) if family else None
    for name in found.unused:
        if official is None or name in official:
            problems.append(f"{name} does nothing, and did on the official chart")
    paths = {tuple(path): value for path, value in case["patch"]}
    custom = paths.get(("service", "image", "custom", "enabled")) is True
    problems += list(starts(found.release.manifests, case["chart"], paths))
    # The image of somebody else has what it had.
    if SCRIPT not in paths or custom:
        return Verdict(problems=problems)
    kinds = [kind for kind in KINDS if inside(case["chart"]).is_asked(kind)]
    if "asks" in case:
        kinds = [kind for kind in KINDS if kind["asks"] in case["asks"]]
        unknown = set(case["asks"]) - {kind["asks"] for kind in KINDS}
        problems += [f"its script asks for {name}, of which nothing is known" for name in unknown]
    for kind in kinds:
        if why := inside(case["chart"]).lacks(kind):
            problems.append(f"its script may ask for {kind['asks']}: {why} in the image")
    return Verdict(
        problems=problems,
        is_root_asked=any(kind.get("root") for kind in kinds),
        is_known="asks" in case,
    )


def family_of(chart: str) -> str:
    """The chart of drop_in.yaml that has the values of another."""
    about = project().catalog.matrix.charts[chart]
    if "spark" in about.features and about.recipe == "jupyter":
        return "jupyter-pyspark"
    return next((name for name in TABLE["charts"] if name.split("-")[0] == about.recipe), "")


def starts(manifests: str, chart: str, paths: Mapping[tuple[Any, ...], Any]) -> Iterator[str]:
    """Why the pod of a launch may not start."""
    pod = one(documents(manifests), "StatefulSet")["spec"]["template"]["spec"]  # type: ignore[arg-type]
    recipe = project().catalog.matrix.charts[chart].recipe
    held = pod["securityContext"].get("runAsNonRoot", False)
    if paths.get(("service", "image", "custom", "enabled")) is True:
        if held:
            yield "its custom image may begin as root, and the pod refuses that"
        if project().catalog.charts[recipe].custom_image.commands and "/init" not in json.dumps(
            pod["containers"][0]["command"]
        ):
            yield "nothing starts the program of its custom image"
    elif ("service", "image", "version") in paths and held and recipe in BEGIN_AS_ROOT:
        yield "its saved image begins as root, and the pod refuses that"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["asks"])
def test_each_kind_of_need_is_proven_by_a_test(kind: Mapping[str, Any]) -> None:
    scripts = json.loads((ROOT / "images/base/tests/scripts.json").read_text(encoding="utf-8"))
    for proof in kind["shown"]:
        file, _, name = proof.partition("::")
        if name:
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert name in functions, proof
        else:
            assert proof in {row["does"] for row in scripts}, proof


def test_every_session_has_what_scripts_ask_for() -> None:
    sessions = [
        name
        for name, chart in project().catalog.matrix.charts.items()
        if "init" in project().catalog.charts[chart.recipe].features
    ]
    lacks = [
        f"{chart}: {kind['asks']}: {why}"
        for chart in sessions
        for kind in KINDS
        if inside(chart).is_asked(kind) and (why := inside(chart).lacks(kind))
    ]
    assert not lacks, "\n".join(lacks)


def test_launches_are_judged_by_what_their_scripts_ask_for(helm: Helm, tmp_path: Path) -> None:
    case = {**CASES[0], "patch": [[list(SCRIPT), "https://example.org/lesson.sh"]]}
    found = launched(case["chart"], case["patch"], helm, tmp_path)
    assert of_release(case, found) == Verdict(is_root_asked=True, is_known=False)
    assert of_release({**case, "asks": ["quarto", "mc"]}, found) == Verdict()
    assert of_release({**case, "asks": ["root"]}, found) == Verdict(is_root_asked=True)
    assert of_release({**case, "asks": ["a moon"]}, found).problems == [
        "its script asks for a moon, of which nothing is known"
    ]
    version = ["service", "image", "version"]
    saved = {"chart": "rstudio", "patch": [[version, "r.example/saved:1"]]}
    assert verdict(saved, helm, tmp_path).problems == [
        "its saved image begins as root, and the pod refuses that"
    ]
    custom = {"chart": "rstudio", "patch": CASES[2]["patch"][:2]}
    assert verdict(custom, helm, tmp_path) == Verdict()


if "LAUNCHES" in os.environ:

    def test_counts_of_a_file(helm: Helm, tmp_path: Path) -> None:
        charts = project().catalog.matrix.charts
        judged: list[tuple[int, str, Verdict]] = []
        others = 0
        for case in json.loads(Path(os.environ["LAUNCHES"]).read_text(encoding="utf-8")):
            count = case.get("count", 1)
            if case["chart"] not in charts:
                others += count
                continue
            about = f"{case['chart']} {json.dumps(case['patch'])}"
            judged.append((count, about, verdict(case, helm, tmp_path)))
        with_root, lines = summary(judged)
        print(
            f"\n{others} launches are of charts that this catalog does not have", *lines, sep="\n"
        )
        assert with_root >= 0.93


def summary(judged: list[tuple[int, str, Verdict]]) -> tuple[float, list[str]]:
    """The share that does all with root in sessions, and the lines that say both counts."""
    total = sum(count for count, _, _ in judged)
    good = [(count, it) for count, _, it in judged if not it.problems]
    with_root = sum(count for count, _ in good)
    asks = sum(count for count, it in good if it.is_root_asked and it.is_known)
    perhaps = sum(count for count, it in good if it.is_root_asked and not it.is_known)
    (share,) = (kind["links"] / ALL_LINKS for kind in KINDS if kind.get("root"))
    expected = round(total * share)
    lines = [
        f"sudo on: {with_root} of {total} launches do all that they did ({with_root / total:.1%})",
        f"sudo off: {with_root - asks - perhaps} do so for sure, {asks} ask for root,"
        f" and {perhaps} have a script and do not say what it asks for",
        f"  of {ALL_LINKS} public links {share:.1%} ask for root: of these about {expected},"
        f" so about {with_root - expected} do all that they did",
        f"both with all optional inputs; not in matrix.lock: {', '.join(unlocked()) or 'none'}",
    ]
    for count, about, it in judged:
        lines += [f"{count} × {about}: {problem}" for problem in it.problems]
    return with_root / total, lines


def unlocked() -> list[str]:
    """The optional inputs that no image has yet, and how many public links ask for each."""
    missing = {
        image for target in project().expansion.targets.values() for image, _ in target.without
    }
    links = {kind["input"]: kind["links"] for kind in KINDS if "input" in kind}
    return [f"{name} ({links.get(name, 0)} of {ALL_LINKS} links)" for name in sorted(missing)]
