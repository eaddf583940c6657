"""Rules about sliders, alone and in pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from builder.contract.chart import ChartFiles
from builder.contract.finding import FATAL, NOTE, SCHEMA, WARNING, Problem, Rule
from builder.contract.rules_schema import quoted
from builder.contract.schema import Node

ENDS = ("down", "up")


def _sliders(chart: ChartFiles) -> Iterator[Node]:
    for node in chart.nodes:
        if {"sliderMin", "sliderExtremity"} & node.schema.keys():
            yield node


def _type(chart: ChartFiles) -> Iterator[Problem]:
    """A string, with a unit or an empty one, or a number without."""
    for node in _sliders(chart):
        unit = node.schema.get("sliderUnit")
        if node.kind and node.kind not in ("string", "number"):
            message = f"a slider is of type string or number, and never {node.kind}"
            yield Problem(message=message, path=(*node.place, "type"))
        elif node.kind == "number" and unit is not None:
            message = f"a slider of type number takes no unit, and has {quoted(unit)}"
            yield Problem(message=message, path=(*node.place, "sliderUnit"))


def _ends(chart: ChartFiles) -> Iterator[Problem]:
    """Both ends of the scale, and no other render."""
    for node in _sliders(chart):
        for key in ("sliderMin", "sliderMax"):
            if key not in node.schema:
                yield Problem(message=f"the slider has no {key}", path=node.place)
        render = node.schema.get("render", "slider")
        if render != "slider":
            message = f"a slider cannot be rendered as {quoted(render)}"
            yield Problem(message=message, path=(*node.place, "render"))


def _no_slider(chart: ChartFiles) -> Iterator[Problem]:
    """`render: slider` on what is one."""
    sliders = {node.place for node in _sliders(chart)}
    for node in chart.nodes:
        if node.schema.get("render") == "slider" and node.place not in sliders:
            message = "render: slider, and no sliderMin: the form shows a plain field"
            yield Problem(message=message, path=(*node.place, "render"))


def _pair(chart: ChartFiles) -> Iterator[Problem]:
    """A range has exactly one lower and one upper end, which share a step and a unit."""
    ranges: dict[str, list[Node]] = {}
    for node in _sliders(chart):
        if "sliderExtremity" not in node.schema:
            continue
        if "sliderRangeId" not in node.schema:
            yield Problem(message="the end of a range has no sliderRangeId", path=node.place)
        else:
            ranges.setdefault(str(node.schema["sliderRangeId"]), []).append(node)
    for name, members in ranges.items():
        last = members[-1]
        found = sorted(str(node.schema["sliderExtremity"]) for node in members)
        if found != list(ENDS):
            message = f"the range {quoted(name)} has the ends {', '.join(found)}"
            hint = "one down and one up, under a sliderRangeId that no other has"
            yield Problem(message=message, hint=hint, path=(*last.place, "sliderRangeId"))
            continue
        for key in ("sliderStep", "sliderUnit"):
            said = {node.schema[key] for node in members if key in node.schema}
            if len(said) > 1:
                message = f"the ends of the range {quoted(name)} differ in {key}"
                yield Problem(message=message, path=(*last.place, key))
            elif not said and key == "sliderStep":
                message = f"neither end of the range {quoted(name)} has a sliderStep"
                yield Problem(message=message, path=last.place)


def _semantic(chart: ChartFiles) -> Iterator[Problem]:
    """What an end of a range means."""
    for node in _sliders(chart):
        if "sliderExtremity" in node.schema and "sliderExtremitySemantic" not in node.schema:
            message = "the form does not say what this end means: no sliderExtremitySemantic"
            yield Problem(message=message, path=node.place)


SLIDER_RULES: Final[tuple[Rule[ChartFiles], ...]] = (
    Rule("slider-type", FATAL, SCHEMA, _type),
    Rule("slider-ends", FATAL, SCHEMA, _ends),
    Rule("slider-range", FATAL, SCHEMA, _pair),
    Rule("no-slider", WARNING, SCHEMA, _no_slider),
    Rule("slider-semantic", NOTE, SCHEMA, _semantic),
)
