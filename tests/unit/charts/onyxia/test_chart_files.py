"""Rules about a chart as a whole: its files, its templates, what Helm makes of them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from builder.charts.onyxia.check import check
from builder.charts.onyxia.rules_manifests import Manifest, Rendered
from builder.charts.package import pack
from builder.common.errors import ConfigError
from tests.fakes.charts import ABOUT, NOTES, POD, SCHEMA, VALUES, files

PASSWORD = {
    "type": "string", "default": "", "x-onyxia": {"overwriteDefaultWith": "service.oneTimePassword"}
}  # fmt: skip


def said(chart: Mapping[str, bytes]) -> list[str]:
    return [str(finding) for finding in check(chart)]


def reading(text: str, **more: object) -> dict[str, bytes]:
    """The chart with a value `box.lid` too, and with this text in a template."""
    lid = {"type": "object", "properties": {"lid": {"type": "string", "default": "oak"}}}
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "box": lid}}
    values = {**VALUES, "box": {"lid": "oak"}}
    return {**files(schema, values, **more), "templates/box.yaml": text.encode()}  # type: ignore[arg-type]


def test_a_chart_without_a_fault() -> None:
    assert said(files()) == []


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            "name: clock", "name: Clock",
            'Chart.yaml:2:1: $.name: name: fatal: not a name for a chart: "Clock"\n'
            "  hint: at most 46 of a-z, 0-9 and -, as releases are named after it",
        ),
        (
            "name: clock", f"name: {'a' * 47}",
            f'Chart.yaml:2:1: $.name: name: fatal: not a name for a chart: "{"a" * 47}"\n'
            "  hint: at most 46 of a-z, 0-9 and -, as releases are named after it",
        ),
        (
            "version: 1.2.3", "version: 1.2.3-rc.1",
            "Chart.yaml:3:1: $.version: version: fatal: the version 1.2.3-rc.1 has a suffix\n"
            "  hint: Onyxia never offers such a version, and its services cannot be suspended",
        ),
        (
            "version: 1.2.3", "version: 1.2.3+a",
            "Chart.yaml:3:1: $.version: version: fatal: the version 1.2.3+a has a +\n"
            "  hint: a label or a tag cannot contain it",
        ),
        (
            "version: 1.2.3", "version: '1.2'",
            'Chart.yaml:3:1: $.version: version: fatal: not a version: "1.2"\n'
            "  hint: three numbers, e.g. 1.2.3",
        ),
        ("description: A clock\n", "", "Chart.yaml: about: note: it has no description, which the"
         " catalog shows"),
        ("icon: https://example.org/clock.svg\n", "",
         "Chart.yaml: about: note: it has no icon, which the catalog shows"),
        ("home: https://example.org\n", "",
         "Chart.yaml: about: note: it has no home, which the catalog shows"),
        (
            "version: 1.2.3", "version: 1.2.3\ndependencies: [{name: gear, version: 1.0.0}]",
            "Chart.yaml:4:1: $.dependencies: dependency: warning: the dependency gear is not in"
            " charts/\n  hint: run `helm dependency update`",
        ),
        ("home", "name: other\nhome",
         "Chart.yaml:6:1: chart-file: fatal: duplicate key 'name'"),
    ],
)  # fmt: skip
def test_a_defect_of_chart_yaml(old: str, new: str, text: str) -> None:
    assert said(files(about=ABOUT.replace(old, new))) == [text]


def test_a_library_has_no_form() -> None:
    chart = files(about=ABOUT + "type: library\n")
    assert said({"Chart.yaml": chart["Chart.yaml"]}) == [
        "Chart.yaml:7:1: $.type: library: note: a library is hidden in the catalog"
    ]


def definitions(count: int, references: int) -> bytes:
    """A schema of definitions, of which each refers to the next so many times."""
    schemas = {
        f"d{number}": {"allOf": [{"$ref": f"#/definitions/d{number + 1}"}] * references}
        for number in range(count)
    }
    return json.dumps({"definitions": schemas, "allOf": [{"$ref": "#/definitions/d0"}]}).encode()


DOUBLING = definitions(40, references=2)
CHAINED = definitions(2000, references=1)


@pytest.mark.parametrize(
    ("path", "content", "text"),
    [
        ("Chart.yaml", None, "Chart.yaml: chart-file: fatal: the file is missing"),
        ("Chart.yaml", b"\xff", "Chart.yaml: chart-file: fatal: the file is not UTF-8"),
        ("values.schema.json", None, "values.schema.json: schema-file: fatal: the file is missing\n"
         "  hint: without it the form is empty"),
        ("values.schema.json", b'{\n "type": }', "values.schema.json:2:10: schema-file: fatal:"
         " the file is not valid JSON: Expecting value (line 2, column 10)"),
        ("values.schema.json", b'{"maximum": ' + b"1" * 5000 + b"}",
         "values.schema.json: schema-file: fatal: the file is not valid JSON: a number has 5,000"
         " digits"),
        ("values.schema.json", b'{"type": "object", "type": "array"}',
         "values.schema.json: schema-file: fatal: the file is not valid JSON: the key 'type'"
         " stands twice in one object"),
        ("values.schema.json", b"[" * 100_000,
         "values.schema.json: schema-file: fatal: the file has more than 64 levels"),
        ("values.schema.json", DOUBLING,
         "values.schema.json: schema-file: fatal: the schema has more than 100,000 nodes with"
         " its references"),
        ("values.schema.json", CHAINED,
         "values.schema.json: schema-file: fatal: the schema has more than 128 levels with its"
         " references"),
        ("values.schema.json", b'{"pattern": "' + b"a" * 1001 + b'"}',
         "values.schema.json: schema-file: fatal: a pattern has more than 1,000 characters"),
        ("values.schema.json", b"[]", "values.schema.json: schema-file: fatal: the file is not a"
         " mapping"),
        ("values.yaml", None, "values.yaml: values-file: fatal: the file is missing"),
        ("values.yaml", b"# nothing\n", "values.yaml: values-file: fatal: the file is empty"),
        ("values.yaml", b"- a\n", "values.yaml: values-file: fatal: the file is not a mapping"),
        ("values.yaml", b"a: b: c\n", "values.yaml:1:5: values-file: fatal: not YAML: mapping"
         " values are not allowed here"),
        ("templates/NOTES.txt", None, "templates/NOTES.txt: notes: note: the file is missing"),
    ],
)  # fmt: skip
def test_a_file_that_is_missing_or_broken(path: str, content: bytes | None, text: str) -> None:
    chart = files()
    chart.pop(path)
    if content is not None:
        chart[path] = content
    assert text in said(chart)
    assert [item for item in said(chart) if f"{path}: " in item or f"{path}:" in item] == [text]


def test_a_value_that_stands_twice_in_values_yaml() -> None:
    chart = files() | {"values.yaml": b"global: {suspend: false}\nzone: utc\nzone: utc\n"}
    assert said(chart) == ["values.yaml:3:1: values-file: fatal: duplicate key 'zone'"]


@pytest.mark.parametrize("later", ["utc", "'010'", "{b: utc}", "[utc]"])
@pytest.mark.parametrize("first", ["010", "{b: 010}", "[010]"])
def test_a_value_that_a_later_document_replaces_is_read_alike(first: str, later: str) -> None:
    values = f"global: {{suspend: false}}\nzone: {first}\n---\nzone: {later}\n"
    assert not any("readings" in text for text in said(files() | {"values.yaml": values.encode()}))


def test_what_cannot_be_suspended() -> None:
    schema = {"type": "object", "properties": {"zone": {"type": "string", "default": "utc"}}}
    assert said(files(schema, {"zone": "utc"})) == [
        "values.yaml: suspend: warning: global.suspend is missing: a service cannot be"
        " suspended\n  hint: global: {suspend: false}, read for the replicas"
    ]


def test_a_subchart_that_is_taken_for_the_chart() -> None:
    lib = b"name: my-clock\nversion: 1.0.0\ntype: library\n"
    folder = {"charts/my-clock/Chart.yaml": lib, "charts/my-clock/values.yaml": b"a: 1\n"}
    text = (
        "charts/my-clock: shadow: warning: the subchart my-clock ends with the name of the chart\n"
        "  hint: its values.yaml may be read for the chart's own"
    )
    assert said({**files(), **folder}) == [text]
    assert said({**files(), "charts/my-clock/Chart.yaml": lib}) == []


# Templates.


def test_words_that_cut_what_helm_prints() -> None:
    pod = POD.replace("spec:\n", "# NOTES: none\nspec:\n", 1) + "{{/* NOTES: */}}\n"
    notes = "## A clock\n\n" + NOTES + "NOTES: it ticks\n"
    assert said(files(pod=pod, notes=notes)) == [
        "templates/NOTES.txt:5:1: notes-literal: fatal: the template contains NOTES:, where Onyxia"
        " splits manifests from notes",
        "templates/pod.yaml:5:3: notes-literal: fatal: the template contains NOTES:, where Onyxia"
        " splits manifests from notes",
    ]


def test_a_name_with_a_blank() -> None:
    pod = POD + "          command: [sh, -c, cd $(basename $GIT_REPOSITORY) .git]\n"
    assert said(files(pod=pod)) == [
        "templates/pod.yaml:16:32: basename: warning: basename takes .git for a second argument\n"
        '  hint: $(basename "$GIT_REPOSITORY" .git)'
    ]


def test_notes_without_a_password() -> None:
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "password": PASSWORD}}
    values = {**VALUES, "password": ""}
    silent = files(schema, values, notes="https://{{ .Values.zone }}\n{{ .Values.password }}\n")
    assert said(silent) == [
        "templates/NOTES.txt: password: note: no line shows the password, which is password\n"
        "  hint: - Password: {{ .Values.password }}"
    ]
    assert said(files(schema, values)) == []
    library = {
        "templates/_notes.tpl": b'{{- define "n" }}\nPassword: {{ .Values.password }}{{ end }}\n'
    }
    assert said({**files(schema, values, notes='{{ include "n" . }} https://x'), **library}) == []


def test_notes_without_a_link() -> None:
    made = {"templates/ingress.yaml": b"apiVersion: networking.k8s.io/v1\nkind: Ingress\n"}
    assert said({**files(notes="A clock in {{ .Values.zone }}\n"), **made}) == [
        "templates/NOTES.txt: link: note: the button to open the service needs a URL here:"
        " templates/ingress.yaml has kind Ingress"
    ]
    assert said({**files(), **made}) == []


def unread(chart: Mapping[str, bytes]) -> list[str]:
    """What is said of values that no template reads; how they are written is another rule."""
    return [text for text in said(chart) if ": unread: " in text]


@pytest.mark.parametrize(
    "text",
    [
        "{{ .Values.box.lid }}",
        "{{ $.Values.box.lid | quote }}",
        "{{ toYaml .Values.box }}",
        '{{ include "box" (dict "box" $root.Values.box) }}',
        "{{- with .Values.box }}{{ .lid }}{{ end }}",
        "{{- $box := .Values.box }}{{ $box.lid }}",
        "{{- $values := .Values }}{{ $values.box.lid }}",
        "{{ toYaml .Values }}",
        '{{ index .Values "box" "lid" }}',
        '{{ get .Values "box" }}',
        "{{ .Values.box.lid.inside }}",
    ],
)
def test_a_value_that_is_read(text: str) -> None:
    assert unread(reading(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "{{ .Values.box.bottom }}",
        "{{/* .Values.box.lid */}}",
        "{{ .Values.boxes }}",
        '{{ index .Values "zone" }}',
        "{{- $box := .Values.box }}{{ $box.bottom }}",
        "values: Values",
    ],
)
def test_a_value_that_no_template_reads(text: str) -> None:
    assert unread(reading(text)) == [
        "values.schema.json:20:5: $.properties.box.properties.lid: unread: warning: no template"
        " reads box.lid"
    ]


def test_a_value_that_a_subchart_reads() -> None:
    lib = {
        "charts/lib/Chart.yaml": b"name: lib\nversion: 1.0.0\ntype: library\n",
        "charts/lib/templates/_box.tpl": b"{{ .Values.box.lid }}",
    }
    assert unread({**reading(""), **lib}) == []
    inner = {path.removeprefix("charts/lib/"): data for path, data in lib.items()}
    assert unread({**reading(""), "charts/lib-1.0.0.tgz": pack("lib", inner)}) == []
    app = {"charts/box/Chart.yaml": b"name: box\nversion: 1.0.0\n"}
    about = ABOUT + "dependencies: [{name: box, version: 1.0.0}]\n"
    assert unread({**reading("", about=about), **app}) == []
    about = ABOUT + "dependencies: [{name: lib, version: 1.0.0, condition: box.lid}]\n"
    assert unread({**reading("", about=about), **lib}) == []


def test_packages_that_are_larger_together_than_helm_unpacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("builder.common.limits.CHART_UNPACKED", 10_240)
    inner = pack("lib", {"Chart.yaml": b"name: lib\nversion: 1.0.0\n" + b"#" * 8_000})
    assert check({**files(), "charts/a.tgz": inner}) == ()
    with pytest.raises(ConfigError) as caught:
        check({**files(), "charts/a.tgz": inner, "charts/b.tgz": inner})
    assert str(caught.value) == (
        "charts/b.tgz: the packages below charts/ are larger than Helm's limit"
    )


# Manifests.


def pods(*objects: Mapping[str, object], **more: bool) -> list[str]:
    manifests = tuple(Manifest(file="templates/a.yaml", data=item) for item in objects)
    one = Rendered(values="its defaults", release="r-1", manifests=manifests, **more)
    return [str(finding) for finding in check(files(), [one, one])]


def workload(kind: str = "Deployment", **spec: object) -> dict[str, object]:
    labels = {"app.kubernetes.io/instance": "r-1"}
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {"kind": kind, "metadata": {"name": "clock"}, "spec": {"template": template}}


def test_pods_that_nobody_finds() -> None:
    assert pods(workload(), {"kind": "Service"}) == []
    other = {"metadata": {"labels": {"app.kubernetes.io/instance": "clock"}}}
    hint = "  hint: app.kubernetes.io/instance: {{ .Release.Name }}"
    assert pods({"kind": "Job", "metadata": {"name": "a"}, "spec": {"template": other}}) == [
        "templates/a.yaml: $.spec.template.metadata.labels: instance: warning: Job a: the label"
        f' app.kubernetes.io/instance of its pods is "clock"\n{hint}'
    ]
    assert pods({"kind": "Pod", "metadata": {"name": "a"}}) == [
        "templates/a.yaml: $.metadata.labels: instance: warning: Pod a: the label"
        f" app.kubernetes.io/instance of its pods is missing\n{hint}"
    ]
    hook = {"name": "a", "annotations": {"helm.sh/hook": "test"}}
    assert pods({"kind": "Pod", "metadata": hook}) == []


def test_a_service_that_goes_on() -> None:
    going = {**workload(), "spec": {**workload()["spec"], "replicas": 2}}  # type: ignore[dict-item]
    assert pods(going, is_suspended=True) == [
        "templates/a.yaml: $.spec.replicas: replicas: warning: Deployment clock: suspended,"
        " it still has 2 replicas"
    ]
    stopped = {**going, "spec": {**going["spec"], "replicas": 0}}
    assert pods(stopped, is_suspended=True) == pods(going) == []


def test_a_secret_that_the_pod_shows() -> None:
    env = [{"name": "A", "value": "x"}, {"name": "KEY", "value": "Bearer sample-git-token"}]
    assert pods(workload(containers=[{"env": env}])) == [
        "templates/a.yaml: $.spec.template.spec.containers[0].env[1]: secret: warning: Deployment"
        " clock: the variable KEY contains git.token in plain text\n"
        "  hint: read it from a Secret: valueFrom, or envFrom"
    ]


def test_an_init_container_whose_work_is_lost() -> None:
    def mounting(*names: str) -> dict[str, object]:
        return {"name": "copy", "volumeMounts": [{"name": name} for name in names]}

    lost = workload(initContainers=[mounting("ai")], containers=[mounting("home")])
    assert pods(lost) == [
        "templates/a.yaml: $.spec.template.spec.initContainers[0].volumeMounts: init: warning:"
        " Deployment clock: no container mounts what the init container copy writes"
    ]
    kept = workload(initContainers=[mounting("ai", "home")], containers=[mounting("home")])
    assert pods(kept) == pods(workload(initContainers=[{"name": "a"}])) == []


def test_a_service_that_nobody_looks_for() -> None:
    def annotated(service: str) -> dict[str, object]:
        annotations = {"onyxia/discovery": service}
        return {"kind": "Secret", "metadata": {"name": "s", "annotations": annotations}}

    assert pods(annotated("postgres")) == []
    assert pods(annotated("postgresql")) == [
        'templates/a.yaml: $.metadata.annotations["onyxia/discovery"]: discovery: note: Secret s:'
        " no service looks for onyxia/discovery: postgresql\n  hint: did you mean postgres?"
    ]
