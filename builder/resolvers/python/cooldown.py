"""Have uv take nothing that was published lately, as far as an index states when."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from packaging.utils import canonicalize_name

from builder.common.process import Output

_ROUNDS = 4
_UNDATED = re.compile(r"`([A-Za-z0-9._]+)-\d\S*` is missing an upload date")
Run = Callable[[tuple[str, ...]], Output]
"""Runs uv with more options; of what it warns, nothing may be left out."""


def run_dated(
    run: Run, not_after: str, exempt: Iterable[str], note: Callable[[str], None]
) -> Output:
    """Run uv so that it takes nothing that was published after `not_after`; "" is no limit.

    The packages `exempt` are taken whenever they were published, and so is what the index states
    no date of, with a note.
    """
    if not not_after:
        return run(())
    free = set(exempt)
    for _ in range(_ROUNDS):
        options = [f"--exclude-newer-package={name}=false" for name in sorted(free)]
        output = run((f"--exclude-newer={not_after}", *options))
        undated = {str(canonicalize_name(name)) for name in _UNDATED.findall(output.log)} - free
        if not undated:
            return output
        note(f"the index states no dates of {_some(sorted(undated))}: the newest are taken")
        free |= undated
    note("the index states no dates of many packages: the newest of all are taken")
    return run(())


def _some(names: list[str]) -> str:
    return ", ".join([*names[:5], *(["…"] if len(names) > 5 else [])])
