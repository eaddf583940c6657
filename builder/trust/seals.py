"""Signs what is in registries, and judges what others signed there: as cosign keeps signatures.

The signatures of a digest are the layers of one artifact at the tag `sha256-<hex>.sig` beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from builder.common.errors import BuilderError, ConfigError, DamagedError, TrustError
from builder.common.hashing import canonical, digest_of
from builder.oci.reference import Reference
from builder.registry.interfaces import Artifact, Blob, Part, Registry
from builder.trust import simple_signing
from builder.trust.dsse import decoded, encoded
from builder.trust.interfaces import Signer
from builder.trust.policy import UNKNOWN, Signed, Trust, TrustPolicy
from builder.trust.simple_signing import ANNOTATION, Claim

IMAGE, BASE, INDEX, CHART, RECORD = "image", "base", "index", "chart", "record"
"""The kinds of what is signed."""
SIGNATURES = 16
"""The signatures of one digest that are looked at."""
_CONFIG = "application/vnd.oci.image.config.v1+json"
_TIME = "0001-01-01T00:00:00Z"


def no_signer() -> Signer:
    """Raise ConfigError: nobody said with what key to sign."""
    raise ConfigError(
        "`trust` in matrix.yaml wants signatures, and names no key to sign with",
        hint='trust: {sign: {key: "${CATALOG_SIGN_KEY}"}}; builder key create makes one',
    )


@dataclass(frozen=True, kw_only=True)
class Seals:
    """Signatures in registries. `policy` is None where a catalog wants none: nothing is asked then.

    `signer` is called when something is to be signed. Raises TrustError, and as a Registry does.
    """

    catalog: str = ""
    policy: TrustPolicy | None = None
    signer: Callable[[], Signer] = field(default=no_signer, compare=False)

    @property
    def is_wanted(self) -> bool:
        """Whether nothing counts that nobody signed."""
        return self.policy is not None

    def sign(
        self,
        store: Registry,
        image: Reference,
        digest: str,
        kind: str,
        *,
        target: str = "",
        fingerprint: str = "",
        note: Mapping[str, str] | None = None,
    ) -> bool:
        """Sign a digest, unless that is done; return whether something was written.

        Signatures that are there stay. `note` has more texts that are signed. A store that only
        hands over is not signed to: the machine that pushes does it.
        """
        if self.policy is None or getattr(store, "hands_over", False):
            return False
        claim = self._claim(image, digest, kind, target=target, fingerprint=fingerprint)
        if self.trust(store, image, digest, kind, target=target, fingerprint=fingerprint).is_signed:
            return False
        signed = Claim(
            repository=claim.repository, digest=digest, optional={**claim.optional, **(note or {})}
        )
        reference = signature_of(image, digest)
        existing = store.get(reference)
        layers = list(existing.files.values()) if existing else []
        content = signed.content
        signature = encoded(self.signer().sign(content))
        layers.append(
            Blob(kind=simple_signing.MEDIA_TYPE, data=content, annotations={ANNOTATION: signature})
        )
        store.put(_artifact(layers), reference)
        return True

    def trust(
        self,
        store: Registry,
        image: Reference,
        digest: str,
        kind: str,
        *,
        target: str = "",
        fingerprint: str = "",
    ) -> Trust:
        """Return whether a believed key signed a digest, as this kind and with this fingerprint.

        It takes one request, and one more for each signature whose text is not ours.
        """
        if self.policy is None:
            return UNKNOWN
        claim = self._claim(image, digest, kind, target=target, fingerprint=fingerprint)
        bound = ["kind", "catalog"] + (["fingerprint"] if fingerprint else [])
        try:
            found = self._signatures(store, signature_of(image, digest), claim)
        except DamagedError as error:
            return Trust(state="wrong", reason=f"its signatures cannot be read: {error.message}")
        return self.policy.judge(found, claim, bound=bound)

    def problem(
        self,
        store: Registry,
        image: Reference,
        digest: str,
        kind: str,
        fingerprint: str = "",
        *,
        target: str = "",
    ) -> str:
        """Return why a digest is not believed, or ""; "" too where no signatures are wanted.

        Where `target` is what was signed, it takes one request.
        """
        if self.policy is None:
            return ""
        trust = self.trust(store, image, digest, kind, target=target, fingerprint=fingerprint)
        return "" if trust.is_signed else trust.reason

    def check(self, store: Registry, image: Reference, digest: str, kind: str) -> None:
        """Raise TrustError where a digest is not believed."""
        if problem := self.problem(store, image, digest, kind):
            raise TrustError(f"{image} is not believed: {problem}", hint=AS_IS)

    def _claim(
        self, image: Reference, digest: str, kind: str, *, target: str, fingerprint: str
    ) -> Claim:
        texts = {"kind": kind, "catalog": self.catalog, "target": target}
        texts["fingerprint"] = fingerprint
        return Claim(
            repository=image.name,
            digest=digest,
            optional={key: value for key, value in texts.items() if value},
        )

    def _signatures(self, store: Registry, reference: Reference, claim: Claim) -> list[Signed]:
        """Return the signatures at a tag; a text that is just ours is not fetched."""
        summary = store.summary(reference)
        if summary is None:
            return []
        texts = {digest_of(claim.content): claim.content}
        found = []
        for part in [*summary.files.values()][:SIGNATURES]:
            if (signature := _signature(part)) is None:
                continue
            if part.digest not in texts and part.size <= simple_signing.LIMIT:
                texts[part.digest] = store.content(reference, part)
            if part.digest in texts:
                found.append(Signed(content=texts[part.digest], signature=signature))
        return found


PLAIN = Seals()
"""Of a catalog that wants no signatures."""
AS_IS = (
    "builder build builds it again, and signs what comes out the same; builder sign --as-is"
    " --reason TEXT signs it unseen"
)


def signature_of(image: Reference, digest: str) -> Reference:
    """Return the reference of the signatures of a digest, in the repository of an image."""
    return image.with_tag(f"{digest.replace(':', '-')}.sig")


def _signature(part: Part) -> bytes | None:
    """Return the signature of a layer, None where it has none."""
    text = part.annotations.get(ANNOTATION)
    try:
        return decoded(text, "a signature") if text else None
    except BuilderError:
        return None


def _artifact(layers: Sequence[Blob]) -> Artifact:
    """Return the artifact of signatures, in the order in which they were made."""
    config = {
        "architecture": "",
        "config": {},
        "created": _TIME,
        "history": [{"created": _TIME} for _ in layers],
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": [digest_of(layer.data) for layer in layers]},
    }
    files = {f"signature-{number}": layer for number, layer in enumerate(layers, 1)}
    return Artifact(kind=_CONFIG, config=canonical(config), files=files)
