"""Runs skopeo with the credentials that the builder found itself, and says what its faults mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from builder.authentication import log_in
from builder.connections import UNTRUSTED
from builder.credentials import CredentialFiles
from builder.distribution import CREATE
from builder.errors import StepError, TransientError
from builder.process import Command, Output, Runner
from builder.reference import Reference

# What a registry's 429 and 5xx become in its words, whatever form their body had.
_PASSING = re.compile(
    r"toomanyrequests|\bunavailable\b|parsing http (429|5\d\d) response|http status: (429|5\d\d)"
    r"|\bunknown: unknown error|broken pipe|: eof\b"
)
_TOLD = re.compile(r'level=fatal msg="(.*)"$', re.MULTILINE)
_UNTRUSTED = "certificate signed by unknown authority"
_REFUSED = ("unauthorized", "authentication required", "access to the resource is denied")


def run_skopeo(
    command: Command,
    places: Sequence[Reference],
    credentials: CredentialFiles,
    runner: Runner,
    enclose: Callable[[Command], Command],
) -> Output:
    """Run a command `skopeo … copy` or `inspect` about these places. Raises as a runner does."""
    with credentials.shared(places) as options:
        # skopeo takes them from its subcommands alone.
        at = next(i for i, word in enumerate(command.argv) if word in {"copy", "inspect"}) + 1
        argv = (*command.argv[:at], *options, *command.argv[at:])
        try:
            return runner.run(enclose(replace(command, argv=argv)))
        except StepError as error:
            text = error.message.lower()
            if isinstance(error, TransientError) or _PASSING.search(text):
                raise TransientError(_in_one_line(error.message), hint=error.hint) from error
            if hint := _hint(text, places):
                raise StepError(error.message, hint=hint) from error
            raise


def _in_one_line(message: str) -> str:
    """What skopeo says at its end, as it is shown while it is tried again."""
    told = _TOLD.findall(message)
    last = told[-1].replace('\\"', '"') if told else message.splitlines()[-1].strip()
    return f"skopeo: {last}"


def _hint(text: str, places: Sequence[Reference]) -> str:
    """What helps against what skopeo says, where that is known."""
    if _UNTRUSTED in text:
        return UNTRUSTED
    if "name unknown" in text:
        return CREATE
    if any(mark in text for mark in _REFUSED):
        return log_in(next((it for it in places if it.registry in text), places[-1]))
    return ""
