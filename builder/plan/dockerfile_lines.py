"""Finds the instructions in the lines of a Dockerfile, and adds environment variables to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from builder.common.errors import ConfigError, Location

_NAME = re.compile(r"[A-Za-z]+")
_MARK = re.compile("\ue000[\\d.]+\ue001")  # of `dockerfile_downloads`
_HEREDOC = re.compile(r"(?:^|\s)\d*<<-?[\"']?([A-Za-z_]\w*)[\"']?(?=[\s;&|)]|$)")
_WITH_HEREDOCS = ("RUN", "COPY", "ADD")
_SESSION_USER = re.compile(r"1000(:\S+)?")
_SPECIAL = re.compile(r'(["\\$])')


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """An instruction: the index of its first line, its name in capitals, and the text after it."""

    index: int
    name: str
    text: str

    @property
    def is_session_user(self) -> bool:
        """Whether what follows is done as the user of sessions."""
        return self.name == "USER" and _SESSION_USER.fullmatch(self.text) is not None


def instructions(lines: Sequence[str]) -> Iterator[Instruction]:
    """Yield the instructions of a Dockerfile. Lines that continue one, or a heredoc, are none."""
    numbered = iter(enumerate(lines))
    following = (line.strip() for _, line in numbered)
    for index, line in numbered:
        match = _NAME.match(line.strip())
        if match is None:
            continue
        text = _MARK.sub("", line.strip()[match.end() :])
        while text.endswith("\\") and (more := next(following, None)) is not None:
            if more and not more.startswith("#"):
                text = text[:-1] + more
        name = match[0].upper()
        for end in _HEREDOC.findall(text) if name in _WITH_HEREDOCS else ():
            next((more for more in following if more == end), None)
        yield Instruction(index=index, name=name, text=text.strip())


def check_appended(lines: Sequence[str], path: str) -> None:
    """Raise ConfigError for lines that end as another user than sessions, or begin a stage."""
    users = [item for item in instructions(lines) if item.name == "USER"]
    if any(item.name == "FROM" for item in instructions(lines)):
        raise ConfigError(
            "it begins another stage, and is added to the last one",
            hint="what is built beside an image is an image of its own: name it in `inputs`",
            location=Location(file=path),
            id="E-APPEND-STAGE",
        )
    if users and not users[-1].is_session_user:
        raise ConfigError(
            f"it ends as user {users[-1].text}",
            hint="end it with `USER 1000`, as each Dockerfile",
            location=Location(file=path),
            id="E-APPEND-USER",
        )


def with_environment(lines: Sequence[str], variables: Mapping[str, str]) -> list[str]:
    """Return a Dockerfile that sets variables before it ends as the user of sessions.

    Where its last stage does not say that user, they come last.
    """
    if not variables:
        return list(lines)
    place = len(lines)
    for item in instructions(lines):
        if item.name == "FROM":
            place = len(lines)
        elif item.is_session_user:
            place = item.index
    assigned = ["=".join((name, quoted(text))) for name, text in sorted(variables.items())]
    added = "ENV " + " \\\n    ".join(assigned)
    return [*lines[:place], *added.splitlines(), *lines[place:]]


def quoted(text: str) -> str:
    """Return a text of one line as a word of a Dockerfile, in which nothing is replaced."""
    return '"' + _SPECIAL.sub(r"\\\1", text) + '"'
