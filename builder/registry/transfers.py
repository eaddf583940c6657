"""Run skopeo and podman, which move images, with the credentials that the builder found.

Their messages are told apart: the registry is busy, is not trusted, or refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from builder.common.errors import StepError, TransientError
from builder.common.process import Command, Output, Runner
from builder.network.connections import UNTRUSTED
from builder.oci.reference import Reference
from builder.registry.authentication import log_in
from builder.registry.credentials import CredentialFiles
from builder.registry.distribution import CREATE

_SUBCOMMANDS = frozenset({"copy", "inspect", "pull"})
# What a registry's 429 and 5xx become in its words, whatever form their body had.
_PASSING = re.compile(
    r"toomanyrequests|\bunavailable\b|parsing http (429|5\d\d) response"
    r"|status ?(code)?( from registry|:) ?(429|5\d\d)"
    r"|\bunknown: unknown error|broken pipe|: eof\b"
    # Go closes a connection that was reset, and may find it closed before it sees the reset.
    r"|use of closed network connection|server closed idle connection|http2: client connection lost"
)
_FATAL = re.compile(r'level=fatal msg="(.*)"$', re.MULTILINE)
_UNTRUSTED = "certificate signed by unknown authority"
_REFUSED = ("unauthorized", "authentication required", "access to the resource is denied")


def transfer(
    command: Command,
    references: Sequence[Reference],
    credentials: CredentialFiles,
    runner: Runner,
    enclose: Callable[[Command], Command],
    log: Path | None = None,
) -> Output:
    """Run `skopeo copy`, `skopeo inspect` or `podman pull` about these references.

    Raises as a runner does.
    """
    command, references = _directed(command, references, credentials)
    with credentials.shared(references) as options:
        # These options belong to the subcommand.
        position = (
            next(number for number, word in enumerate(command.argv) if word in _SUBCOMMANDS) + 1
        )
        argv = (*command.argv[:position], *options, *command.argv[position:])
        try:
            return runner.run(enclose(replace(command, argv=argv)), log=log)
        except StepError as error:
            text = error.message.lower()
            if isinstance(error, TransientError) or _PASSING.search(text):
                message = f"{command.name}: {last_words(error.message)}"
                raise TransientError(message, hint=error.hint) from error
            if hint := _hint(text, references, is_read=_reads(command)):
                raise StepError(error.message, hint=hint) from error
            raise


def last_words(message: str) -> str:
    """Return the last message of a program, in one line."""
    messages = _FATAL.findall(message)
    return messages[-1].replace('\\"', '"') if messages else message.splitlines()[-1].strip()


def _directed(
    command: Command, references: Sequence[Reference], credentials: CredentialFiles
) -> tuple[Command, Sequence[Reference]]:
    """Return a command that writes, and its references, with the address for writing.

    It reads from there too: between two repositories of one registry no layer moves.
    """
    if _reads(command):
        return command, references
    names, written = references[-1].registry, credentials.written(references[-1]).registry
    old, new = f"docker://{names}/", f"docker://{written}/"
    argv = tuple(
        new + word.removeprefix(old) if word.startswith(old) else word for word in command.argv
    )
    directed = (
        replace(reference, registry=written) if reference.registry == names else reference
        for reference in references
    )
    return replace(command, argv=argv), tuple(directed)


def _reads(command: Command) -> bool:
    """Whether a command only reads from a registry."""
    is_read_only = not {"inspect", "pull"}.isdisjoint(command.argv)
    return is_read_only or not command.argv[-1].startswith("docker://")


def _hint(text: str, references: Sequence[Reference], *, is_read: bool) -> str:
    """Return a hint for the message of a program, if one is known."""
    if _UNTRUSTED in text:
        return UNTRUSTED
    if is_read and ("name unknown" in text or "manifest unknown" in text):
        return "the registry has no such image: is its name right?"
    if "name unknown" in text:
        return CREATE
    if any(mark in text for mark in _REFUSED):
        return log_in(
            next(
                (reference for reference in references if reference.registry in text),
                references[-1],
            )
        )
    return ""
