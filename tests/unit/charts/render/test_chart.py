"""A tiny chart recipe, rendered, against files kept in tests/golden; and what is refused."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.catalog.models import Chart, ChartFeature
from builder.charts.render.chart import render_chart
from builder.common.errors import ConfigError, Problems
from tests.fakes.chart_files import chart_feature, chart_recipe

GOLDEN = Path(__file__).parents[3] / "golden" / "charts" / "clock"
IMAGES = (
    "registry.example.org:5000/team/clock:tick1.2.3-2026.01.05",
    "registry.example.org:5000/team/clock:tick1.1.0-2026.01.05",
)
LIBRARY = {
    "Chart.yaml": b"apiVersion: v2\nname: lib\ntype: library\nversion: 0.3.0\n",
    "templates/_names.tpl": b'{{- define "lib.name" -}}{{ .Values.nameOverride }}{{- end -}}\n',
}
CORE_VALUES: dict[str, object] = {
    "nameOverride": {"type": "string", "default": "", "text": "Another name", "form": False},
    "image": {"type": "object", "title": "Image", "text": "What runs"},
    "image.version": {
        "type": "string", "default": "$default_image", "listEnum": "$images", "render": "list",
        "text": "The image | that runs",
    },
    "image.port": {"type": "integer", "default": "$port", "text": "Its port"},
}  # fmt: skip
CORE_FILES = {
    "helpers.tpl": '{{- define "chart.image" -}}{{ .Values.image.version }}{{- end -}}\n',
    "slots/container.yaml": 'image: {{ include "chart.image" . | quote }}\n',
    "slots/ports.yaml": "- containerPort: {{ .Values.image.port | int }}\n",
    "templates/pod.yaml": '{{ include "lib.pod" (include "chart.slots" . | fromYaml) }}\n',
}
ALARM_VALUES: dict[str, object] = {
    "alarm": {"type": "object", "text": "Rings"},
    "alarm.enabled": {"type": "boolean", "default": True, "text": "Ring", "from": "user.awake"},
    "alarm.token": {
        "type": "string", "default": "", "text": "Its token", "render": "password",
        "from": "{{service.oneTimePassword}}", "shown_if": "alarm.enabled",
        "onyxia": {"hidden": False},
    },
    "alarm.secretName": {"type": "string", "default": "", "text": "A name", "form": False},
}  # fmt: skip
ALARM_FILES = {
    "slots/secret.yaml": (
        "{{- $alarm := .Values.alarm }}\n"
        "{{- if $alarm.enabled }}\nTOKEN: {{ $alarm.token | quote }}\n{{- end }}\n"
    ),
    "notes.md": "- Password: {{ .Values.alarm.token }}\n",
    "ci/silent-values.yaml": "alarm:\n  enabled: false\n",
}
SPEC: dict[str, object] = {
    "title": "Clock",
    "description": 'A "clock" on $image_name',
    "icon": "https://example.org/clock.svg",
    "home": "https://example.org",
    "keywords": ["time"],
    "command": ["clock", 'say "hi"', "--port={{ .Values.image.port | int }}"],
    "port": 1234,
    "health": "/now",
    "features": ["core", "alarm"],
}


def feature(
    name: str, values: Mapping[str, object], files: Mapping[str, str], **more: object
) -> ChartFeature:
    spec = {"summary": f"The {name}", "values": values, **more}
    return chart_feature(name, spec, files)


def core(**more: object) -> ChartFeature:
    return feature("core", {**CORE_VALUES, **more}, CORE_FILES)


def alarm(**more: object) -> ChartFeature:
    secret = {"name": "alarm.secretName"}
    return feature("alarm", {**ALARM_VALUES, **more}, ALARM_FILES, secret=secret)


def render(
    *features: ChartFeature,
    name: str = "clock",
    spec: Mapping[str, object] | None = None,
    extra: tuple[str, ...] = (),
    images: tuple[str, ...] = IMAGES,
    texts: Mapping[str, str] | None = None,
) -> dict[str, bytes]:
    found = features or (core(), alarm())
    return render_chart(
        chart=Chart(name=name, recipe="clock", image="wall-clock", features=extra),
        recipe=chart_recipe("clock", {**SPEC, **(spec or {})}, texts),
        features={item.name: item for item in found},
        library=LIBRARY,
        images=images,
        version="1.0.0",
        catalog="demo",
    )


def test_it_renders_what_is_kept() -> None:
    files = render()
    if os.environ.get("UPDATE_GOLDEN"):
        for path, content in files.items():
            (GOLDEN / path).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / path).write_bytes(content)
    kept = {
        path.relative_to(GOLDEN).as_posix(): path.read_bytes()
        for path in sorted(GOLDEN.rglob("*"))
        if path.is_file()
    }
    assert files == kept


def test_it_renders_the_same_bytes_twice() -> None:
    assert list(render().items()) == list(render().items())


def test_no_name_of_a_feature_is_shared_between_charts() -> None:
    files = render(name="sundial")
    for path, content in files.items():
        if path.startswith("templates/"):
            assert b'"chart.' not in content
            assert b"clock." not in content


def refused(*features: ChartFeature, **options: object) -> str:
    with pytest.raises((ConfigError, Problems)) as caught:
        render(*features, **options)  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_two_features_describe_one_value() -> None:
    again = {"type": "boolean", "default": False, "text": "Again"}
    assert refused(core(**{"alarm.enabled": again}), alarm()) == (
        "charts/features/alarm/feature.yaml: value alarm.enabled is described in "
        "charts/features/core/feature.yaml already"
    )


def test_a_default_outside_its_enum() -> None:
    bad = {"type": "string", "default": "c", "enum": ["a", "b"], "text": "One of"}
    files = {**CORE_FILES, "notes.md": "{{ .Values.kind }}"}
    assert refused(feature("core", {**CORE_VALUES, "kind": bad}, files), alarm()) == (
        'charts/features/core/feature.yaml: value kind: the default "c" is not in its enum\n'
        "  hint: one of: a, b"
    )


def test_a_template_reads_what_nothing_declares() -> None:
    files = {**CORE_FILES, "templates/pod.yaml": "a: 1\nb: {{ .Values.image.versoin }}\n"}
    assert refused(feature("core", CORE_VALUES, files), alarm()) == (
        "charts/features/core/templates/pod.yaml:2:15: the template reads .Values.image.versoin, "
        "which no feature declares\n"
        "    b: {{ .Values.image.versoin }}\n"
        "                  ^\n"
        "  hint: did you mean image.version or image.port?"
    )


def test_a_value_that_no_template_reads() -> None:
    idle = {"type": "integer", "default": 1, "text": "Nothing"}
    text = "values:\n  idle:\n    type: integer\n"
    made = feature("core", {**CORE_VALUES, "idle": idle}, {**CORE_FILES, "feature.yaml": text})
    assert refused(made, alarm()) == (
        "charts/features/core/feature.yaml:2:3: value idle: no template reads it\n"
        "      idle:\n"
        "      ^\n"
        "  hint: read it, e.g. in `command` of chart.yaml: {{ .Values.idle }}"
    )


def test_an_unknown_feature() -> None:
    texts = {"chart.yaml": "title: Clock\nfeatures:\n  - core\n  - alram\n"}
    assert refused(spec={"features": ["core", "alram"]}, texts=texts) == (
        "charts/clock/chart.yaml:4:5: unknown feature 'alram'\n"
        "      - alram\n"
        "        ^\n"
        "  hint: did you mean alarm?"
    )
    assert refused(extra=("bell",)).startswith("matrix.yaml: chart clock: unknown feature 'bell'")


@pytest.mark.parametrize("name", ["Clock", "clock_1", "-clock", "clock-", "c" * 47, "a.b", ""])
def test_a_bad_name(name: str) -> None:
    assert refused(name=name) == (
        f"matrix.yaml: not a chart name: {name!r}\n"
        "  hint: at most 46 of a-z, 0-9 and -, as releases are named after it"
    )


def test_the_longest_name() -> None:
    assert b"name: " in render(name="c" * 46)["Chart.yaml"]


def test_no_image() -> None:
    assert refused(images=()) == "matrix.yaml: chart clock: it has no image"


def test_a_default_of_another_type_and_none_at_all() -> None:
    text = refused(
        core(
            one={"type": "integer", "default": "1"},
            two={"type": "string"},
            three={"type": "strin", "default": ""},
            four={"type": "integer", "default": True},
        ),
        alarm(),
    )
    place = "charts/features/core/feature.yaml: value"
    assert f'{place} one: the default "1" is not of type integer' in text
    assert f"{place} two: it has no default\n  hint: every value needs one" in text
    assert f"{place} three: type must be one of string, boolean, integer" in text
    assert f"{place} four: the default true is not of type integer" in text


def test_a_value_inside_of_another() -> None:
    inner = {"type": "string", "default": ""}
    assert "value image.port.x: image.port is a value and cannot hold another" in refused(
        core(**{"image.port.x": inner}), alarm()
    )


def test_a_value_shown_by_one_that_is_not_there() -> None:
    odd = {"type": "string", "default": "", "shown_if": "alarm.enable"}
    assert refused(core(**{"image.odd": odd}), alarm()).endswith(
        "value image.odd: alarm.enable, which shows it, is not a value of the chart\n"
        "  hint: did you mean alarm.enabled or alarm.token or alarm?"
    )


def test_two_features_in_one_exclusive_slot() -> None:
    files = {**ALARM_FILES, "slots/container.yaml": "image: x\n"}
    made = feature("alarm", ALARM_VALUES, files, secret={"name": "alarm.secretName"})
    assert refused(core(), made) == (
        "charts/features/alarm/slots/container.yaml: slot container is filled by core already\n"
        "  hint: only one feature of a chart can fill it"
    )


def test_a_slot_that_is_not_there() -> None:
    made = feature("core", CORE_VALUES, {**CORE_FILES, "slots/mount.yaml": "- x\n"})
    assert "charts/features/core/slots/mount.yaml: there is no slot mount\n" in refused(
        made, alarm()
    )


def test_a_recipe_changes_a_default() -> None:
    files = render(spec={"values": {"alarm.enabled": {"default": False}}})
    assert b"enabled: false" in files["values.yaml"]
    assert refused(spec={"values": {"alarm.enabeld": {"default": False}}}) == (
        "charts/clock/chart.yaml: no feature has a value alarm.enabeld\n"
        "  hint: did you mean alarm.enabled or alarm.token or alarm?"
    )


def test_several_problems_are_reported_together() -> None:
    text = refused(name="Bad", images=())
    assert len([line for line in text.splitlines() if not line.startswith(" ")]) == 2
