"""Follows values through the templates of a chart, to where their text becomes part of a manifest.

A template is read action by action. An expression is open where it may give any text: it names a
value, a variable or a dot that holds one, or a template that writes one, and no function at its end
quotes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

CLOSING: Final = frozenset(
    {
        "quote", "int", "int64", "float64", "toYaml", "toJson", "toPrettyJson", "toRawJson",
        "mustToJson", "mustToPrettyJson", "b64enc", "b32enc", "sha1sum", "sha256sum", "adler32sum",
        "len", "not", "eq", "ne", "lt", "le", "gt", "ge", "has", "hasKey", "empty", "contains",
        "hasPrefix", "hasSuffix", "kindIs", "typeIs", "regexMatch", "add", "add1", "sub", "mul",
        "div", "mod", "max", "min", "ceil", "floor", "round", "lookup",
    }
)  # fmt: skip
"""The functions after which a text can no longer be part of the structure around it."""
_SPACING = frozenset({"indent", "nindent"})
_BUILT_IN = ("Values", "Release", "Chart", "Capabilities", "Template", "Files", "Subcharts")
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`|\}\}|[^"`}]+|.', re.DOTALL)
_PIECE = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`|[()|]|[^\s()|"`]+', re.DOTALL)
_ASSIGNED = re.compile(r"\$(\w*)\s*(?:,\s*\$(\w+)\s*)?:?=(?!=)\s*(.*)", re.DOTALL)
_BLOCK_SCALAR = re.compile(r"[|>][+-]?\d?[ \t]*\n?\s*$")
_ENTRY = re.compile(r"""(?:^|\s)(?:-|[\w"'./$%-]+:)\s+["']?[^\n]*$""")
# The same, where a text is put together: `printf "- name: %s" …`.
_PRINTED_ENTRY = re.compile(r"""(?:^"|\\n)\s*(?:-|[\w"'./$%-]+:)\s+(?:[^\n]*: )?%""")


@dataclass(frozen=True, kw_only=True)
class Action:
    """What stands between braces, and where: `before` is the text of the template up to there."""

    text: str
    offset: int
    before: str


@dataclass(frozen=True, kw_only=True)
class Flow:
    """An open expression in a manifest: `path` is the value, where it is named right there."""

    file: str
    offset: int
    expression: str
    path: str = ""
    template: str = ""  # the named template around it


@dataclass(kw_only=True)
class _Scope:
    """What is known of the names at some place of a template."""

    dots: list[str | None] = field(default_factory=lambda: [None])  # the value that `.` is, or None
    names: dict[str, str | None] = field(default_factory=dict)  # the same of variables
    ends: list[str] = field(default_factory=list)  # the blocks that are open
    template: str = ""  # the named template around


@dataclass(kw_only=True)
class _Known:
    """Templates that write an open text, and keys of a dict that are given one."""

    templates: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


def actions(text: str) -> Iterator[Action]:
    """Yield the actions of a template, in order, without comments."""
    end = 0
    while (start := text.find("{{", end)) >= 0:
        end = start + 2
        while token := _TOKEN.match(text, end):
            end = token.end()
            if token.group() == "}}":
                inside = text[start + 2 : end - 2].removeprefix("-").removesuffix("-").strip()
                if not inside.startswith("/*"):
                    yield Action(
                        text=inside, offset=start, before=text[max(0, start - 400) : start]
                    )
                break
        else:
            return


def open_values(texts: Mapping[str, str]) -> list[Flow]:
    """Return where templates write a value into a manifest as it is, named right there."""
    return [flow for flow in _flows(texts, _Known()) if flow.path]


def open_texts(texts: Mapping[str, str]) -> list[Flow]:
    """Return the same, and where the text came through a template or a key of a dict."""
    known = _Known()
    while True:
        size = len(known.templates) + len(known.keys)
        found = list(_flows(texts, known))
        if size == len(known.templates) + len(known.keys):
            return found


def evaluated(texts: Mapping[str, str]) -> list[Flow]:
    """Return where a value is evaluated as a template, by `tpl`."""
    found = []
    for file, text in texts.items():
        scope = _Scope()
        for action in actions(text):
            pieces = _PIECE.findall(_expression(action.text))
            if "tpl" in pieces and (path := _named(pieces, scope)) is not None:
                found.append(
                    Flow(file=file, offset=action.offset, expression=action.text, path=path)
                )
            _follow(action.text, scope, _Known())
    return found


def _flows(texts: Mapping[str, str], known: _Known) -> Iterator[Flow]:
    for file, text in texts.items():
        scope = _Scope()
        for action in actions(text):
            _note_keys(action.text, scope, known)
            if _is_printed(action.text, scope, known):
                yield Flow(file=file, offset=action.offset, expression=action.text)
            if _follow(action.text, scope, known):
                continue
            pieces = _PIECE.findall(action.text)
            path = _open(pieces, scope, known)
            if path is None or _is_block(pieces, action.before):
                continue
            line = action.before.rpartition("\n")[2]
            if scope.template and not _ENTRY.search(line):
                known.templates.add(scope.template)
            else:
                yield Flow(
                    file=file,
                    offset=action.offset,
                    expression=action.text,
                    path=path,
                    template=scope.template,
                )


def _follow(text: str, scope: _Scope, known: _Known) -> bool:
    """Take notice of a control structure or a variable; return whether the action is one."""
    word = text.split(maxsplit=1)[0] if text else ""
    rest = text[len(word) :].strip()
    if word in ("if", "with", "range", "define", "block"):
        scope.ends.append(word)
        if word in ("define", "block"):
            scope.template = rest.split('"')[1] if rest.count('"') > 1 else rest
        scope.dots.append(_dot(word, rest, scope, known))
    elif word == "end" and scope.ends:
        scope.dots.pop()
        if scope.ends.pop() in ("define", "block"):
            scope.template = ""
    elif word == "else" and rest.startswith("with"):
        scope.dots[-1] = _dot("with", rest[4:].strip(), scope, known)
    elif match := _ASSIGNED.match(text):
        given = _open(_PIECE.findall(match[3]), scope, known)
        # What was once given any text may hold it after the next assignment too.
        scope.names[match[1]] = given if given is not None else scope.names.get(match[1])
    else:
        return word in ("else", "template", "break", "continue", "") or text.startswith("/*")
    return True


def _dot(word: str, rest: str, scope: _Scope, known: _Known) -> str | None:
    """Return the value that `.` is inside of a block, or None."""
    if word in ("define", "block"):
        return None
    assigned = _ASSIGNED.match(rest)
    given = _open(_PIECE.findall(assigned[3] if assigned else rest), scope, known)
    for name in (assigned[1], assigned[2]) if assigned else ():
        if name:
            scope.names[name] = given
    return scope.dots[-1] if word == "if" else given


def _expression(text: str) -> str:
    """Return what an action evaluates, without `if`, `with` or the name of a variable."""
    text = re.sub(r"^(?:else\s+)?(?:if|with|range)\s+", "", text)
    match = _ASSIGNED.match(text)
    return match[3] if match else text


def _note_keys(text: str, scope: _Scope, known: _Known) -> None:
    """Take notice of keys of a dict that are given an open text."""
    pieces = _PIECE.findall(text)
    for place, piece in enumerate(pieces):
        if piece != "dict":
            continue
        arguments = _arguments(pieces[place + 1 :])
        for key, value in zip(arguments[::2], arguments[1::2], strict=False):
            if _open(value, scope, known) is not None:
                known.keys.add(key[0].strip('"`'))


def _arguments(pieces: Sequence[str]) -> list[list[str]]:
    """Return the arguments of a function, each as its pieces, up to the end of its call."""
    found: list[list[str]] = []
    depth = 0
    for piece in pieces:
        if depth == 0 and piece in (")", "|"):
            break
        if depth:
            found[-1].append(piece)
        else:
            found.append([piece])
        depth += {"(": 1, ")": -1}.get(piece, 0)
    return found


def _open(pieces: Sequence[str], scope: _Scope, known: _Known) -> str | None:
    """Return the value that an expression may give as it is, "" if it is not named, else None."""
    commands = _commands(pieces)
    spaced = [command for command in commands if command and command[0] not in _SPACING]
    if not spaced or spaced[-1][0] in CLOSING:
        return None
    first = spaced[0]
    if first[0] == "(" and first[-1] == ")" and len(_arguments(first)) == 1:
        opened = _open(first[1:-1], scope, known)
    elif first[0] in CLOSING:
        opened = None
    elif first[0] in ("include", "template"):
        opened = "" if len(first) > 1 and first[1].strip('"`') in known.templates else None
    else:
        arguments = _arguments(first)
        if first[0] == "ternary" and len(spaced) == 1:  # its condition comes last
            arguments = arguments[:-1]
        opened = _first(_argument(argument, scope, known) for argument in arguments)
    for command in spaced[1:]:
        others = [_argument(one, scope, known) for one in _arguments(command[1:])]
        # The condition of `ternary` comes last, and so out of the pipeline.
        before = None if command[0] in {*CLOSING, "ternary"} else opened
        opened = _first([before, *([] if command[0] in CLOSING else others)])
    return opened


def _is_printed(text: str, scope: _Scope, known: _Known) -> bool:
    """Whether an expression puts an open text into an entry of YAML that it prints."""
    pieces = _PIECE.findall(_expression(text))
    calls = (_arguments(pieces[at + 1 :]) for at, piece in enumerate(pieces) if piece == "printf")
    return any(
        _PRINTED_ENTRY.search(call[0][0]) is not None
        and any(_argument(argument, scope, known) is not None for argument in call[1:])
        for call in calls
        if call
    )


def _argument(pieces: Sequence[str], scope: _Scope, known: _Known) -> str | None:
    if len(pieces) > 1:
        return _open(pieces[1:-1], scope, known) if pieces[0] == "(" else None
    return _name(pieces[0], scope, known)


def _first(found: Iterable[str | None]) -> str | None:
    """Return the first that is a value, else one that is open without a name, else None."""
    opened = [one for one in found if one is not None]
    return next((one for one in opened if one), "" if opened else None)


def _name(piece: str, scope: _Scope, known: _Known) -> str | None:
    """Return the value that a variable, a field or the dot may give, or None."""
    if match := re.fullmatch(r"[$.\w]*\.Values((?:\.\w+)*)", piece):
        return match[1].removeprefix(".") or "Values"
    name, _, more = piece.partition(".")
    if name and not name.startswith("$"):
        return None
    held = scope.names.get(name[1:]) if name else scope.dots[-1]
    if held is not None:
        return ".".join(filter(None, (held, more)))
    is_given = name in ("", "$") and more.partition(".")[0] in known.keys
    return "" if is_given and more.partition(".")[0] not in _BUILT_IN else None


def _named(pieces: Sequence[str], scope: _Scope) -> str | None:
    """Return the first value that an expression names anywhere, or None."""
    names = (_name(piece, scope, _Known()) for piece in pieces)
    return next((name for name in names if name), None)


def _commands(pieces: Sequence[str]) -> list[list[str]]:
    """Split a pipeline into its commands."""
    commands: list[list[str]] = [[]]
    depth = 0
    for piece in pieces:
        depth += {"(": 1, ")": -1}.get(piece, 0)
        if piece == "|" and depth == 0:
            commands.append([])
        else:
            commands[-1].append(piece)
    return commands


def _is_block(pieces: Sequence[str], before: str) -> bool:
    """Whether a text is the whole of a block scalar, with each of its lines indented."""
    last = _commands(pieces)[-1]
    return bool(last) and last[0] in _SPACING and bool(_BLOCK_SCALAR.search(before))
