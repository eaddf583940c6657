"""Whom a catalog believes, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from builder.common.errors import BuilderError
from builder.trust import simple_signing
from builder.trust.interfaces import Verifier
from builder.trust.simple_signing import Claim

State = Literal["signed", "unsigned", "wrong", "unknown"]


@dataclass(frozen=True, kw_only=True)
class TrustedKey:
    """A key that is believed. `until` is its last day; None has no end. `file` names it."""

    file: str
    key: Verifier
    until: date | None = None

    def has_ended(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.until is not None and today > self.until


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Whether something in a registry is believed, and why; `by` is the file of the key."""

    state: State
    reason: str = ""
    by: str = ""

    @property
    def is_signed(self) -> bool:
        """Whether somebody who is believed signed it."""
        return self.state == "signed"


UNKNOWN = Trust(state="unknown", reason="nobody asked")
UNSIGNED = Trust(state="unsigned", reason="nobody who is believed signed it")


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A document and a signature of it, as a registry gave them."""

    content: bytes
    signature: bytes


@dataclass(frozen=True, kw_only=True)
class TrustPolicy:
    """The keys that are believed, on one day."""

    keys: tuple[TrustedKey, ...]
    today: date

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        """Return the keys whose last day is not over."""
        return tuple(it.key for it in self.keys if not it.has_ended(self.today))

    def judge(self, found: Sequence[Signed], wanted: Claim, *, bound: Sequence[str] = ()) -> Trust:
        """Return whether one of these signatures is of a believed key and says what is wanted.

        The digest must be the same, and each text of `optional` that `bound` names. A signature
        that does not count never harms one that does: anybody may add one.
        """
        doubts = []
        for signed in found:
            trust = self._judge(signed, wanted, bound)
            if trust.is_signed:
                return trust
            doubts.append(trust)
        wrong = [it for it in doubts if it.state == "wrong"]
        return (wrong or doubts or [UNSIGNED])[0]

    def _judge(self, signed: Signed, wanted: Claim, bound: Sequence[str]) -> Trust:
        keys = [it for it in self.keys if it.key.verify(signed.content, signed.signature)]
        if not keys:
            return UNSIGNED
        valid = [it for it in keys if not it.has_ended(self.today)]
        if not valid:
            ended = keys[0]
            return _wrong(f"the key {ended.file} that signed it ended on {ended.until}", ended)
        key = valid[0]
        try:
            claim = simple_signing.parse(signed.content, "its signature")
        except BuilderError as error:
            return _wrong(error.message, key)
        if claim.digest != wanted.digest:
            return _wrong(f"its signature is of {claim.digest}, not of {wanted.digest}", key)
        for name in bound:
            stated, expected = claim.optional.get(name, ""), wanted.optional.get(name, "")
            if stated != expected:
                said = stated[:80] or "none"
                return _wrong(f"its signature says the {name} {said}, not {expected}", key)
        return Trust(state="signed", reason=f"signed with {key.file}", by=key.file)


def _wrong(reason: str, key: TrustedKey) -> Trust:
    return Trust(state="wrong", reason=reason, by=key.file)
