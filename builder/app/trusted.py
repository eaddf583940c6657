"""Reads the keys that a catalog names: those that it believes, and the one that signs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from builder.common.errors import ConfigError, Location
from builder.project import Project
from builder.trust.interfaces import Signer
from builder.trust.keys import read_private, read_public
from builder.trust.policy import TrustedKey, TrustPolicy
from builder.trust.seals import PLAIN, Seals, no_signer

PASSWORD = "CATALOG_SIGN_PASSWORD"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PLACE = Location(file="matrix.yaml")


def trust_of(adapters: Any) -> Seals:
    """Return what signs for the adapters of an app, and whose signatures count: see `seals_of`."""
    setup = adapters.setup
    if setup.options.takes_unsigned:
        return PLAIN
    return seals_of(setup.project, setup.options.today)


def seals_of(project: Project, today: str) -> Seals:
    """Return what signs, and whose signatures count on a day, YYYY-MM-DD.

    Raises ConfigError for a key that is believed and cannot be read; the one that signs is read
    when something is signed.
    """
    settings = project.catalog.matrix.trust
    if settings.profile == "plain":
        return PLAIN
    if not settings.keys:
        raise ConfigError(
            f"`trust.profile` is {settings.profile}, and no key is believed",
            hint="trust: {keys: [{file: keys/2026.pub}]}; builder key create makes one",
            location=_PLACE,
        )
    keys = [
        TrustedKey(
            file=key.file,
            key=read_public(project.root / key.file),
            until=date.fromisoformat(key.until) if key.until else None,
        )
        for key in settings.keys
    ]
    return Seals(
        catalog=project.catalog.matrix.name,
        policy=TrustPolicy(keys=tuple(keys), today=date.fromisoformat(today)),
        signer=_signer(project.root, settings.sign.key) if settings.sign else no_signer,
    )


def _signer(root: Path, key: str) -> Callable[[], Signer]:
    """Return what gives the signer; the file is read once."""

    @cache
    def signer() -> Signer:
        return read_private(root / _filled(key), lambda: os.environ.get(PASSWORD, ""))

    return signer


def _filled(text: str) -> str:
    """Return a text with each `${NAME}` replaced. Raises ConfigError where one is not set."""

    def value(match: re.Match[str]) -> str:
        if not os.environ.get(match[1]):
            raise ConfigError(
                f"the environment variable {match[1]} is not set, and something is to be signed",
                hint=f"{match[1]}=FILE names the private key; `trust.sign.key` uses it",
                location=_PLACE,
            )
        return os.environ[match[1]]

    return _VARIABLE.sub(value, text)
