"""How public and private registries differ from docker-registry, as plain data.

Each fact has its source beside it: the documentation of the registry, or an issue where the
behaviour was observed. `SPEC` is github.com/opencontainers/distribution-spec/blob/main/spec.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

GET, HEAD, PUT = "GET", "HEAD", "PUT"


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Bearer tokens, as distribution.github.io/distribution/spec/auth has them.

    `realm` is where they are given, on which host it may be. A token that `is_strict` is good for
    the scopes that it was asked for, and for no others.
    """

    realm: str
    service: str
    seconds: float = 300.0
    is_strict: bool = True
    fields: tuple[str, ...] = ("token",)
    tells_seconds: bool = True
    placeholder: str = ""  # the scope of a challenge that is about no repository


@dataclass(frozen=True, kw_only=True)
class Passwords:
    """A name and a password with every request."""

    realm: str


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """What comes of `POST …/blobs/uploads/`.

    `location` is how its place is written; `mounts` says whether a blob of another repository is
    taken over; `creates` whether a repository comes to be with its first push.
    """

    location: Literal["relative", "absolute", "plain", "elsewhere"] = "absolute"
    mounts: bool = True
    creates: bool = True


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Where blobs are: a request is led to `place`, a URL or a path, with a signature.

    One on another host refuses a request that says who asks: the signature says it already.
    """

    place: str
    code: int = 307
    methods: tuple[str, ...] = (GET,)


@dataclass(frozen=True, kw_only=True)
class Pages:
    """How tags are listed: at most `size` at once, whatever is asked for.

    The tests have few tags, so the pages are smaller than the real ones. `most` is what may be
    asked for; an `is_opaque` place in the list is no tag.
    """

    size: int = 2
    most: int = 0
    is_absolute: bool = False
    is_opaque: bool = False
    is_sorted: bool = True


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An answer in the registry's place to requests such as `PUT /v2/name/manifests/tag`.

    It is given `times` times, from the `first` such request on; 0: for ever.
    """

    about: str
    code: int
    error: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    first: int = 1
    times: int = 0


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """One registry: what it is called in references, and where and how its API answers."""

    key: str
    title: str
    registry: str
    namespace: str
    host: str = ""  # of the API; that of the references where it is empty
    user: str = ""
    password: str = "dckr_pat_7Zq0"
    login: Literal["docker", "podman", "helper"] = "docker"
    login_key: str = ""
    access: Tokens | Passwords | None = None
    uploads: Uploads = field(default_factory=Uploads)
    storage: Storage | None = None
    pages: Pages | None = None
    hides_digest: tuple[str, ...] = ()
    deletes: bool = True
    untags: bool = False
    immutable: Refusal | None = None  # `about` finds the tags that never move
    refusals: tuple[Refusal, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    trusts_by: Literal["everything", "builder"] = "everything"

    @property
    def api(self) -> str:
        """The host of the API."""
        return self.host or self.registry

    @property
    def place(self) -> str:
        """Where the repositories of a catalog are, as `catalog.registries` names it."""
        return f"{self.registry}/{self.namespace}"


STOCK = Behaviour(key="stock", title="docker-registry", registry="", namespace="org")

HUB = Behaviour(
    key="hub",
    title="Docker Hub",
    # References say docker.io, the API is at registry-1.docker.io, and what answers at docker.io
    # is a web site: github.com/google/go-containerregistry/issues/68.
    registry="docker.io",
    host="registry-1.docker.io",
    namespace="acme",
    user="ann",
    # `docker login` keeps them under the address of the first API:
    # docs.docker.com/reference/cli/docker/login.
    login_key="https://index.docker.io/v1/",
    # distribution.github.io/distribution/spec/auth/jwt: another host gives them, for five minutes.
    access=Tokens(
        realm="https://auth.docker.io/token",
        service="registry.docker.io",
        fields=("token", "access_token"),
    ),
    # github.com/opencontainers/distribution-spec/issues/299: a 307 to a CDN. The registry does so
    # for HEAD too: registry/storage/blobserver.go of github.com/distribution/distribution.
    storage=Storage(
        place="https://production.cloudflare.docker.com/registry-v2", methods=(GET, HEAD)
    ),
    pages=Pages(),
    # github.com/docker/hub-feedback/issues/2360: the API answers 405 UNSUPPORTED to any DELETE.
    deletes=False,
    # docs.docker.com/docker-hub/usage/pulls: with each manifest, also by HEAD, which counts not.
    headers={"RateLimit-Limit": "200;w=21600", "RateLimit-Remaining": "199;w=21600"},
)
# docs.docker.com/docker-hub/usage/pulls: a manifest that is one too many is answered with 429.
HUB_LIMIT = Refusal(
    about=r"GET /v2/.+/manifests/",
    code=429,
    error="TOOMANYREQUESTS",
    message="You have reached your pull rate limit.",
    headers={"Retry-After": "1"},
    times=1,
)

GHCR = Behaviour(
    key="ghcr",
    title="GitHub packages",
    registry="ghcr.io",
    namespace="octo-org",
    user="ann",
    # A token is good for all that its owner may, whatever scope it was asked for:
    # stackoverflow.com/questions/78945541. The scope of the challenge at /v2/ is a placeholder:
    # github.com/cloudflare/serverless-registry/issues/148.
    access=Tokens(
        realm="https://ghcr.io/token",
        service="ghcr.io",
        is_strict=False,
        tells_seconds=False,
        placeholder="repository:user/image:pull",
    ),
    # github.com/apple/swift-container-plugin/pull/44: the place of an upload is relative. `SPEC`,
    # "Mounting a blob from another repository": who does not mount begins an upload with 202.
    uploads=Uploads(location="relative", mounts=False),
    storage=Storage(place="https://pkg-containers.githubusercontent.com/ghcr1/blobs"),
    # github.com/gardener/cc-utils/pull/1557: tags come in pages, whose links are relative.
    pages=Pages(),
    # github.com/containers/skopeo/issues/1880.
    deletes=False,
)
# github.com/docker/build-push-action/issues/463: a package that the token may not write to.
GHCR_DENIED = Refusal(
    about=r"(POST|PUT|PATCH) /v2/",
    code=403,
    error="DENIED",
    message="permission_denied: write_package",
)

GAR = Behaviour(
    key="gar",
    title="Google Artifact Registry",
    registry="europe-docker.pkg.dev",
    namespace="my-project/images",
    # docs.cloud.google.com/artifact-registry/docs/docker/authentication: an access token is the
    # password of this name.
    user="oauth2accesstoken",
    password="ya29.c0AYnqXljQ-_x/y+z==",
    # github.com/oras-project/oras/issues/157: the realm is below /v2/.
    access=Tokens(
        realm="https://europe-docker.pkg.dev/v2/token",
        service="europe-docker.pkg.dev",
        seconds=3600,
    ),
    # github.com/oras-project/rust-oci-client/pull/175.
    uploads=Uploads(location="elsewhere"),
    # github.com/astral-sh/uv/pull/13041: a path of the same host, that redirects know as relative.
    storage=Storage(
        place="/artifacts-downloads/namespaces/my-project/repositories/images/downloads", code=302
    ),
    pages=Pages(is_absolute=True),
)

ECR = Behaviour(
    key="ecr",
    title="Amazon ECR",
    registry="123456789012.dkr.ecr.eu-west-1.amazonaws.com",
    namespace="team",
    # docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html: the name is always AWS,
    # and github.com/awslabs/amazon-ecr-credential-helper gives the password.
    user="AWS",
    login="helper",
    access=Passwords(realm="https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/"),
    # github.com/regclient/regclient/issues/869: no repository comes to be by a push.
    uploads=Uploads(creates=False),
    # github.com/open-policy-agent/opa/issues/6580: a 307 to S3, which knows who asks by the URL.
    # docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html names the bucket.
    storage=Storage(
        place="https://prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com"
    ),
    # github.com/deitch/docker_registry2/issues/34: in no order, with a link that is absolute and
    # names no tag. github.com/google/go-containerregistry/issues/681: 1000 at most.
    pages=Pages(most=1000, is_absolute=True, is_opaque=True, is_sorted=False),
)
# github.com/moby/buildkit/issues/3776, also where the tag would be what it is:
# github.com/aws/containers-roadmap/issues/2380.
ECR_IMMUTABLE = Refusal(
    about=r".",
    code=400,
    error="TAG_INVALID",
    message=(
        "The image tag '{tag}' already exists in the '{repository}' repository"
        " and cannot be overwritten because the repository is immutable."
    ),
)

HARBOR = Behaviour(
    key="harbor",
    title="Harbor",
    registry="harbor.example.test",
    namespace="library",
    # goharbor.io/docs/main/working-with-projects/project-configuration/create-robot-accounts.
    user="robot$library+builder",
    login="podman",
    # github.com/goharbor/harbor/issues/7944.
    access=Tokens(
        realm="https://harbor.example.test/service/token", service="harbor-registry", seconds=1800
    ),
    uploads=Uploads(location="absolute"),
    # src/server/registry/util/util.go of github.com/goharbor/harbor. By digest alone does it
    # delete: src/server/registry/manifest.go.
    pages=Pages(),
)
# src/server/middleware/immutable/error.go of github.com/goharbor/harbor.
HARBOR_IMMUTABLE = Refusal(
    about=r".",
    code=412,
    error="PRECONDITION",
    message="Failed to process request due to '{repository}:{tag}' configured as immutable.",
)
# github.com/goharbor/harbor/issues/19408: also HEAD is refused, where a project has the policy
# that nothing with known faults is pulled.
HARBOR_POLICY = Refusal(
    about=r"(GET|HEAD) /v2/.+/manifests/",
    code=412,
    error="PROJECTPOLICYVIOLATION",
    message="current image with 9 vulnerabilities cannot be pulled due to configured policy",
)
# github.com/goharbor/harbor/issues/8802.
HARBOR_QUOTA = Refusal(
    about=r"(PUT|PATCH) /v2/.+/blobs/uploads/",
    code=403,
    error="DENIED",
    message=(
        "Quota exceeded when processing the request of adding 1.3 MiB, which when added to"
        " current usage of 235.9 MiB will exceed the configured upper limit of 236.0 MiB."
    ),
)

NEXUS = Behaviour(
    key="nexus",
    title="Sonatype Nexus",
    registry="nexus.example.test",
    namespace="docker-hosted",
    user="ann",
    access=Passwords(realm="Sonatype Nexus Repository Manager"),
    # A server behind what speaks TLS for it writes http in its places, unless it is told:
    # github.com/distribution/distribution/issues/996, github.com/sonatype/nexus-public/issues/435.
    uploads=Uploads(location="plain", mounts=False),
    # github.com/distribution/distribution/pull/3849: no digest in some answers to a PUT;
    # github.com/merll/docker-registry-util/issues/3: none by HEAD.
    hides_digest=(HEAD, PUT),
)

GITLAB = Behaviour(
    key="gitlab",
    title="GitLab",
    registry="registry.gitlab.example.test",
    namespace="group/project",
    user="ann",
    # docs.gitlab.com/user/packages/container_registry/authenticate_with_container_registry: for
    # five minutes; here for two seconds. Another host gives them.
    access=Tokens(
        realm="https://gitlab.example.test/jwt/auth", service="container_registry", seconds=2.0
    ),
    # gitlab.com/gitlab-org/container-registry/-/issues/1092: to mount, a token needs both scopes.
    pages=Pages(is_absolute=True),
    # gitlab.com/gitlab-org/container-registry/-/issues/1091: a tag goes alone.
    untags=True,
)

PRIVATE = Behaviour(
    key="private",
    title="a private CA",
    registry="registry.example.test",
    namespace="house",
    trusts_by="builder",
)

ALL = (STOCK, PRIVATE, HUB, GHCR, GAR, ECR, HARBOR, NEXUS, GITLAB)
