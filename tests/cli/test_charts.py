"""`builder charts check` and `builder charts launch`, on charts of anybody."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from builder.charts.image_table import with_images
from builder.charts.package import pack
from builder.charts.tools import Tools
from builder.common.process import Runner
from tests.cli.conftest import Run
from tests.fakes.catalog import Folder
from tests.fakes.charts import ABOUT, NOTES, POD, SCHEMA, VALUES, files, with_zone, write

pytestmark = pytest.mark.usefixtures("chosen")

ROOT = Path(__file__).parents[2]
# What charts that people use have had.
BROKEN_POD = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: clock
spec:
  template:
    metadata:
      labels:
        app: clock
    spec:
      {{- if .Values.runtimeClassName -}}
      runtimeClassName: {{ .Values.runtimeClassName }}
      {{- end }}
      initContainers:
        - name: copy
          image: {{ tpl .Values.image . }}
          volumeMounts: [{name: settings, mountPath: /settings}]
      containers:
        - name: clock
          args: [{{ .Values.zone }}]
          env: [{name: KEY, value: {{ .Values.key | quote }}}]
"""
BROKEN_SCHEMA = {
    "type": "object",
    "properties": {
        "zone": {"type": "string", "default": "utc"},
        "image": {"type": "string", "default": "clock:1"},
        "runtimeClassName": {"type": "string", "default": ""},
        "key": {
            "type": "string", "default": "", "x-onyxia": {"overwriteDefaultWith": "{{git.token}}"},
        },
        "project": {
            "type": "string", "default": "", "x-onyxia": {"overwriteDefaultWith": "git.project"},
        },
    },
}  # fmt: skip
BROKEN_VALUES = {
    "zone": "cet",
    "image": "clock:1",
    "runtimeClassName": "",
    "key": "",
    "project": "",
}
BROKEN = files(BROKEN_SCHEMA, BROKEN_VALUES, about=ABOUT, notes=NOTES, pod=BROKEN_POD)


@pytest.fixture(autouse=True)
def helm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real helm on PATH, as the builder keeps it."""
    program = Tools(runner=Runner(), folder=ROOT / "build" / "tools").helm().path
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def test_a_chart_without_a_fault(run: Run, tmp_path: Path) -> None:
    folder = write(tmp_path / "clock", files())
    assert run("charts", "check", str(folder)) == (0, "", f"{folder}: no findings\n")


def test_a_broken_chart(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "clock", BROKEN)
    monkeypatch.chdir(tmp_path)
    fault = "YAML parse error on clock/templates/pod.yaml: error converting YAML to JSON: yaml: …"
    pod = "clock/templates/pod.yaml: "
    code, out, err = run("charts", "check", "clock")
    # What is wrong with the YAML is said in the words of helm's version.
    assert (code, re.sub(r"(?<=JSON: yaml: ).*", "…", out), err) == (
        2,
        "\n".join([
            f"{pod}$.spec.template.spec.initContainers[0].volumeMounts: init: warning: Deployment"
            " clock: no container mounts what the init container copy writes",
            f"{pod}$.spec.template.metadata.labels: instance: warning: Deployment clock: the label"
            " app.kubernetes.io/instance of its pods is missing",
            "  hint: app.kubernetes.io/instance: {{ .Release.Name }}",
            f"{pod}$.spec.template.spec.initContainers[0]: limits: note: Deployment clock: the"
            " container copy has no limit of memory and ephemeral-storage",
            f"{pod}$.spec.template.spec.containers[0]: limits: note: Deployment clock: the"
            " container clock has no limit of memory and ephemeral-storage",
            f"{pod}$.spec.template.spec.containers[0].env[0]: secret: warning: Deployment clock:"
            " the variable KEY contains git.token in plain text",
            "  hint: read it from a Secret: valueFrom, or envFrom",
            f"{pod}not-yaml: fatal: with runtimeClassName set: {fault}",
            *(
                line
                for name in ("zone", "image", "runtimeClassName")
                for line in (
                    f'{pod}value-adds-lines: fatal: with "sample\\n---\\nonyxia-check: sample" in'
                    f" {name}: {fault}",
                    "  hint: end each expression that the value reaches with `| quote`",
                )
            ),
            *written("12:25", "runtimeClassName", ".Values.runtimeClassName"),
            "clock/templates/pod.yaml:16:18: value-in-tpl: fatal: the value image is evaluated as a"
            " template, by tpl",
            IN_TPL,
            *written("16:18", "image", "tpl .Values.image ."),
            *written("20:18", "zone", ".Values.zone"),
            "clock/values.schema.json:23:3: $.properties.project: unread: warning: no template"
            " reads project",
            "clock/values.schema.json:27:5: $.properties.project.x-onyxia.overwriteDefaultWith:"
            ' variable: warning: there is no context variable "git.project"',
            "  hint: did you mean project.id or project.basic or git.name?",
            "clock/values.yaml: suspend: warning: global.suspend is missing: a service cannot be"
            " suspended",
            "  hint: global: {suspend: false}, read for the replicas",
            'clock/values.yaml:2:2: $.zone: differs: warning: it is "cet" here, and "utc" in'
            " values.schema.json",
            "  hint: a launch from the form sends the one in values.schema.json",
            "",
        ]),
        "clock: 8 fatal, 7 warnings, 2 notes\n",
    )  # fmt: skip


IN_TPL = '  hint: replace the words of a closed list in it: `replace "${name}" .Release.Name`'


def written(place: str, value: str, expression: str) -> tuple[str, str]:
    """What is said of a value that is written as it is."""
    return (
        f"clock/templates/pod.yaml:{place}: value-not-quoted: fatal: the value {value} is written"
        f" as it is: {{{{ {expression} }}}}",
        "  hint: end with `| quote`, `| int`, `toYaml` or `toJson`, or give it an enum",
    )


def test_a_value_that_becomes_a_template(run: Run, tmp_path: Path) -> None:
    pod = POD.replace(".Values.zone | quote", "tpl .Values.zone . | quote")
    folder = write(tmp_path / "clock", files(pod=pod))
    found = run("charts", "check", str(folder))
    assert (found.code, found.out) == (
        2,
        f"{folder}/templates/pod.yaml:14:18: value-in-tpl: fatal: the value zone is evaluated as a"
        f" template, by tpl\n{IN_TPL}\n"
        f'{folder}/templates/pod.yaml:14:20: unquoted: warning: with "{{{{ sample" in zone:'
        ' template: clock/templates/pod.yaml:14:20: executing "clock/templates/pod.yaml" at <tpl'
        ' .Values.zone .>: error calling tpl: cannot parse template "{{ sample": template: gotpl:1:'
        ' function "sample" not defined\n',
    )


def test_a_value_that_adds_an_object_by_a_detour(run: Run, tmp_path: Path) -> None:
    """By a value that the schema does not know, and a named template: only rendering shows it."""
    pod = POD.replace("name: {{ .Release.Name }}", 'name: {{ include "clock.name" . }}', 1)
    pod += '{{- define "clock.name" }}{{ .Values.zoneName | trunc 63 }}{{ end }}\n'
    chart = files(values={"zoneName": "clock", **VALUES}, pod=pod)
    folder = write(tmp_path / "clock", chart)
    found = run("charts", "check", str(folder))
    assert (found.code, found.out) == (
        2,
        f'{folder}/templates/pod.yaml: value-adds-lines: fatal: with "sample\\n---\\nonyxia-check:'
        ' sample" in zoneName: an object has a key out of the text\n'
        "  hint: end each expression that the value reaches with `| quote`\n"
        f"{folder}/values.yaml:2:2: $.zoneName: value-not-in-schema: warning: the schema does not"
        " describe it: a launch may give it any value\n"
        "  hint: describe it with a type; x-onyxia.hidden keeps it out of the form\n",
    )


def test_a_value_that_names_any_role(run: Run, tmp_path: Path) -> None:
    """A list of the form holds nobody who sends something else: Helm looks at an enum alone."""
    binding = (
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n"
        "metadata: {name: clock}\n"
        "roleRef: {kind: ClusterRole, name: {{ .Values.zone | quote }}}\n"
    )
    zone = {"type": "string", "default": "view", "listEnum": ["view", "edit"], "render": "list"}
    chart = with_zone(zone) | {"templates/pod.yaml": (POD + binding).encode()}
    folder = write(tmp_path / "listed", chart)
    assert run("charts", "check", str(folder)).out == (
        f"{folder}/templates/pod.yaml: $.roleRef.name: any-role: warning: zone names the role of a"
        " RoleBinding, and may be any\n"
        "  hint: give zone an enum in values.schema.json\n"
    )
    zone = {"type": "string", "default": "view", "enum": ["view", "edit"], "render": "list"}
    chart = with_zone(zone) | {"templates/pod.yaml": (POD + binding).encode()}
    assert run("charts", "check", str(write(tmp_path / "held", chart))).out == ""


def test_an_image_whose_digest_is_in_the_package(run: Run, tmp_path: Path) -> None:
    pod = POD + "          image: r.example/clock:1\n"
    table = {"r.example/clock:1": f"sha256:{'a' * 64}"}
    folder = write(tmp_path / "clock", with_images(files(pod=pod), table))
    assert run("charts", "check", str(folder)).out == (
        f"{folder}/templates/pod.yaml: $.spec.template.spec.containers[0].image: image-by-tag:"
        " warning: StatefulSet check-0: the image r.example/clock:1 is named by its tag alone\n"
        f"  hint: r.example/clock:1@sha256:{'a' * 64}\n"
    )
    without = write(tmp_path / "other", files(pod=pod))
    assert run("charts", "check", str(without)).out == ""


def test_helm_does_not_take_the_defaults(run: Run, tmp_path: Path) -> None:
    zone = {"type": "string", "default": "utc", "maxLength": 2}
    folder = write(tmp_path / "clock", with_zone(zone))
    found = run("charts", "check", str(folder))
    assert (found.code, found.out) == (
        2,
        f"{folder}/templates: helm-refuses: fatal: with its defaults: values don't meet the"
        " specifications of the schema(s) in the following chart(s): clock: - at '/zone':"
        " maxLength: got 3, want 2\n",
    )


def test_helm_cannot_carry_out_a_template(run: Run, tmp_path: Path) -> None:
    folder = write(tmp_path / "clock", files(pod=POD + '{{ fail "no clock" }}\n'))
    found = run("charts", "check", str(folder))
    assert (found.code, found.out) == (
        0,
        f"{folder}/templates/pod.yaml:16:3: helm-fails: warning: with its defaults: execution"
        " error at (clock/templates/pod.yaml:16:3): no clock\n",
    )


def test_a_package_and_a_folder_as_json(run: Run, tmp_path: Path) -> None:
    folder = write(tmp_path / "clock", files())
    package = tmp_path / "clock-1.2.3.tgz"
    package.write_bytes(pack("clock", with_zone({"type": "string", "default": "utc"}, "cet")))
    found = run("charts", "check", "--json", str(folder), str(package))
    assert json.loads(found.out) == [
        {
            "chart": str(package),
            "rule": "differs",
            "severity": "warning",
            "file": "values.yaml",
            "path": "$.zone",
            "line": 5,
            "column": 2,
            "message": 'it is "cet" here, and "utc" in values.schema.json',
            "hint": "a launch from the form sends the one in values.schema.json",
        }
    ]
    assert found.err == f"{folder}: no findings\n{package}: 1 warning\n"
    assert found.code == 0


def test_what_is_no_chart(run: Run, tmp_path: Path) -> None:
    missing, text = tmp_path / "clock", tmp_path / "clock.tgz"
    text.write_text("a clock")
    assert run("charts", "check", str(missing)) == (
        2, "",
        f"error: no chart at {missing}\n"
        "  hint: name a folder with a Chart.yaml, or a package (.tgz)\n",
    )  # fmt: skip
    found = run("charts", "check", str(text))
    assert (found.code, found.err) == (2, f"error: {text}: not a chart package: not a gzip file\n")


def test_a_machine_without_helm(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "clock", files(pod=POD.replace("release", "x") + "{{ fail }}"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    found = run("charts", "check", str(folder))
    assert (found.code, found.out) == (0, "")
    assert found.err.startswith("templates are checked without rendering them: helm is not on PATH")
    assert found.err.endswith(
        f"{folder}: no findings\n"
        f"{folder}: not rendered, as helm is not installed; not tried: not-yaml, helm-refuses,"
        " helm-fails, instance, replicas, secret, init, value-adds-lines, unquoted,"
        " any-role, image-by-tag, discovery, default-password, secret-notes, secret-hash, network,"
        " limits\n"
    )


SKIPPED = (
    "not tried: not-yaml, helm-refuses, helm-fails, instance, replicas, secret, init,"
    " value-adds-lines, unquoted, any-role, image-by-tag, discovery, default-password,"
    " secret-notes, secret-hash, network, limits"
)


def test_the_rules_that_were_not_tried_are_named(run: Run, tmp_path: Path) -> None:
    about = ABOUT + "dependencies: [{name: gear, version: 1.0.0}]\n"
    folder = write(tmp_path / "clock", files(about=about))
    assert run("charts", "check", str(folder)).err.splitlines()[-1] == (
        f"{folder}: not rendered, as there is no gear below charts/: run `helm dependency build`;"
        f" {SKIPPED}"
    )
    folder = write(tmp_path / "torn", files() | {"values.yaml": b"a: ["})
    last = run("charts", "check", str(folder)).err.splitlines()[-1]
    assert last == f"{folder}: not rendered, as a file of the chart cannot be read; {SKIPPED}"


OCTAL = {
    "type": "object",
    "properties": {
        "mode": {"type": "integer", "description": "The mode of its files"},
        "open": {"type": "boolean", "description": "Whether anybody may read them"},
    },
}


def octal() -> dict[str, bytes]:
    """The clock with values that Helm reads as YAML 1.1 has them."""
    properties = {**SCHEMA["properties"], "files": OCTAL}
    chart = files({**SCHEMA, "properties": properties})
    lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in VALUES.items())
    chart["values.yaml"] = f"{lines}files:\n  mode: 0440\n  open: yes\n".encode()
    chart["templates/files.yaml"] = (
        b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: files}\n"
        b"data: {mode: '{{ .Values.files.mode }}', open: '{{ .Values.files.open }}'}\n"
    )
    return chart


def test_values_are_what_helm_reads(run: Run, tmp_path: Path) -> None:
    folder = write(tmp_path / "clock", octal())
    mode = f"{len(octal()['values.yaml'].splitlines()) - 1}"
    found = run("charts", "check", str(folder))
    assert (found.code, found.err) == (0, f"{folder}: 2 notes\n")
    assert (
        f"{folder}/values.yaml:{mode}:3: $.files.mode: readings: note: Helm reads 288 here, and"
        " Onyxia's form 440\n"
        "  hint: write 288, which both read alike\n"
    ) in found.out
    found = run("charts", "launch", str(folder))
    assert found.code == 0
    assert "files:\n  mode: 288\n  open: true\n" in found.out
    assert (
        '$.files.open: readings: note: Helm reads true here, and Onyxia\'s form "yes"' in found.err
    )


def test_a_folder_that_holds_what_charts_of_others_hold(run: Run, tmp_path: Path) -> None:
    folder = write(tmp_path / "clock", octal())
    text = (folder / "values.yaml").read_bytes().replace(b"\n", b"\r\n")
    (folder / "values.yaml").write_bytes(b"\xef\xbb\xbf" + text + b"---\r\n{}\r\n")
    (folder / "icon.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "files").mkdir()
    (folder / "files" / "icon.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "templates" / "_parts.tpl").write_bytes(b'{{- define "a" }}x{{ end -}}\r\n')
    (folder / "templates" / "old.yaml.orig").write_bytes(b"\x89 not rendered: {{")
    (folder / ".helmignore").write_bytes(b"*.orig\r\n")
    (tmp_path / "shared.yaml").write_bytes(b"{{/* nothing */}}\n")
    (folder / "templates" / "shared.yaml").symlink_to(tmp_path / "shared.yaml")
    found = run("charts", "check", str(folder))
    assert (found.code, found.err) == (0, f"{folder}: 2 notes\n"), found.out
    assert run("charts", "launch", str(folder)).code == 0


def test_a_chart_of_helm_2(run: Run, tmp_path: Path) -> None:
    about = ABOUT.replace("apiVersion: v2", "apiVersion: v1")
    chart = files(about=about)
    chart["requirements.yaml"] = b"dependencies: [{name: gear, version: 1.0.0}]\n"
    folder = write(tmp_path / "clock", chart)
    assert "there is no gear below charts/" in run("charts", "check", str(folder)).err
    chart["charts/gear/Chart.yaml"] = b"apiVersion: v1\nname: gear\nversion: 1.0.0\n"
    folder = write(tmp_path / "whole" / "clock", chart)
    assert "not rendered" not in run("charts", "check", str(folder)).err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("values.yaml", b"a: &a [*a]\n", "fatal: an alias refers to a node that contains it"),
        ("values.yaml", b"[" * 5000, "fatal: it has more than 64 levels"),
        ("values.schema.json", b"[" * 100_000, "fatal: the file has more than 64 levels"),
        ("charts/gear.tgz", b"a gear", "charts/gear.tgz: not a chart package: not a gzip file"),
    ],
)
def test_a_hostile_chart_is_refused_by_name(
    run: Run, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    folder = write(tmp_path / "clock", files() | {name: content})
    found = run("charts", "check", str(folder))
    assert found.code == 2
    assert message in found.out + found.err
    assert run("charts", "launch", str(folder)).code == 2


@pytest.mark.parametrize(
    "key", ['"$ref": "http://127.0.0.1:1/x"', '"$schema": "file:///etc/passwd"', '"$ref": "x.json"']
)
@pytest.mark.parametrize("below", ["", "charts/gear/"])
def test_what_a_schema_refers_to_elsewhere_is_not_fetched(
    run: Run, tmp_path: Path, key: str, below: str
) -> None:
    schema = f'{{"type": "object", "properties": {{}}, {key}}}'.encode()
    chart = files() | {"charts/gear/Chart.yaml": b"apiVersion: v2\nname: gear\nversion: 1.0.0\n"}
    chart[f"{below}values.schema.json"] = schema
    path = write(tmp_path / "clock", chart)
    name = key.rpartition(": ")[2].strip('"')
    reason = f"{below}values.schema.json refers to {name}, which is not fetched"
    assert f"not rendered, as {reason};" in run("charts", "check", str(path)).err
    assert run("charts", "launch", str(path)).err.endswith(f"error: helm is not asked: {reason}\n")


def test_a_template_that_would_use_up_the_machine(run: Run, tmp_path: Path) -> None:
    pod = "{{ range until 1000000000 }}a: b\n{{ end }}"
    found = run("charts", "check", str(write(tmp_path / "clock", files(pod=pod))))
    assert "helm-fails: warning: " in found.out
    assert "out of memory" in found.out


def test_a_pattern_that_would_never_end(run: Run, tmp_path: Path) -> None:
    zone = {"type": "string", "pattern": "^(a|a)*$", "default": "a" * 40 + "!"}
    found = run("charts", "check", str(write(tmp_path / "clock", with_zone(zone))))
    assert found.code == 2
    assert "the pattern ^(a|a)*$ takes too long on a text of 41 characters" in found.err


def test_outside_of_a_catalog(run: Run, tmp_path: Path) -> None:
    folder = write(tmp_path / "clock", files())
    found = run("charts", "check", "--root", str(tmp_path), str(folder))
    assert found == (0, "", f"{folder}: no findings\n")


# Launches.


def test_a_launch(run: Run, tmp_path: Path) -> None:
    zone = {
        "type": "object",
        "properties": {
            "name": {
                "type": "string", "default": "no",
                "x-onyxia": {"overwriteDefaultWith": "{{user.name}} at {{k8s.domain}}"},
            },
            "on": {"type": "array", "default": [{"day": 1}]},
            "a.b": {"type": "object", "default": {}},
        },
    }  # fmt: skip
    given = {"name": "no", "on": [{"day": 1}], "a.b": {}}
    folder = write(tmp_path / "clock", with_zone(zone, given))
    text = 'global:\n  suspend: false\nzone:\n  name: {}\n  "on":\n    - day: 1\n  "a.b": {{}}\n'
    assert run("charts", "launch", str(folder)) == (0, text.format('"no"'), "")
    context = tmp_path / "context.yaml"
    context.write_text("user: {name: 'Ann: \"x\"'}\nk8s: {domain: example.org}\n")
    found = run("charts", "launch", str(folder), "--context", str(context))
    assert found == (0, text.format(r'"Ann: \"x\" at example.org"'), "")
    assert YAML(typ="safe").load(found.out)["zone"]["name"] == 'Ann: "x" at example.org'
    package = tmp_path / "clock.tgz"
    package.write_bytes(pack("clock", with_zone(zone, given)))
    context.write_text(json.dumps({"user": {"name": "Ann"}}))
    assert run("charts", "launch", str(package), "--context", str(context)).out == text.format(
        '"no"'
    )


def test_a_launch_of_a_link(run: Run, tmp_path: Path) -> None:
    zone = {"type": "string", "default": "view", "listEnum": ["view", "edit"], "render": "list"}
    folder, patch = write(tmp_path / "clock", with_zone(zone, "view")), tmp_path / "patch.yaml"
    patch.write_text("[[[zone], edit], [[more, deep], 1], [[more, deep]]]")
    found = run("charts", "launch", str(folder), "--patch", str(patch))
    assert (found.code, found.err) == (0, "")
    assert 'zone: "edit"' in found.out
    patch.write_text("[[[zone], owner]]")
    found = run("charts", "launch", str(folder), "--patch", str(patch))
    assert (found.code, found.err) == (
        2,
        "error: the form fails at $.zone: its value is not in the list\n"
        "  hint: set one that is, or leave it out\n",
    )
    patch.write_text("- [zone, owner]\n- 3\n")
    found = run("charts", "launch", str(folder), "--patch", str(patch))
    assert found == (
        2, "",
        f"error: {patch}:1:3: not a change of a value\n    - [zone, owner]\n      ^\n"
        "  hint: [[git, branch], main] sets one, and [[git, branch]] takes it away\n"
        f"{patch}:2:3: not a change of a value\n    - 3\n      ^\n"
        "  hint: [[git, branch], main] sets one, and [[git, branch]] takes it away\n",
    )  # fmt: skip


def test_a_launch_of_a_chart_of_the_matrix(run: Run, folder: Folder) -> None:
    found = run("charts", "launch", "desk")
    image = "127.0.0.1:5999/shop-desk:lang1.10.4-2026.11.23"
    assert found == (0, f'image:\n  version: "{image}"\n', "")
    assert run("charts", "launch", "deks") == (
        3, "", "error: no chart 'deks', in the matrix or as a path\n  hint: did you mean desk?\n",
    )  # fmt: skip


def test_a_launch_of_a_chart_that_is_not_offered(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDER_TODAY", "2031-01-01")  # when all lines have ended
    image = "127.0.0.1:5999/shop-desk:latest"
    assert run("charts", "launch", "desk") == (
        0,
        f'image:\n  version: "{image}"\n',
        f"no image of desk can be released now: it names {image}\n",
    )


def test_a_launch_that_fails(run: Run, tmp_path: Path) -> None:
    folder = write(tmp_path / "clock", with_zone({"type": "string"}))
    assert run("charts", "launch", str(folder)) == (
        2, "",
        "error: the launch fails at $.zone: the value has no default, and values.yaml has none"
        " either\n"
        "  hint: give it a default that fits its schema\n",
    )  # fmt: skip


def test_a_launch_that_helm_refuses(run: Run, tmp_path: Path) -> None:
    zone = {"type": "string", "default": "u", "maxLength": 2, "x-onyxia": {
        "overwriteDefaultWith": "user.name"}}  # fmt: skip
    folder = write(tmp_path / "clock", with_zone(zone))
    context = tmp_path / "context.yaml"
    context.write_text("user: {name: Ann}\n")
    found = run("charts", "launch", str(folder), "--context", str(context))
    assert found.code == 5
    assert found.out == 'global:\n  suspend: false\nzone: "Ann"\n'
    assert found.err.startswith(
        "error: helm rejects these values\nError: values don't meet the specifications"
    )
    assert "maxLength: got 3, want 2" in found.err


def test_a_context_that_is_none(run: Run, tmp_path: Path) -> None:
    folder = write(tmp_path / "clock", files())
    context = tmp_path / "context.yaml"
    context.write_text("- user\n")
    found = run("charts", "launch", str(folder), "--context", str(context))
    assert found == (2, "", f"error: {context}:1:1: not a mapping\n    - user\n    ^\n")
    context.write_text("user: {name: a}\nuser: {name: b}\n")
    found = run("charts", "launch", str(folder), "--context", str(context))
    assert (found.code, "duplicate key 'user'" in found.err) == (2, True)


def test_a_chart_that_cannot_be_read(run: Run, tmp_path: Path) -> None:
    folder = write(tmp_path / "clock", {"Chart.yaml": ABOUT.encode(), "values.yaml": b""})
    assert run("charts", "launch", str(folder)) == (
        2, "",
        "error: values.yaml: values-file: fatal: the file is empty\n"
        "values.schema.json: schema-file: fatal: the file is missing\n"
        "  hint: without it the form is empty\n",
    )  # fmt: skip
