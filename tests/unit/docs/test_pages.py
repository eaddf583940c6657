"""Pages of this repository: their links lead somewhere, their commands exist, README is short."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from builder.cli.main import cli
from builder.cli.named import Named
from builder.common.errors import BuilderError
from tests.unit.docs import markdown, reference

ROOT = markdown.ROOT
FILES = markdown.files()
SHOWN = markdown.SHOWN
# Of no file here: what somebody calls his own, and what is in the folder of each recipe.
_CHOSEN = {"page", "notebook", "NAME", "NAME.j2", "broken.Dockerfile"}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_every_link_leads_to_a_file_and_its_heading(path: Path) -> None:
    for link in markdown.links(path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{_name(path)}: {link}"
        if anchor:
            headings = markdown.headings(target.read_text(encoding="utf-8"))
            assert anchor in headings, f"{_name(path)}: {link}"


def test_every_page_is_listed_once_by_reader() -> None:
    index = ROOT / "docs/README.md"
    listed = [link for link in markdown.links(index.read_text(encoding="utf-8")) if "/" not in link]
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert sorted(listed) == sorted(pages)


def commands_in(text: str) -> Iterator[list[str]]:
    """Yield each command that a text shows; a usage line stands for its command."""
    for arguments in markdown.commands_in(markdown.code(text)):
        yield [word for word in arguments if word != "[OPTIONS]"]


def check(arguments: list[str]) -> None:
    """Raise an error where a command, an option or its value does not exist. Nothing is run."""
    command: click.Command = cli
    context = click.Context(cli, info_name="builder")
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        below = command.get_command(context, arguments[0])
        if below is None:
            raise click.UsageError(f"no command {arguments[0]!r}")
        context = click.Context(below, info_name=arguments[0], parent=context)
        command, arguments = below, arguments[1:]
    values, rest, _ = command.make_parser(context).parse_args(list(arguments))
    if rest:
        raise click.UsageError(f"{context.info_name} takes no {rest}")
    for option in command.params:
        value = values.get(option.name or "")
        if isinstance(option.type, click.Choice | Named) and isinstance(value, str):
            option.type.convert(value, option, context)


def _text(error: BaseException) -> str:
    return error.format_message() if isinstance(error, click.UsageError) else str(error)


@pytest.mark.parametrize("path", SHOWN, ids=_name)
def test_every_command_that_is_shown_exists(path: Path) -> None:
    for arguments in commands_in(path.read_text(encoding="utf-8")):
        try:
            check(arguments)
        except (click.UsageError, BuilderError) as error:
            pytest.fail(f"{_name(path)}: builder {shlex.join(arguments)}: {_text(error)}")


@pytest.mark.parametrize("path", SHOWN, ids=_name)
def test_every_option_that_is_named_alone_exists(path: Path) -> None:
    known = {
        name
        for _, command in reference.commands()
        for option in command.params
        for name in (*option.opts, *option.secondary_opts)
    } | {"--help", "--version"}
    for piece in markdown.code(path.read_text(encoding="utf-8")):
        if option := re.match(r"--[a-z-]+", piece):
            assert option[0] in known, f"{_name(path)}: {piece}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("builder make", "no command 'make'"),
        ("cd x && builder plan --ofline", "No such option.*--ofline"),
        ("builder charts inspect x", "no command 'inspect'"),
        ("builder build --export", "requires an argument"),
        ("builder plan --format xml", "no format is called 'xml'"),
        ("builder plan again", "plan takes no"),
    ],
)
def test_what_does_not_exist_is_found(line: str, message: str) -> None:
    (arguments,) = commands_in(f"```\n{line}\n```\n")
    with pytest.raises((click.UsageError, BuilderError)) as error:
        check(arguments)
    assert re.search(message, _text(error.value))


def test_commands_are_found_in_blocks_and_between_words() -> None:
    text = "Run `builder lock`.\n\n```\ncd x && .venv/bin/builder build -s 'a-*'  # all\n```\n"
    assert list(commands_in(text)) == [["lock"], ["build", "-s", "a-*"]]
    text = "    builder registry &   # serve\n    podman pull x\n\nof the builder plan\n"
    assert list(commands_in(text)) == [["registry"]]


def test_anchors_are_those_of_github() -> None:
    text = "# A `b` c.d, e\n\n## As Helm reads it\n\n## As Helm reads it\n"
    assert markdown.headings(text) == {"a-b-cd-e", "as-helm-reads-it", "as-helm-reads-it-1"}


@pytest.mark.parametrize("path", SHOWN, ids=_name)
def test_every_file_that_is_named_is_there(path: Path) -> None:
    for piece in markdown.code(path.read_text(encoding="utf-8")):
        if re.fullmatch(r"(builder|tests|images|charts|docs)/[\w./-]+", piece):
            is_chosen = _CHOSEN & set(Path(piece).parts)
            is_there = any((ROOT / top / piece).exists() for top in (".", "builder"))
            assert is_chosen or is_there, f"{_name(path)}: {piece}"
