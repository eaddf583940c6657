"""Makes the templates of charts: parts in named slots; finds the values that they read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from builder.catalog.models import CustomImage, SourceObject, ValueSpec
from builder.charts.render.values import Value
from builder.common.errors import BuilderError, ConfigError, Location
from builder.common.text import did_you_mean

# The slots of the library, in the order in which a chart lists them; those of `_FILES` are
# objects rather than parts of the pod.
SLOTS = (
    "replicas", "annotations", "security", "scheduling", "init", "container", "command",
    "privileges", "env", "ports", "probes", "resources", "mounts", "containers", "volumes",
    "exposure", "service",
)  # fmt: skip
SOURCES = {"secret": "secrets", "config": "configs", "files": "files"}
# At most one feature can fill these.
EXCLUSIVE = ("replicas", "container", "privileges", "resources", "exposure")

_READ = re.compile(r"\.Values((?:\.[A-Za-z_]\w*)+)")
_ALIAS = re.compile(r"\$(\w+)\s*:?=\s*\$?[\w.]*\bValues((?:\.[A-Za-z_]\w*)+)\s*-?\}\}")
_EXPRESSION = re.compile(r"\{\{-?(.*?)-?\}\}")
_ONE_EXPRESSION = re.compile(r"\{\{-?((?:(?!\}\}).)*?)-?\}\}")
_CONTROL = re.compile(r"\s*(?:if|else|end|with|range|define|block|template|\$\w*\s*:?=)(?!\w)")
_IF_OTHER_IMAGE = '{{- if include "chart.isOtherImage" . }}'
_COMMENT = re.compile(r"\{\{-?\s*/\*.*?\*/\s*-?\}\}", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A recipe or a feature as the templates see it: a name, its folder, its texts."""

    name: str
    folder: str  # relative to the catalog, for errors
    files: Mapping[str, str]
    summary: str = ""
    values: Mapping[str, ValueSpec] = field(default_factory=dict)
    objects: Mapping[str, SourceObject] = field(default_factory=dict)  # by the name of their slot
    changes: Mapping[str, ValueSpec] = field(default_factory=dict)  # of values of other features
    ignored: Mapping[str, str] = field(default_factory=dict)  # paths that charts had, and why
    requested_at: Location | None = None  # where the chart asks for it, if it is a feature

    @property
    def slots(self) -> tuple[str, ...]:
        """The slots that it fills, with those for sources of environment variables."""
        names = (*SLOTS, *SOURCES)
        return tuple(name for name in names if f"slots/{name}.yaml" in self.files)

    def texts(self) -> dict[str, str]:
        """Return the templates, by relative path."""
        inside = ("slots/", "templates/")
        return {
            path: text
            for path, text in sorted(self.files.items())
            if path.startswith(inside) or path in ("helpers.tpl", "notes.md")
        }


@dataclass(frozen=True, kw_only=True)
class Read:
    """A place at which a template reads a value."""

    path: str
    location: Location


def scoped(text: str, chart: str) -> str:
    """Return a template with the chart's name in its names: `"chart.x"` becomes `"<chart>.x"`."""
    return text.replace('"chart.', f'"{chart}.')


def part_template(part: Part, chart: str) -> str:
    """Return `templates/_<part>.tpl`: its helpers, and a named template for each slot it fills."""
    blocks = []
    if part.summary:
        blocks.append(f"{{{{/* {part.summary}. */}}}}")
    if "helpers.tpl" in part.files:
        blocks.append(part.files["helpers.tpl"].strip())
    for slot in part.slots:
        paths = (f"slots/{slot}.yaml", f"slots/+{slot}.yaml")
        body = "\n".join(part.files[path].strip() for path in paths if path in part.files)
        blocks.append(f'{{{{- define "chart.{part.name}.{slot}" -}}}}\n{body}\n{{{{- end -}}}}')
    return scoped("\n\n".join(blocks) + "\n", chart)


def slots_template(parts: Sequence[Part], chart: str) -> str:
    """Return `templates/_slots.tpl`: which template fills which slot."""
    lines = [
        "{{/* What the pod and its surroundings are made of: the templates for each slot. */}}",
        f'{{{{- define "{chart}.slots" -}}}}',
    ]
    for slot in SLOTS:
        names = [f"{chart}.{part.name}.{slot}" for part in parts if slot in part.slots]
        if slot == "command":
            names.append(f"{chart}.command")
        if names:
            lines += [f"{slot}:", *(f"  - {name}" for name in names)]
    for source, key in SOURCES.items():
        entries = [_source(part, source, chart) for part in parts if source in part.slots]
        if entries:
            lines += [f"{key}:", *entries]
    lines.append("{{- end -}}")
    return "\n".join(lines) + "\n"


def _source(part: Part, source: str, chart: str) -> str:
    about = part.objects.get(source, SourceObject())
    name = f"{{{{ .Values.{about.name} | quote }}}}" if about.name else '""'
    template = f"{chart}.{part.name}.{source}"
    # A part may have both: each is an object of its own.
    object_name = f"{part.name}-files" if source == "files" else part.name
    text = f"  - part: {object_name}\n    template: {template}\n    name: {name}"
    if about.folders:
        folders = (f"\n      - {scoped(quoted(folder), chart)}" for folder in about.folders)
        text += "".join(["\n    folders:", *folders])
    return text


def core_template(
    command: Sequence[str], health: str, chart: str, custom: CustomImage | None = None
) -> str:
    """Return `templates/_command.tpl`: the command of the service, and its health check.

    `custom` says how an image of somebody else starts; without it, by `command` alone.
    """
    custom = custom or CustomImage()
    words = dict.fromkeys(word for words in (command, *custom.commands) for word in words)
    names = {word: f"{chart}.command.{number}" for number, word in enumerate(words)}
    apart = {name: word for word, name in names.items() if _has_control(word)}
    own = [line for word in command for line in _item(word, names[word])]
    others = [
        line
        for other in custom.commands
        for line in ('- ";"', *(line for word in other for line in _item(word, names[word])))
    ]
    if custom != CustomImage():
        head = f'{{{{- include "onyxia-library.startFirst" {json.dumps(custom.password)} }}}}'
        tail = [_IF_OTHER_IMAGE, *others, "{{- end }}"] if others else []
        own = [_IF_OTHER_IMAGE, head, "{{- end }}", *own, *tail]
    lines = [
        "{{/* The command of the service, after the program that prepares the session. */}}",
        f'{{{{- define "{chart}.command" -}}}}',
        *own,
        "{{- end -}}",
        "",
        "{{/* A path that answers as soon as the service is up, without a password. */}}",
        f'{{{{- define "{chart}.healthPath" -}}}}{health}{{{{- end -}}}}',
        *(f'\n{{{{- define "{name}" -}}}}{word}{{{{- end -}}}}' for name, word in apart.items()),
    ]
    return scoped("\n".join(lines) + "\n", chart)


def _item(word: str, name: str) -> tuple[str, ...]:
    """Return a word of the command; an expression is left out where it is empty.

    A word with `if` and the like is a template of its own, called `name`.
    """
    if _has_control(word):
        return (f'- {{{{ include "{name}" . | quote }}}}',)
    whole = _ONE_EXPRESSION.fullmatch(word)
    if whole is None:
        return (f"- {quoted(word)}",)
    return (f"{{{{- with {whole.group(1).strip()} }}}}", "- {{ . | quote }}", "{{- end }}")


def _has_control(text: str) -> bool:
    """Whether an expression of a text is no value: `if`, `with`, a variable, ..."""
    return any(_CONTROL.match(match.group(1)) for match in _EXPRESSION.finditer(text))


def quoted(text: str) -> str:
    """Return a text with expressions of a template as YAML, quoted whatever they give."""
    expressions = [match.group(1).strip() for match in _EXPRESSION.finditer(text)]
    if not expressions:
        return json.dumps(text)
    literal = _EXPRESSION.sub("\0", text).replace("%", "%%").replace("\0", "%v")
    arguments = " ".join(f"({expression})" for expression in expressions)
    return f"{{{{ printf {json.dumps(literal, ensure_ascii=False)} {arguments} | quote }}}}"


def reads(texts: Mapping[str, str], folder: str) -> list[Read]:
    """Return every value that templates read, with its place; `$x := .Values.a` is followed."""
    return [read for name, text in texts.items() for read in _reads(text, f"{folder}/{name}")]


@lru_cache(maxsize=1024)  # each chart looks at the same features
def _reads(text: str, file: str) -> tuple[Read, ...]:
    clean = without_comments(text)
    aliases = {match.group(1): match.group(2)[1:] for match in _ALIAS.finditer(clean)}
    spots = [(match.start(1) + 1, match.group(1)[1:]) for match in _READ.finditer(clean)]
    for alias, path in aliases.items():
        spots = [spot for spot in spots if spot[1] != path]
        uses = re.finditer(rf"\${re.escape(alias)}(?!\w)((?:\.[A-Za-z_]\w*)*)(?!\s*:?=)", clean)
        spots += [(use.start(), path + use.group(1)) for use in uses]
    return tuple(
        Read(path=path, location=at(file, text, offset)) for offset, path in sorted(set(spots))
    )


@lru_cache(maxsize=1024)
def without_comments(text: str) -> str:
    """Return a template in which comments are blanks: all else stands where it stood."""
    return _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def at(file: str, text: str, offset: int) -> Location:
    """Return the place of a character of a file."""
    line = text.count("\n", 0, offset) + 1
    start = text.rfind("\n", 0, offset) + 1
    source = text.splitlines()[line - 1]
    return Location(file=file, line=line, column=offset - start + 1, source=source)


def undeclared(reads: Sequence[Read], values: Sequence[Value]) -> list[Read]:
    """Return what templates read, and no value declares: itself, around it, or inside of it."""
    leaves = [value for value in values if not value.is_group]
    declared = _with_groups(leaf.path for leaf in leaves)
    objects = {leaf.path for leaf in leaves if leaf.type == "object"}
    return [
        read
        for read in reads
        if read.path not in declared and objects.isdisjoint(_groups(read.path))
    ]


def idle(reads: Sequence[Read], values: Sequence[Value]) -> list[Value]:
    """Return the values that no template reads: itself, a group around it, or inside of it."""
    paths = {read.path for read in reads}
    inside = _with_groups(paths)
    return [
        value
        for value in values
        if not value.is_group
        and not (value.type == "object" and value.path in inside)
        and paths.isdisjoint([value.path, *_groups(value.path)])
    ]


def check_reads(reads: Sequence[Read], values: Sequence[Value]) -> list[BuilderError]:
    """Return an error for each undeclared value that is read, and each value that nothing reads."""
    leaves = [value.path for value in values if not value.is_group]
    errors: list[BuilderError] = [
        ConfigError(
            f"the template reads .Values.{read.path}, which no feature declares",
            hint=did_you_mean(read.path, leaves),
            location=read.location,
        )
        for read in undeclared(reads, values)
    ]
    errors += [
        ConfigError(
            f"value {value.path}: no template reads it",
            hint=f"read it, e.g. in `command` of chart.yaml: {{{{ .Values.{value.path} }}}}",
            location=value.owner,
        )
        for value in idle(reads, values)
    ]
    return errors


def _groups(path: str) -> Iterator[str]:
    """Yield the groups around a path."""
    return (path[: match.start()] for match in re.finditer(r"\.", path))


def _with_groups(paths: Iterable[str]) -> set[str]:
    """Return paths with the groups around them."""
    return {group for path in paths for group in (path, *_groups(path))}


def check_slots(parts: Sequence[Part]) -> list[BuilderError]:
    """Return an error for each file that is no slot, and each slot that two parts must not fill."""
    errors: list[BuilderError] = []
    for part in parts:
        for path in part.files:
            name = path.removeprefix("slots/").removesuffix(".yaml")
            location = Location(file=f"{part.folder}/{path}")
            if path.startswith("slots/+") and f"slots/{name[1:]}.yaml" not in part.files:
                errors.append(
                    ConfigError(
                        f"there is no slots/{name[1:]}.yaml below to add this to",
                        hint="without the `+` in its name it fills the slot",
                        location=location,
                        id="E-MERGE-NOTHING",
                    )
                )
            elif path.startswith("slots/") and name.removeprefix("+") not in (*SLOTS, *SOURCES):
                errors.append(
                    ConfigError(
                        f"there is no slot {name}",
                        hint=did_you_mean(name, (*SLOTS, *SOURCES)),
                        location=location,
                    )
                )
    for slot in EXCLUSIVE:
        owners = [part for part in parts if slot in part.slots]
        for part in owners[1:]:
            errors.append(
                ConfigError(
                    f"slot {slot} is filled by {owners[0].name} already",
                    hint="only one feature of a chart can fill it",
                    location=Location(file=f"{part.folder}/slots/{slot}.yaml"),
                )
            )
    return errors
