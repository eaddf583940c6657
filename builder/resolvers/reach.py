"""Whether places of the network answer, and in plain words why not."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import requests
from urllib3 import exceptions as lower

from builder.errors import UnreachableError
from builder.resolvers.sources import UPSTREAM, Place


def refused(where: Place, reason: str) -> UnreachableError:
    """The error of a place that cannot be asked."""
    if where.is_mirror:
        hint = f"it stands under `network.mirrors` ({where.source}): is it right?"
    elif where.source in UPSTREAM:
        variable = f"BUILDER_MIRROR_{where.source.upper().replace('-', '_')}"
        hint = f"name a mirror: `network.mirrors: {{{where.source}: URL}}`, or {variable}"
    else:
        hint = "is the network up, and is `network` in matrix.yaml right?"
    host = f"{where.host}: " if where.host else ""
    error = UnreachableError(f"{where.source} cannot be reached: {host}{reason}", hint=hint)
    error.reason = reason
    return error


_WORDS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((socket.gaierror, lower.NameResolutionError), "its name is not known"),
    ((lower.ProxyError,), "the proxy does not let it through"),
    (
        (lower.SSLError, requests.exceptions.SSLError),
        "its certificate is not trusted (`network.ca` in matrix.yaml, or BUILDER_CA)",
    ),
    ((ConnectionRefusedError,), "the connection was refused"),
    ((lower.ConnectTimeoutError,), "no answer within {patience:.0f} s"),
    ((lower.ReadTimeoutError, requests.exceptions.ReadTimeout), "it fell silent"),
    ((lower.IncompleteRead, lower.ProtocolError), "the connection broke off"),
)


def why(error: Exception, patience: float) -> str:
    """What went wrong, in a few words that hold neither URL nor password."""
    causes = list(_causes(error))
    for kinds, words in _WORDS:
        if any(isinstance(cause, kinds) for cause in causes):
            return words.format(patience=patience)
    return type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what is inside of it, outermost first."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        item = waiting.pop(0)
        if isinstance(item, BaseException) and item not in seen:
            seen.append(item)
            yield item
            waiting += [getattr(item, "reason", None), item.__cause__, item.__context__]
            waiting += list(item.args)
