"""The generated pages of docs/: commands.md from click, those of a catalog's files from schemas.

`UPDATE_GOLDEN=1 pytest tests/unit/docs` writes them. A line of a page that is not generated stands
in the constants below.
"""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import click

from builder.catalog import schema
from builder.cli.lazy import LazyGroup
from builder.cli.main import cli

_GENERATED = "<!-- Generated: UPDATE_GOLDEN=1 pytest tests/unit/docs -->\n"
# An option that so many commands have, in the same words, is described once.
_SHARED_BY = 4
_PLACES = {
    "axes.<name>.<name>": "axes.<axis>.<value>",
    "images.<name>": "images.<image>",
    "charts.<name>": "charts.<chart>",
    "when.<name>": "when.<condition>",
    "values.<name>": "values.<path>",
}

MATRIX_EXAMPLE = """\
catalog:
  name: my-catalog
  registries: [ghcr.io/myorg]
axes:
  debian:
    "13": {sources: [{bootstrap: trixie}], eol: 2030-06-30}
    "12": {sources: [{bootstrap: bookworm}], eol: 2028-06-30}
  python:
    "3.13": {provider: apt, requires: {debian: "13"}, tag: "py{version}"}
    "3.11": {provider: apt, requires: {debian: "12"}, tag: "py{version}"}
images:
  base: {from: debian, axes: [debian]}
  python-minimal: {from: base, axes: [python]}
  notebook: {from: python-minimal, only: {python: [first]}}
charts:
  notebook: {image: notebook}
"""
RECIPE_EXAMPLE = """\
summary: A notebook server
needs: [python]
packages:
  apt: [git]
  pip: [jupyterlab]
when:
  debian=12: {packages: {apt: [libpq5]}}
ports: [8888]
command: [jupyter, lab]
budget: 60 MB
"""
CHART_EXAMPLE = """\
title: Notebook
description: A notebook on the image $image_name
command: [jupyter, lab, "--port={{ .Values.networking.service.port | int }}"]
port: 8888
health: /api
needs: [notebook]
features: [service, session, http, persistence, ingress]
values:
  persistence.size: {default: 20Gi}
"""
FEATURE_EXAMPLE = """\
summary: An assistant
secret: {name: assistant.secretName}
values:
  assistant.enabled:
    type: boolean
    default: false
    title: Connect to an assistant
    from: user.profile.assistant.enabled
  assistant.token:
    type: string
    default: ""
    render: password
    text: The key of the assistant
    shown_if: assistant.enabled
"""
UPSTREAM_EXAMPLE = """\
title: Argo Workflows
description: Workflows of one namespace
values:
  crds: {install: false}
  singleNamespace: true
form:
  controller.resources.requests.memory: {type: string, default: 200Mi, title: Memory}
images:
  - match: argoproj/argocli
    registry: server.image.registry
    repository: server.image.repository
    tag: server.image.tag
"""
_MATRIX_INTRO = f"""\
`matrix.yaml` says what a catalog has. Everything else is derived from it. An unknown key is
refused, with its line and column. Keys at the top that begin with `x-` are for your anchors. The
schema of this page is `builder/catalog/matrix.schema.json`, with which editors complete the file.

```yaml
{MATRIX_EXAMPLE}```

## Lists of values

`only`, `exclude` and `requires` choose values of axes. An entry of a list is a name, or says what
is meant, so that a new release line is written in one place. The plan shows names.

| entry | chooses |
|---|---|
| `first` | the first value in the order of the axis |
| `newest` | the value of the highest version |
| `not none` | every value but this one |
| `from apt` | the values of this provider |
| `">= 3.13"` | the values of this release line and later ones; also `>`, `<=` and `<` |

- The entries of a list are alternatives. Commas in an entry join what must hold, each term among
  what the one before left: `"from apt, newest"` is the newest of apt.
- An image chooses among the values that its parent leaves and those of its own axes, a chart among
  those of its image, and a value in `requires` and `only` among all values of the axis.
- A version is the `release_line` of the value, or its name. What has no number, such as `none`, is
  never the newest, and in no comparison.
- YAML wants quotes around an entry that begins with `>` or has a comma.
- No value may be called `first` or `newest`.
"""
_RECIPE_INTRO = f"""\
`images/<recipe>/recipe.yaml` says how an image is made from its parent. What else is in that
folder is described under [Add a recipe](../.github/CONTRIBUTING.md#add-a-recipe).

```yaml
{RECIPE_EXAMPLE}```
"""
_CHART_INTRO = f"""\
`charts/<chart>/chart.yaml` says how a service is started, and which features its chart has. What
else is in that folder is described in [charts](../charts/README.md).

```yaml
{CHART_EXAMPLE}```
"""
_FEATURE_INTRO = f"""\
`charts/features/<feature>/feature.yaml` says which values a feature adds to a chart. The templates
beside it read them: [charts](../charts/README.md) says how.

```yaml
{FEATURE_EXAMPLE}```
"""
_UPSTREAM_INTRO = f"""\
`charts/<recipe>/upstream.yaml` says what is set and shown of a chart of an upstream. The page
[upstream charts](upstream-charts.md) says what becomes of it.

```yaml
{UPSTREAM_EXAMPLE}```
"""
_SERVICES_INTRO = """\
`charts/features/discovery/services.yaml` is the table of the services that find one another in a
namespace. A service publishes itself by a Secret with the annotation `onyxia/discovery`, and
those that are launched later read it: who was launched before does not see it. A catalog of your
own may have a table of its own, which takes the place of the builder's.

```yaml
services:
  mariadb:
    title: MariaDB
    needs: [mariadb-service]
    variables:
      MARIADB_HOST: "{mariadb-service}"
      MARIADB_PORT: ["{mariadb-port}", "3306"]
      MARIADB_PASSWORD: ["{password}", "{mariadb-password}"]
    publishes:
      mariadb-service: "{host}"
      mariadb-port: "{port}"
      password: "{password}"
    raw: [mariadb-port]
```

## Publish a service

Give the chart the feature `discovery-publish`, and name the row in a helper of the chart or of
one of its features (`helpers.tpl`), with the facts that the row asks for:

```
{{- define "chart.discovery" -}}
service: mariadb
facts:
  database: {{ .Values.mariadb.database | quote }}
  username: {{ .Values.mariadb.username | quote }}
  password: {{ include "chart.password" . | quote }}
{{- end -}}
```

The chart gives the facts `host`, `port` (of the Service), `url` (`http://host:port`) and
`namespace` itself; a helper may say others of these names. A key whose text has an empty hole is
left out. Where the table has no row of a service, add one: nothing else names it.
`charts/features/postgresql-server/helpers.tpl` is an example.

## Find a service

Each row is a feature `<value>-client`, with the value `discovery.<value>` that turns it off.
`clients` stands for each row that the languages of the chart's image can use; a chart names
`discovery` before it. So Python, R and Julia get what they have clients for, and a server such as
MLflow names the one that it needs, `postgresql-client`.

Of several Secrets of a service, the first is taken that has all keys of `needs`. Where none has,
the notes of the release name the Secret and the keys that it lacks. A value that begins with
`.Values.` counts as none, as some charts write that where they have no value. A port is
understood in base64 and as it is.

A file of a row is read-only, and hides one of the same name that the volume has.

## Texts

| in a text | is replaced by |
|---|---|
| `{key}` | what the Secret has under the key; of `publishes`, the fact |
| `{key:url}` | the same, percent-encoded for a URL |
| `{key:scheme}` | `https` where it is `true`, else `http` |
| `{key:all}` | that of all Secrets of the same service, joined by commas |
| `{key>other}` | what the Secret that `key` names has under `other` |
| `{@namespace}`, `{@s3}` | the namespace; the address of the S3 store |

Of a list of texts, the first is taken of which no hole is empty.
"""
_COMMANDS_INTRO = """\
`builder COMMAND --help` shows the same. A flag goes before the environment variable of its option,
which goes before the file, which goes before the default. How commands end is on the page
[exit codes](exit-codes.md); what a selection is, on the page [running](running.md#select-a-part).
"""


def pages() -> dict[str, str]:
    """Return the generated pages, by the name of their file."""
    matrix = json.loads(schema.json_schema("matrix.schema.json"))
    recipe = json.loads(schema.json_schema("recipe.schema.json"))
    chart = json.loads(schema.json_schema("chart.schema.json"))
    feature = json.loads(schema.json_schema("feature.schema.json"))
    upstream = json.loads(schema.json_schema("upstream.schema.json"))
    services = json.loads(schema.json_schema("services.schema.json"))
    return {
        "commands.md": commands_page(),
        "matrix.md": _schema_page("matrix.yaml", _MATRIX_INTRO, matrix),
        "recipe.md": _schema_page("recipe.yaml", _RECIPE_INTRO, recipe),
        "chart.md": _schema_page("chart.yaml", _CHART_INTRO, chart),
        "feature.md": _schema_page("feature.yaml", _FEATURE_INTRO, feature),
        "upstream.md": _schema_page("upstream.yaml", _UPSTREAM_INTRO, upstream),
        "services.md": _schema_page("services.yaml", _SERVICES_INTRO, services),
    }


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its full name, e.g. `builder charts check`, groups before theirs."""

    def walk(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield name, command
        if isinstance(command, click.Group):
            context = click.Context(command, info_name=name)
            for key in command.list_commands(context):
                found = command.get_command(context, key)
                assert found is not None
                yield from walk(f"{name} {key}", found)

    yield from walk("builder", cli)


def commands_page() -> str:
    """Return commands.md."""
    named = [(name, command) for name, command in commands() if command is not cli]
    count = Counter(_option_row(option) for _, command in named for option in _options(command))
    shared = {row for row, times in count.items() if times >= _SHARED_BY}
    parts = [_GENERATED, "# Commands\n", _COMMANDS_INTRO, _summaries()]
    parts.extend(_command_section(name, command, shared) for name, command in named)
    parts.append("## Options of many commands\n")
    parts.append(_table("option", [row for row in count if row in shared]))
    return "\n".join(parts)


def _summaries() -> str:
    """Return the table of all commands: what each does, in a line."""
    rows = []
    for name, command in commands():
        if not isinstance(command, LazyGroup):
            continue
        for key, summary in command.summaries.items():
            anchor = f"{name} {key}".replace(" ", "-")
            rows.append((f"[`{name} {key}`](#{anchor})", summary))
    return _table("command", rows)


def _command_section(name: str, command: click.Command, shared: set[tuple[str, str]]) -> str:
    context = click.Context(command, info_name=name)
    is_group = isinstance(command, click.Group)
    pieces = ["[OPTIONS]"] if is_group else command.collect_usage_pieces(context)
    usage = " ".join((name, *pieces))
    text, _, example = inspect.cleandoc(command.help or "").partition("\b\nExample:\n")
    parts = [f"## {name}\n", f"```\n{usage}\n```\n", text.strip() + "\n"]
    if example:
        parts.append(f"```\n{inspect.cleandoc(example)}\n```\n")
    own = [row for option in _options(command) if (row := _option_row(option)) not in shared]
    if own:
        parts.append(_table("option", own))
    others = [
        f"`{max(option.opts, key=len)}`"
        for option in _options(command)
        if _option_row(option) in shared
    ]
    if others:
        link = "[options of many commands](#options-of-many-commands)"
        parts.append(f"It also has these {link}: {', '.join(others)}.\n")
    return "\n".join(parts)


def _options(command: click.Command) -> list[click.Option]:
    return [option for option in command.params if isinstance(option, click.Option)]


def _option_row(option: click.Option) -> tuple[str, str]:
    """Return how an option is written, and its help, default and environment variable."""
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if not option.is_flag:
        context = click.Context(cli)
        names += f" {_variant(option.make_metavar(context))}"
    facts = [option.help or ""]
    if option.required:
        facts.append("Required.")
    if isinstance(option.show_default, str):
        facts.append(f"Default: {option.show_default}.")
    elif isinstance(option.default, str | float) and not option.is_flag and option.default != "":
        default = option.default if isinstance(option.default, str) else f"{option.default:g}"
        facts.append(f"Default: `{default}`.")
    if option.envvar:
        facts.append(f"Environment: `{option.envvar}`.")
    return names, " ".join(fact for fact in facts if fact)


def _table(head: str, rows: list[tuple[str, str]]) -> str:
    lines = [f"| {head} | |", "|---|---|"]
    lines.extend(f"| {first} | {second.replace('|', chr(92) + '|')} |" for first, second in rows)
    return "\n".join(lines) + "\n"


def _variant(text: str) -> str:
    return text.replace("|", "\\|")


def _schema_page(title: str, intro: str, data: Mapping[str, Any]) -> str:
    """Return the page of a schema: its own keys, then those of each object that they lead to."""
    definitions: Mapping[str, Any] = data.get("$defs", {})
    parts = [_GENERATED, f"# {title}\n", intro, "## Keys\n", _keys(data)]
    for path, name in _objects(data, definitions):
        parts += [f"## `{_place(path)}`\n", _sentence(definitions[name]["description"])]
        parts.append(_keys(definitions[name]))
    return "\n".join(parts)


def _objects(data: Mapping[str, Any], definitions: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return every object below this one, by the path where it may be."""
    found: list[tuple[str, str]] = []
    for key, field in data["properties"].items():
        for path, name in _references(key, field):
            found.append((path, name))
            below = _objects(definitions[name], definitions)
            found.extend((f"{path}.{rest}", other) for rest, other in below)
    return found


def _references(path: str, field: Mapping[str, Any]) -> list[tuple[str, str]]:
    if "$ref" in field:
        return [(path, field["$ref"].rsplit("/", 1)[-1])]
    for option in field.get("anyOf", ()):
        if found := _references(path, option):
            return found
    if isinstance(items := field.get("items"), dict):
        return _references(f"{path}[]", items)
    for value in _values(field):
        return _references(f"{path}.<name>", value)
    return []


def _values(field: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the schema of the values of a mapping, if it is one of any keys."""
    extra = field.get("additionalProperties")
    return [
        *field.get("patternProperties", {}).values(),
        *([extra] if isinstance(extra, dict) else []),
    ]


def _keys(data: Mapping[str, Any]) -> str:
    required = data.get("required", ())
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, field in data["properties"].items():
        default = "required" if key in required else _default(field)
        meaning = field.get("description", "") + _examples(field)
        lines.append(f"| `{key}` | {_type(field)} | {default} | {_variant(meaning)} |")
    other = data.get("additionalProperties")
    if isinstance(other, Mapping) and "title" in other:  # any other key, which is a name
        lines.append(f"| `<{other['title']}>` | {_type(other)} |  | {other['description']} |")
    return "\n".join(lines) + "\n"


def _examples(field: Mapping[str, Any]) -> str:
    """Return the example of a field, as JSON, which is YAML too."""
    texts = [json.dumps(example, ensure_ascii=False) for example in field.get("examples", ())]
    return f"; e.g. `{texts[0]}`" if texts else ""


def _type(field: Mapping[str, Any]) -> str:
    """Return the type of a field in words."""
    if "$ref" in field:
        return "object"
    if "anyOf" in field:
        kinds = [_type(option) for option in field["anyOf"] if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if field.get("format") == "date":
        return "date"
    if field.get("type") == "array":
        return f"list of {_plural(_type(field['items']))}"
    for value in _values(field):
        return f"mapping to {_type(value)}"
    kind = field.get("type", "any value")
    return {"object": "mapping", "boolean": "true or false"}.get(kind, kind)


def _plural(kind: str) -> str:
    return kind if kind.endswith("s") or " " in kind else f"{kind}s"


def _default(field: Mapping[str, Any]) -> str:
    default = field.get("default")
    if default in (None, "", 0) or default == [] or isinstance(default, dict):
        return ""
    return f"`{json.dumps(default)}`"


def _place(path: str) -> str:
    """Return a path as people write it: a name stands for what it names."""
    for start, words in _PLACES.items():
        path = path.replace(start, words)
    return path


def _sentence(text: str) -> str:
    return text.rstrip(".") + ".\n"
