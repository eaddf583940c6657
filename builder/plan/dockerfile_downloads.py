"""Finds the instructions of a Dockerfile that download something, from their text.

The text is split into commands as a shell does it, and known programs are looked for at the start
of each command. Scripts of the recipe are not read.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

# The arguments that make each program download, at any place; () if it always does.
_PROGRAMS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("wget", "curl", "aria2c", "lftp", "rsync", "scp", "npx", "uvx", "pipx"), ()),
    **dict.fromkeys(
        ("apt", "apt-get", "aptitude"),
        ("update", "install", "upgrade", "full-upgrade", "dist-upgrade", "build-dep", "source"),
    ),
    **dict.fromkeys(("dnf", "yum", "microdnf", "zypper"), ("install", "update", "upgrade")),
    **dict.fromkeys(("conda", "mamba", "micromamba"), ("install", "create", "update")),
    **dict.fromkeys(("npm", "yarn", "pnpm"), ("install", "i", "ci", "add", "pack")),
    **dict.fromkeys(("skopeo", "crane", "oras"), ("copy", "pull", "export")),
    "apk": ("add", "update", "upgrade"),
    "pip": ("install", "download", "wheel"),
    "uv": ("pip", "sync", "add", "tool", "python"),
    "git": ("clone", "fetch", "pull", "submodule"),
    "go": ("get", "install", "mod"),
    "cargo": ("install", "fetch"),
    "gem": ("install",),
    "mvn": (),
    "quarto": ("add", "install"),
    "code-server": ("--install-extension",),
    "helm": ("pull", "repo"),
}
# Calls that download, in the script of an interpreter.
_CALLS = re.compile(
    r"\b(install\.packages|install_github|BiocManager::install|Pkg\.(?:add|instantiate|update)"
    r"|urlretrieve|urlopen|requests\.get)\s*\("
)
_OFFLINE = ("--no-index", "--offline", "--no-download")
_WRAPPERS = frozenset(
    ("sudo", "exec", "env", "time", "if", "then", "else", "elif", "while", "until", "do", "!", "{",
     "busybox", "command", "xargs", "nice", "timeout")
)  # fmt: skip
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=")
_SKIPPED = re.compile(r"[A-Za-z_]\w*=|-|\d+[smh]?$")  # the arguments of a wrapper
_SHELLS = frozenset(("sh", "bash", "dash", "ash"))
_SCRIPT = re.compile(r"-\w*c")
_PIP = re.compile(r"pip\d?(\.\d+)?")
_URL = re.compile(r"(https?|git|ftp)://|git@")
_LONGEST = 100_000  # characters of a script that are read; shlex needs the square of them in time
_PIN = re.compile(r"@sha256:[0-9a-f]{64}\b")
_BEGINS = re.compile(r"^(RUN|ADD|COPY|FROM)\b", re.IGNORECASE)
# The marks are two private characters of Unicode, around the line of the template.
_MARK = re.compile("\ue000(\\d+)\\.(\\d+)\ue001")
NETWORK = "network()"
"""The source of a RUN with the macro `network()` and no known program."""
_SECRETS = "--mount=type=secret,id=env,"  # the start of a RUN with the macro
_FLAGS = re.compile(r"(?:--[a-z-]+(?:=\S+)?\s+)*")
_HEREDOC = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?")


@dataclass(frozen=True, kw_only=True)
class Download:
    """An instruction that downloads: its line in the template, and its program or source.

    `template` is the index of that template among those of its recipe.
    """

    line: int
    instruction: str
    source: str
    template: int = 0

    def describe(self, paths: Sequence[str]) -> str:
        """Return a description for people; `paths` are those of the templates."""
        effect = (
            f"downloads ({self.source})" if self.instruction == "RUN" else f"takes {self.source}"
        )
        return f"the {self.instruction} of {paths[self.template]}:{self.line} {effect}"


def marked(template: str, index: int = 0) -> str:
    """Return a template that marks each instruction that may download with its line."""

    lines = template.split("\n")
    for number, line in enumerate(lines, 1):
        if match := _BEGINS.match(line):
            lines[number - 1] = f"{match.group()}\ue000{index}.{number}\ue001{line[match.end() :]}"
    return "\n".join(lines)


def unmarked(dockerfile: str) -> str:
    """Return a rendered template without the marks."""
    return _MARK.sub("", dockerfile)


def downloads(dockerfile: str, contexts: Sequence[str]) -> tuple[Download, ...]:
    """Return the downloads of the marked instructions of a rendered Dockerfile.

    Instructions of macros have no mark. `contexts` are the names of build contexts.
    """
    stages = {*contexts, "scratch"}
    listed: list[Download] = []
    for template, line, instruction, text in _instructions(dockerfile):
        if instruction == "RUN":
            source = ", ".join(dict.fromkeys(_of_run(text))) or NETWORK * (_SECRETS in text)
        elif instruction == "ADD":
            source = next((word for word in text.split() if _URL.match(word)), "")
            source = "" if "--checksum=" in text else source
        else:
            source = _image(instruction, text, stages)
        if source:
            listed.append(
                Download(template=template, line=line, instruction=instruction, source=source)
            )
    return tuple(listed)


def _instructions(dockerfile: str) -> Iterator[tuple[int, int, str, str]]:
    """Yield the template, the line, the name and the text of each marked instruction."""
    lines = iter(dockerfile.splitlines())
    for first in lines:
        mark = _MARK.search(first)
        if mark is None:
            continue
        name, text = first[: mark.start()].strip().upper(), first[mark.end() :]
        ends = _HEREDOC.findall(text)
        parts = [text]
        while parts[-1].endswith("\\"):
            more = next(lines, "")
            if not more.lstrip().startswith("#"):
                parts[-1] = parts[-1][:-1]
                parts.append(f" {more.strip()}")
        for end in ends:
            for more in lines:
                if more.strip() == end:
                    break
                parts.append(f"\n{more}")
        yield int(mark.group(1)), int(mark.group(2)), name, _MARK.sub("", "".join(parts)).strip()


def _image(instruction: str, text: str, stages: set[str]) -> str:
    """Return the image that FROM or COPY takes, if it is neither known nor pinned."""
    if instruction == "COPY":
        match = re.search(r"--from=(\S+)", text)
        image = match.group(1) if match else ""
        is_known = not image or image in stages or image.isdigit()
    else:
        words = [word for word in text.split() if not word.startswith("--")]
        image = words[0] if words else ""
        is_known = image in stages
        if len(words) > 2 and words[1].lower() == "as":
            stages.add(words[2])
    return "" if is_known or _PIN.search(image) else image


def _of_run(text: str) -> Iterator[str]:
    """Yield the programs of a RUN that download."""
    text = text[_FLAGS.match(text).end() :]  # type: ignore[union-attr]  # it matches nothing too
    if text.startswith("["):
        with contextlib.suppress(ValueError, RecursionError):
            yield from _of_command([str(word) for word in json.loads(text)])
        return
    yield from _of_script(text)


def _of_script(text: str) -> Iterator[str]:
    for command in _commands(text):
        yield from _of_command(command)


def _commands(text: str) -> Iterator[list[str]]:
    """Yield the commands of a script, each as its words."""
    plain = text[:_LONGEST].replace("`", " ; ").replace("$(", " ; ").replace("\n", " ; ")
    lexer = shlex.shlex(plain, posix=True, punctuation_chars=";&|()")
    lexer.whitespace_split, lexer.commenters = True, ""
    command: list[str] = []
    try:
        for word in lexer:
            if word and set(word) <= set(";&|()"):
                yield command
                command = []
            else:
                command.append(word)
    except ValueError:  # an unclosed quote: the words before it count
        pass
    yield command


def _of_command(words: Sequence[str]) -> Iterator[str]:
    is_wrapped, skipped = False, 0
    for word in words:
        is_wrapper = word in _WRAPPERS
        if not is_wrapper and not (_SKIPPED if is_wrapped else _ASSIGNED).match(word):
            break
        is_wrapped |= is_wrapper
        skipped += 1
    words = words[skipped:]
    if not words or any(word in _OFFLINE for word in words):
        return
    program, arguments = PurePosixPath(words[0]).name, words[1:]
    if program in _SHELLS:
        after = (index for index, word in enumerate(arguments, 1) if _SCRIPT.fullmatch(word))
        start = next(after, len(arguments))
        yield from _of_script(" ".join(arguments[start : start + 1]))
        return
    if program.startswith("python") and list(arguments[:1]) == ["-m"]:
        program, arguments = " ".join(arguments[1:2]), arguments[2:]
    program = "pip" if _PIP.fullmatch(program) else program
    needed = _PROGRAMS.get(program)
    if needed == () or (needed and any(word in needed for word in arguments)):
        yield program
    yield from (match.group(1) for word in arguments for match in _CALLS.finditer(word))
