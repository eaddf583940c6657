"""How a base is bootstrapped, as data."""

from __future__ import annotations

from collections.abc import Sequence

from builder.catalog.models import Base, Source

BASE_DOCKERFILE = 'FROM scratch\nADD rootfs.tar /\nCMD ["bash"]\n'
# Documentation and translations: a fifth of an image. Licences stay.
_LEAVE_OUT = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
)
# In its list of sources, which whoever asks the archive of the base reads: a build and the lock.
_EXPIRED = (
    'sed -i "s/^deb \\[/deb [check-valid-until=no /; t; s/^deb /deb [check-valid-until=no] /"'
    ' "$1/etc/apt/sources.list"'
)
_ARCHITECTURES = {"arm/v7": "armhf", "386": "i386"}


def architecture(base: Base) -> str:
    """Return Debian's name for the architecture of a platform."""
    machine = base.platform.partition("/")[2]
    return _ARCHITECTURES.get(machine, machine)


def bootstrap_argv(
    base: Base, source: Source, archive: str, options: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return how mmdebstrap writes an archive: same packages and SOURCE_DATE_EPOCH, same bytes."""
    return (
        "mmdebstrap", "--variant=minbase", f"--architectures={architecture(base)}",
        "--include=ca-certificates",
        *([f"--setup-hook={_EXPIRED}"] if source.expired else []),
        *(f"--dpkgopt={rule}" for rule in _LEAVE_OUT), *options,
        "--", source.value, archive,
    )  # fmt: skip
