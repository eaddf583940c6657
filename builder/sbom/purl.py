"""Package URLs (purl), as the type definitions of the specification have them. Pure."""

from __future__ import annotations

from packageurl import PackageURL

from builder.catalog.models import RemoteFile
from builder.catalog.packages import LockedPackage, PackageIdentity
from builder.network.upstreams import upstream
from builder.oci.reference import Reference

_PYPI = "pkg:pypi/"
_MAVEN = upstream("maven")


def purl_of(identity: PackageIdentity) -> str:
    """Return the package URL of a package."""
    return PackageURL(
        type=identity.type,
        namespace=identity.namespace or None,
        name=identity.name,
        version=identity.version or None,
        qualifiers={key: value for key, value in identity.qualifiers.items() if value},
    ).to_string()


def source_purl(identity: PackageIdentity, package: LockedPackage) -> str:
    """Return the package URL of the source package of a binary one; "" where that is not known."""
    if identity.type != "deb" or not package.source_package:
        return ""
    return deb_source(package.source_package, package.source_version or package.version, identity)


def deb_source(name: str, version: str, binary: PackageIdentity) -> str:
    """Return the package URL of the source package of a package of Debian."""
    qualifiers = {"arch": "source", "distro": binary.qualifiers.get("distro", "")}
    return purl_of(
        PackageIdentity(
            type="deb",
            namespace=binary.namespace,
            name=name,
            version=version,
            qualifiers=qualifiers,
        )
    )


def file_purl(file: RemoteFile, name: str, version: str) -> str:
    """Return the package URL of a file of a release line, called `name` where no index has it."""
    if file.url.startswith(_PYPI):
        return PackageURL.from_string(file.url).to_string()
    if file.url.startswith(f"{_MAVEN}/"):
        *group, artifact, its_version, file_name = file.url.removeprefix(f"{_MAVEN}/").split("/")
        kind = file_name.removeprefix(f"{artifact}-{its_version}").lstrip(".")
        is_plain = group and file_name.startswith(f"{artifact}-{its_version}.")
        if is_plain:
            return purl_of(
                PackageIdentity(
                    type="maven",
                    namespace=".".join(group),
                    name=artifact,
                    version=its_version,
                    qualifiers={"type": "" if kind == "jar" else kind},
                )
            )
    return purl_of(
        PackageIdentity(
            type="generic",
            name=name,
            version=version,
            qualifiers={
                "checksum": f"sha256:{file.sha256}",
                "download_url": file.url,
                "file_name": file.name,
            },
        )
    )


def image_purl(repository: Reference, digest: str = "", tag: str = "") -> str:
    """Return the package URL of an image in a repository."""
    name = repository.repository.rpartition("/")[2]
    where = f"{repository.registry}/{repository.repository}"
    return purl_of(
        PackageIdentity(
            type="oci",
            name=name,
            version=digest,
            qualifiers={"repository_url": where, "tag": tag},
        )
    )
