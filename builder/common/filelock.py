"""Locks folders against other processes of this machine."""

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
    """Lock a folder for this process alone; wait until it is free.

    Raises StepError for any OSError, also of the code that runs under the lock.
    """
    try:
        with _locked(folder, fcntl.LOCK_EX):
            yield
    except OSError as error:
        raise StepError(f"{error.strerror}", location=Location(file=str(folder))) from error


@contextlib.contextmanager
def shared_lock(folder: Path) -> Iterator[None]:
    """Lock a folder together with other sharers; wait for an exclusive lock. Raises OSError."""
    with _locked(folder, fcntl.LOCK_SH):
        yield


@contextlib.contextmanager
def run_lock(state: PathLike[str], *, beside: bool = False) -> Iterator[None]:
    """Lock the state folder for this run; runs with `beside` share the lock with each other.

    The lock of a killed run is free. Raises ConflictError, OSError.
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
    """Pin the kernel's lock of a folder; child processes do not inherit it."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, operation)
        yield
    finally:
        os.close(handle)
