"""Nothing is reused, built upon or released that nobody who is believed signed."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from builder.app import signing
from builder.common.errors import ConfigError, TrustError
from builder.oci.reference import Reference
from builder.registry.interfaces import Artifact, Blob
from builder.trust import keys
from builder.trust.seals import Seals, signature_of
from builder.trust.simple_signing import ANNOTATION
from tests.fakes.catalog import Week
from tests.fakes.planted import STRANGER, plant
from tests.unit.trust.fixed import DIGEST, FINGERPRINT, OTHER, SIGNER, policy

BASE, SPEECH, DESK = "base/os=1", "speech/os=1,lang=1.9", "desk/os=1,lang=1.9"
NEXT_WEEK = "2026-11-30"
NOBODY = "nobody who is believed signed it"


def believe(week: Week, name: str, *more: str) -> None:
    """Have the catalog sign with a new key, and believe it and others."""
    private, _ = keys.create(week.folder.root / f"keys/{name}")
    os.environ["CATALOG_SIGN_KEY"] = str(private)
    matrix = (week.folder.root / "matrix.yaml").read_text(encoding="utf-8")
    believed = "".join(f"    - {{file: keys/{it}.pub}}\n" for it in (name, *more))
    text = 'trust:\n  profile: signed\n  sign: {key: "${CATALOG_SIGN_KEY}"}\n'
    text += f"  keys:\n{believed}"
    week.folder.write("matrix.yaml", matrix.partition("trust:\n")[0] + text)


@pytest.fixture
def signed(week: Week, monkeypatch: pytest.MonkeyPatch) -> Week:
    """A week of a catalog that signs."""
    monkeypatch.setenv("CATALOG_SIGN_KEY", "")
    believe(week, "2026")
    return week


def built(week: Week) -> dict[str, str]:
    """Return what the plan builds, and why, without a note on packages."""
    return {
        key: item.reason.removesuffix("; packages not locked")
        for key, item in week.plan(today=NEXT_WEEK).targets.items()
        if item.action == "build"
    }


def places(week: Week) -> dict[str, tuple[Reference, str]]:
    """Return the tag of each target, and the digest that it names."""
    targets = week.plan().targets.values()
    images = {item.target.id: item.reference for item in targets}
    named = week.store.named
    return {key: (it, named[str(it)]) for key, it in images.items() if str(it) in named}


def test_a_second_run_builds_nothing(signed: Week) -> None:
    assert {it.status for it in signed.go_by().values()} == {"done"}
    for image, digest in places(signed).values():
        assert str(signature_of(image, digest)) in signed.store.named
    assert built(signed) == {}
    writes = Counter(signed.store.named)
    signed.go_by(today=NEXT_WEEK)
    new = {name for name in signed.store.named if name not in writes and name.endswith(".sig")}
    assert all("/releases:" in name or "-releases:" in name for name in new)


def test_what_nobody_signed_is_built_again_and_signed(week: Week) -> None:
    week.go_by("base")
    before = places(week)
    image, digest = before[BASE]
    believe(week, "2026")
    week.store.named = {k: v for k, v in week.store.named.items() if not k.endswith(":current")}
    assert built(week)[BASE] == f"{image.tag} is in the registry, but {NOBODY}"
    week.go_by()
    assert places(week)[BASE] == (image, digest)
    assert built(week) == {}


def test_a_planted_image_is_not_believed_and_not_overwritten(signed: Week) -> None:
    signed.go_by()
    image, _ = places(signed)[DESK]
    plant(signed.store, image)
    assert built(signed) == {DESK: f"{image.tag} is in the registry, but {NOBODY}"}
    results = signed.carry_out(signed.plan("desk*", today=NEXT_WEEK))
    assert results[f"build:{DESK}"].exit_code == 8
    assert signed.store.named[str(image)] == STRANGER


def test_a_signature_of_another_key_does_not_count(signed: Week) -> None:
    signed.go_by()
    believe(signed, "2027")
    with pytest.raises(TrustError) as caught:
        signed.plan()
    assert "is not believed: nobody who is believed signed it" in str(caught.value)
    assert caught.value.exit_code == 9
    believe(signed, "2028", "2027", "2026")
    assert built(signed) == {}


def test_a_planted_release_is_refused(signed: Week) -> None:
    signed.go_by()
    (current,) = [name for name in signed.store.named if name.endswith(":current")]
    plant(signed.store, signed.records().repository.with_tag("current"))
    with pytest.raises(TrustError) as caught:
        signed.plan()
    assert str(caught.value) == (
        f"the release {current} is not believed: {NOBODY}\n"
        "  hint: builder sign --as-is --only-release --reason TEXT signs it unseen"
    )


def test_a_plan_asks_at_most_two_more_requests_for_each_target(signed: Week) -> None:
    signed.go_by()
    targets = len(signed.plan().targets)

    def asked() -> int:
        before = signed.store.twin()
        signed.store, week = before, signed.store
        signed.observed()
        count = sum(Counter(call[0] for call in before.calls).values())
        signed.store = week
        return count

    with_trust = asked()
    matrix = (signed.folder.root / "matrix.yaml").read_text(encoding="utf-8")
    signed.folder.write("matrix.yaml", matrix.replace("profile: signed", "profile: plain"))
    assert asked() < with_trust <= asked() + 2 * targets


def test_a_key_is_needed_only_where_something_is_signed(signed: Week) -> None:
    os.environ["CATALOG_SIGN_KEY"] = ""
    assert set(built(signed)) >= {BASE, DESK}
    results = signed.go_by("base")
    reasons = [it.reason for it in results.values() if it.status == "failed"]
    assert "the environment variable CATALOG_SIGN_KEY is not set" in reasons[0]


def test_a_profile_without_keys_is_refused(week: Week) -> None:
    matrix = (week.folder.root / "matrix.yaml").read_text(encoding="utf-8")
    week.folder.write("matrix.yaml", matrix + "trust: {profile: signed}\n")
    with pytest.raises(ConfigError) as caught:
        week.observed()
    assert str(caught.value) == (
        "matrix.yaml: `trust.profile` is signed, and no key is believed\n"
        "  hint: trust: {keys: [{file: keys/2026.pub}]}; builder key create makes one"
    )


def test_signatures_of_others_stay_and_are_no_harm(week: Week, tmp_path: Path) -> None:
    image = Reference(registry="r.example", repository="x")
    week.store.artifacts[f"{image.name}@{DIGEST}"] = None
    theirs = Seals(catalog="shop", policy=policy(OTHER), signer=lambda: OTHER)
    ours = Seals(catalog="shop", policy=policy(SIGNER), signer=lambda: SIGNER)
    for seals in (theirs, ours):
        assert not seals.trust(
            week.store, image, DIGEST, "image", fingerprint=FINGERPRINT
        ).is_signed
        assert seals.sign(week.store, image, DIGEST, "image", fingerprint=FINGERPRINT)
        assert not seals.sign(week.store, image, DIGEST, "image", fingerprint=FINGERPRINT)
    for seals in (theirs, ours):
        assert seals.trust(week.store, image, DIGEST, "image", fingerprint=FINGERPRINT).is_signed
    other = "0" * 64
    wrong = ours.trust(week.store, image, DIGEST, "image", fingerprint=other)
    assert wrong.state == "wrong"
    assert wrong.reason == f"its signature says the fingerprint {FINGERPRINT}, not {other}"
    assert ours.trust(week.store, image, DIGEST, "base").state == "wrong"
    elsewhere = replace(ours, catalog="other")
    assert elsewhere.trust(week.store, image, DIGEST, "image").state == "wrong"


@pytest.mark.parametrize("part", ["text", "signature"])
def test_each_flipped_byte_of_a_signature_is_noticed(week: Week, part: str) -> None:
    image = Reference(registry="r.example", repository="x")
    ours = Seals(catalog="shop", policy=policy(SIGNER), signer=lambda: SIGNER)
    ours.sign(week.store, image, DIGEST, "image", fingerprint=FINGERPRINT)
    reference = signature_of(image, DIGEST)
    artifact = week.store.get(reference)
    assert artifact is not None
    (blob,) = artifact.files.values()
    for place in range(0, len(blob.data), 5):
        data, signature = bytearray(blob.data), bytearray(blob.annotations[ANNOTATION].encode())
        changed = data if part == "text" else signature
        changed[place % len(changed)] ^= 1
        if part == "signature" and place % len(signature) >= len(signature.rstrip(b"=")) - 1:
            continue
        flipped = Blob(
            kind=blob.kind, data=bytes(data), annotations={ANNOTATION: signature.decode()}
        )
        put = Artifact(kind=artifact.kind, config=artifact.config, files={"signature-1": flipped})
        week.store.put(put, reference)
        found = ours.trust(week.store, image, DIGEST, "image", fingerprint=FINGERPRINT)
        assert not found.is_signed


def test_a_registry_that_was_filled_before_is_signed_as_it_is(week: Week) -> None:
    week.go_by()
    believe(week, "2026")
    found = signing.signatures(week.app())
    assert {it.state for it in found.values()} == {"unsigned"}
    with pytest.raises(TrustError):
        week.plan()
    assert signing.sign_as_is(week.app(), "filled before", only_release=True) == ("release",)
    assert set(built(week)) >= {BASE, DESK}
    signed = signing.sign_as_is(week.app(), "filled before")
    assert set(signed) == found.keys() - {"release"}
    assert built(week) == {}
    assert all(it.is_signed for it in signing.signatures(week.app()).values())
    assert signing.sign_as_is(week.app(), "again") == ()
