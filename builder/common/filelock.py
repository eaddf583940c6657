"""Whose turn it is, where several processes of this machine use one folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from builder.common.errors import ConflictError, Location, StepError


@contextlib.contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """While nobody else has a folder, for which it waits.

    Raises StepError, also where what is done meanwhile cannot be written.
    """
    try:
        with _locked(folder, fcntl.LOCK_EX):
            yield
    except OSError as error:
        raise StepError(f"{error.strerror}", location=Location(file=str(folder))) from error


@contextlib.contextmanager
def shared_lock(folder: Path) -> Iterator[None]:
    """While nobody has a folder `alone`, for whom it waits. Raises OSError."""
    with _locked(folder, fcntl.LOCK_SH):
        yield


@contextlib.contextmanager
def run_lock(state: PathLike[str], *, beside: bool = False) -> Iterator[None]:
    """While no other run is at work on what is derived; runs that may be `beside` others may.

    A run that is killed has ended. Raises ConflictError, OSError.
    """
    turn = (fcntl.LOCK_SH if beside else fcntl.LOCK_EX) | fcntl.LOCK_NB
    with contextlib.ExitStack() as until:
        try:
            until.enter_context(_locked(Path(state), turn))
        except BlockingIOError:
            raise ConflictError(
                f"another run of the builder is using {state}",
                hint="wait until it has ended, or run this one in a checkout of its own",
            ) from None
        yield


@contextlib.contextmanager
def _locked(folder: Path, operation: int) -> Iterator[None]:
    """Take the kernel's lock of a folder; child processes do not inherit it."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, operation)
        yield
    finally:
        os.close(handle)
