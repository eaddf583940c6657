"""The documents that are signed: their bytes, and what is refused of others' documents."""

from __future__ import annotations

import json

import pytest

from builder.common.errors import TrustError
from builder.trust import bundle, dsse, simple_signing, statement
from builder.trust.bundle import Bundle
from builder.trust.dsse import Envelope
from builder.trust.simple_signing import Claim
from builder.trust.statement import Statement, Subject
from tests.unit.trust.fixed import DIGEST, FINGERPRINT, OTHER, SIGNER, Stable

STATEMENT = Statement(
    predicate_type=statement.PROVENANCE,
    subjects=(Subject.of("r.example/x", DIGEST),),
    predicate={"buildDefinition": {"buildType": "t"}},
)
CLAIM = Claim(repository="r.example/x", digest=DIGEST, optional={"fingerprint": FINGERPRINT})


def test_documents_have_the_same_bytes_each_time() -> None:
    one = "1" * 64
    assert STATEMENT.content.decode() == (
        '{"_type":"https://in-toto.io/Statement/v1","predicate":{"buildDefinition":'
        '{"buildType":"t"}},"predicateType":"https://slsa.dev/provenance/v1","subject":'
        f'[{{"digest":{{"sha256":"{one}"}},"name":"r.example/x"}}]}}'
    )
    assert CLAIM.content.decode() == (
        '{"critical":{"identity":{"docker-reference":"r.example/x"},"image":'
        f'{{"docker-manifest-digest":"sha256:{one}"}},"type":"cosign container image signature"}},'
        f'"optional":{{"fingerprint":"{FINGERPRINT}"}}}}'
    )
    envelope = dsse.seal(b"{}", Stable())
    assert envelope.content.decode() == (
        '{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"",'
        '"sig":"c2lnbmF0dXJl"}]}'
    )
    assert json.loads(Bundle(envelope=envelope, hint="aGludA==").content) == {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "aGludA=="}},
        "dsseEnvelope": {
            "payload": "e30=",
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": envelope.document["signatures"][0]["sig"]}],
        },
    }


def test_the_text_that_is_signed_is_that_of_the_specification() -> None:
    # The example of DSSE's protocol.
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_documents_are_read_back() -> None:
    assert statement.parse(STATEMENT.content, "it") == STATEMENT
    assert STATEMENT.is_about(DIGEST)
    assert not STATEMENT.is_about(f"sha256:{'2' * 64}")
    assert simple_signing.parse(CLAIM.content, "it") == CLAIM
    envelope = dsse.seal(STATEMENT.content, SIGNER)
    assert dsse.parse(envelope.content, "it") == envelope
    sealed = Bundle(envelope=envelope, hint=SIGNER.hint)
    assert bundle.parse(sealed.content, "it") == sealed


def test_each_flipped_bit_of_an_envelope_is_noticed() -> None:
    envelope = dsse.seal(STATEMENT.content, SIGNER)
    assert envelope.verified([OTHER.public, SIGNER.public], "it") == STATEMENT.content
    (signature,) = envelope.signatures
    changed = [
        Envelope(
            payload_type=f"{envelope.payload_type}x",
            payload=envelope.payload,
            signatures=envelope.signatures,
        )
    ]
    for place in range(0, len(envelope.payload), 7):
        payload = _flipped(envelope.payload, place)
        changed.append(
            Envelope(payload_type=envelope.payload_type, payload=payload, signatures=(signature,))
        )
    for place in range(len(signature)):
        changed.append(
            Envelope(
                payload_type=envelope.payload_type,
                payload=envelope.payload,
                signatures=(_flipped(signature, place),),
            )
        )
    for one in changed:
        with pytest.raises(TrustError, match="it: nobody who is believed signed it"):
            one.verified([SIGNER.public], "it")


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (statement.parse, "[]", "it is not a statement of in-toto, version 1"),
        (statement.parse, '{"_type": "https://in-toto.io/Statement/v1"}', "it has no predicate"),
        (dsse.parse, "{}", "it is not an envelope of DSSE"),
        (
            dsse.parse,
            '{"payloadType": "t", "payload": "", "signatures": []}',
            "it has no signature, or more than 64",
        ),
        (
            dsse.parse,
            '{"payloadType": "t", "payload": "a", "signatures": [{"sig": "AA=="}]}',
            "it has a part that is not base64",
        ),
        (simple_signing.parse, "{}", "it is not a signature of an image"),
        (bundle.parse, "{}", "it is not a bundle of sigstore, version 0.3"),
        (bundle.parse, "[" * 100 + "]" * 100, "it has more than 64 levels"),
    ],
)
def test_documents_of_others_are_refused(read, text: str, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TrustError) as caught:
        read(text.encode(), "it")
    assert message in str(caught.value)
    assert caught.value.exit_code == 9


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
