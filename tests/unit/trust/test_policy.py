"""Who is believed, and until when."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from builder.trust.keys import KeySigner
from builder.trust.policy import Signed
from builder.trust.simple_signing import Claim
from tests.unit.trust.fixed import DIGEST, FINGERPRINT, OTHER, SIGNER, TODAY, policy

CLAIM = Claim(
    repository="r.example/x", digest=DIGEST, optional={"fingerprint": FINGERPRINT, "kind": "image"}
)
BOUND = ("fingerprint", "kind")


def _signed(claim: Claim, signer: KeySigner = SIGNER) -> Signed:
    return Signed(content=claim.content, signature=signer.sign(claim.content))


def test_a_signature_of_a_believed_key_counts() -> None:
    trust = policy(OTHER, SIGNER).judge([_signed(CLAIM)], CLAIM, bound=BOUND)
    assert (trust.state, trust.reason) == ("signed", "signed with keys/1.pub")


def test_what_nobody_signed_does_not_count() -> None:
    for found in ([], [_signed(CLAIM, OTHER)]):
        trust = policy(SIGNER).judge(found, CLAIM, bound=BOUND)
        assert (trust.state, trust.reason) == ("unsigned", "nobody who is believed signed it")


@pytest.mark.parametrize(
    ("digest", "fingerprint", "kind", "reason"),
    [
        ("sha256:" + "2" * 64, FINGERPRINT, "image", f"its signature is of sha256:{'2' * 64}"),
        (DIGEST, "e" * 64, "image", f"its signature says the fingerprint {'e' * 64}, not"),
        (DIGEST, "", "image", "its signature says the fingerprint none, not"),
        (DIGEST, FINGERPRINT, "base", "its signature says the kind base, not image"),
    ],
)
def test_a_signature_of_something_else_is_wrong(
    digest: str, fingerprint: str, kind: str, reason: str
) -> None:
    optional = {"fingerprint": fingerprint, "kind": kind}
    other = Claim(repository=CLAIM.repository, digest=digest, optional=optional)
    trust = policy(SIGNER).judge([_signed(other)], CLAIM, bound=BOUND)
    assert trust.state == "wrong"
    assert reason in trust.reason
    both = policy(SIGNER).judge([_signed(other), _signed(CLAIM)], CLAIM, bound=BOUND)
    assert both.is_signed


def test_a_key_counts_through_its_last_day() -> None:
    assert policy(SIGNER, until=TODAY).judge([_signed(CLAIM)], CLAIM, bound=BOUND).is_signed
    ended = policy(SIGNER, until=TODAY - timedelta(days=1)).judge([_signed(CLAIM)], CLAIM)
    assert ended.state == "wrong"
    assert ended.reason == f"the key keys/0.pub that signed it ended on {date(2026, 11, 30)}"
