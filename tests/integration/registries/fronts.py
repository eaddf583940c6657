"""A front of a real docker-registry that behaves as one of `behaviours` does.

It passes requests on, and changes what registries differ in: who may ask, where an upload or a
blob is, how tags are listed, what an answer leaves out, what is refused. It notes what it was
asked.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.integration.registries.behaviours import (
    Behaviour,
    Passwords,
    Refusal,
    Storage,
    Tokens,
)
from tests.integration.registries.web import Answer, Request, Upstream

_ELSEWHERE = "/artifacts-uploads/namespaces/my-project/repositories/images/uploads/"
_NAMED = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|tags)/(?P<rest>.*)")
_LEAST_SECONDS = 60.0
_OTHERS = re.compile(r"skopeo|containers/|buildah|podman|libpod|Helm", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that a front was asked, and the code that it answered with.

    `kind` is one of `KINDS`. `is_secure` says whether it came by TLS, `tells_who` whether it had
    a header Authorization.
    """

    kind: str
    method: str
    host: str
    path: str
    code: int
    agent: str
    is_secure: bool
    tells_who: bool

    @property
    def is_builder(self) -> bool:
        """Whether the builder itself asked, and no program that it runs."""
        return not _OTHERS.match(self.agent)


KINDS = ("base", "token", "manifest", "tags", "blob", "upload", "mount", "storage", "other")


class Front:
    """What answers for the hosts of one behaviour. For any number of threads."""

    def __init__(self, behaviour: Behaviour, upstream: str) -> None:
        self.behaviour = behaviour
        self.asked: list[Asked] = []
        self._upstream = Upstream(upstream)
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[float, frozenset[tuple[str, str]]]] = {}
        self._signatures: dict[str, str] = {}
        self._places: dict[str, int] = {}
        self._removed: set[tuple[str, str]] = set()
        self._repositories: set[str] = set()
        self._refused: Counter[int] = Counter()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that it answers for."""
        behaviour = self.behaviour
        found = [behaviour.api]
        if isinstance(behaviour.access, Tokens):
            found.append(urlsplit(behaviour.access.realm).netloc)
        if behaviour.storage:
            found.append(urlsplit(behaviour.storage.place).netloc)
        if behaviour.registry != behaviour.api:
            found.append(behaviour.registry)
        return tuple(dict.fromkeys(host for host in found if host))

    def create(self, repository: str) -> None:
        """Create a repository, where none comes to be by a push."""
        self._repositories.add(repository)

    def answer(self, request: Request) -> Answer:
        """Answer a request to one of `hosts`."""
        kind, answer = self._route(request)
        asked = Asked(
            kind=kind,
            method=request.method,
            host=request.host,
            path=request.target,
            code=answer.code,
            agent=request.headers.get("User-Agent", ""),
            is_secure=request.is_secure,
            tells_who="Authorization" in request.headers,
        )
        with self._lock:
            self.asked.append(asked)
        return answer

    def _route(self, request: Request) -> tuple[str, Answer]:
        behaviour = self.behaviour
        if self._is_token(request):
            return "token", self._token(request)
        if self._is_storage(request):
            return "storage", self._stored(request)
        if request.host != behaviour.api:
            return "other", Answer(code=404, body=b"<html>a web site</html>")
        request = self._at_home(request)
        if not request.path.startswith("/v2/"):
            return "other", Answer(code=404, body=b"<html>no such page</html>")
        kind = _kind(request)
        return kind, self._refuse(request) or self._challenge(request) or self._serve(kind, request)

    # Who asks.

    def _challenge(self, request: Request) -> Answer | None:
        """The answer to somebody who may not do this; None: go on."""
        access = self.behaviour.access
        given = request.headers.get("Authorization", "")
        if access is None:
            return None
        if isinstance(access, Passwords):
            if given == self._basic:
                return None
            challenge = f'Basic realm="{access.realm}"'
            return _error(401, "UNAUTHORIZED", "not logged in", {"WWW-Authenticate": challenge})
        needed = _needed(request)
        until, granted = self._tokens.get(given.removeprefix("Bearer "), (0.0, frozenset()))
        is_valid = time.monotonic() < until
        if is_valid and (needed <= granted or not access.is_strict):
            return None
        challenge = f'Bearer realm="{access.realm}",service="{access.service}"'
        if scope := _scopes(needed) or access.placeholder:
            challenge += f',scope="{scope}"'
        if given:
            challenge += f',error="{"insufficient_scope" if is_valid else "invalid_token"}"'
        message = "authentication required"
        return _error(401, "UNAUTHORIZED", message, {"WWW-Authenticate": challenge})

    @property
    def _basic(self) -> str:
        pair = f"{self.behaviour.user}:{self.behaviour.password}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def _is_token(self, request: Request) -> bool:
        access = self.behaviour.access
        if not isinstance(access, Tokens):
            return False
        realm = urlsplit(access.realm)
        return (request.host, request.path) == (realm.netloc, realm.path)

    def _token(self, request: Request) -> Answer:
        """Give a token for the scopes that are asked for, to who is known."""
        access = self.behaviour.access
        assert isinstance(access, Tokens)
        if request.method != "GET":  # no OAuth2: clients are to go on with GET
            return _error(404, "NOT_FOUND", "no such page")
        given = request.headers.get("Authorization", "")
        if given and given != self._basic:
            return _error(401, "UNAUTHORIZED", "incorrect username or password")
        if parse_qs(request.query).get("service") != [access.service]:
            return _error(400, "UNSUPPORTED", "no such service")
        if not given and not access.is_strict:
            return _error(403, "DENIED", "denied")
        granted = _granted(request.query) if given else frozenset()
        seconds = access.seconds
        if _OTHERS.match(request.headers.get("User-Agent", "")):
            # They take any token to be good for a minute, and the real ones are.
            seconds = max(seconds, _LEAST_SECONDS)
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens[token] = (time.monotonic() + seconds, granted)
        data: dict[str, object] = dict.fromkeys(access.fields, token)
        if access.tells_seconds:
            data["expires_in"] = int(access.seconds)
        return _data(200, data)

    # What is refused.

    def _refuse(self, request: Request) -> Answer | None:
        """The answer that a refusal gives in the registry's place; None: go on."""
        line = f"{request.method} {request.path}"
        for number, refusal in enumerate(self.behaviour.refusals):
            if re.match(refusal.about, line) is None:
                continue
            with self._lock:
                self._refused[number] += 1
                seen = self._refused[number]
            if seen >= refusal.first and (
                not refusal.times or seen < refusal.first + refusal.times
            ):
                return _refused(refusal)
        return None

    def _keep(self, request: Request, name: str, tag: str) -> Answer | None:
        """The answer to a push over a tag that never moves; None: go on."""
        immutable = self.behaviour.immutable
        if immutable is None or ":" in tag or not re.match(immutable.about, tag):
            return None
        if self._upstream.code(f"/v2/{name}/manifests/{tag}") != 200:
            return None
        return _refused(immutable, repository=name, tag=tag)

    # What the registry does.

    def _serve(self, kind: str, request: Request) -> Answer:
        behaviour, named = self.behaviour, _NAMED.fullmatch(request.path)
        name, rest = (named["name"], named["rest"]) if named else ("", "")
        if name and not behaviour.uploads.creates and name not in self._repositories:
            message = f"The repository with name '{name}' does not exist in the registry"
            return _error(404, "NAME_UNKNOWN", f"{message} with id '123456789012'")
        if kind == "tags" and behaviour.pages:
            return self._listed(request, name)
        if kind == "manifest":
            return self._manifest(request, name, rest)
        if kind == "blob" and (storage := behaviour.storage) and request.method in storage.methods:
            return self._lead(request, storage)
        if kind == "mount" and not behaviour.uploads.mounts:
            request = request.to(request.path)
        answer = self._passed(request)
        return self._placed(answer) if kind in {"upload", "mount"} else answer

    def _passed(self, request: Request) -> Answer:
        return self._upstream.answer(request)

    def _manifest(self, request: Request, name: str, reference: str) -> Answer:
        behaviour, is_tag = self.behaviour, ":" not in reference
        if request.method == "DELETE":
            return self._delete(request, name, reference)
        if request.method == "PUT":
            if kept := self._keep(request, name, reference):
                return kept
            self._removed.discard((name, reference))
        elif is_tag and (name, reference) in self._removed:
            return _error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        answer = self._passed(request)
        hidden = ("docker-content-digest", "etag")
        if request.method not in behaviour.hides_digest:
            hidden = ()
        return answer.with_headers(behaviour.headers, without=hidden)

    def _delete(self, request: Request, name: str, reference: str) -> Answer:
        if not self.behaviour.deletes:
            return _error(405, "UNSUPPORTED", "The operation is unsupported.")
        if ":" in reference or not self.behaviour.untags:
            return self._passed(request)
        path = f"/v2/{name}/manifests/{reference}"
        is_there = self._upstream.code(path) == 200 and (name, reference) not in self._removed
        self._removed.add((name, reference))
        if is_there:
            return Answer(code=202)
        return _error(404, "MANIFEST_UNKNOWN", "manifest unknown")

    def _listed(self, request: Request, name: str) -> Answer:
        """One page of the tags."""
        pages = self.behaviour.pages
        assert pages is not None
        answer = self._upstream.answer(request.to(f"/v2/{name}/tags/list"))
        if answer.code != 200:
            return answer
        query = {key: values[-1] for key, values in parse_qs(request.query).items()}
        asked = int(query.get("n", pages.size))
        if pages.most and asked > pages.most:
            constraint = f"Member must have value less than or equal to {pages.most}"
            message = (
                f"Invalid parameter at 'maxResults' failed to satisfy constraint: '{constraint}'"
            )
            return _error(405, "UNSUPPORTED", message)
        tags = json.loads(answer.read()).get("tags") or []
        key = None if pages.is_sorted else _anyhow
        tags = sorted((tag for tag in tags if (name, tag) not in self._removed), key=key)
        start = self._start(query.get("last", ""), tags)
        if start is None:
            return _error(400, "PAGINATION_NUMBER_INVALID", "no such place in the list")
        end = start + min(pages.size, asked)
        headers = {}
        if end < len(tags):
            link = urlencode({"n": asked, "last": self._mark(name, tags, end)})
            origin = f"https://{request.host}" if pages.is_absolute else ""
            headers["Link"] = f'<{origin}{request.path}?{link}>; rel="next"'
        return _data(200, {"name": name, "tags": tags[start:end]}, headers)

    def _start(self, last: str, tags: list[str]) -> int | None:
        """Where in the list a page begins."""
        pages = self.behaviour.pages
        if not last:
            return 0
        if pages and pages.is_opaque:
            return self._places.get(last)
        return sum(tag <= last for tag in tags)

    def _mark(self, name: str, tags: list[str], end: int) -> str:
        """What names the place in the list at which the next page begins."""
        pages = self.behaviour.pages
        if pages is None or not pages.is_opaque:
            return tags[end - 1]
        mark = base64.b64encode(secrets.token_bytes(48)).decode()  # with + and /, as theirs
        self._places[mark] = end
        return mark

    # Where things are.

    def _lead(self, request: Request, storage: Storage) -> Answer:
        """Lead to where a blob is, with a signature for that one."""
        if (code := self._upstream.code(request.path)) != 200:
            return _error(code, "BLOB_UNKNOWN", "blob unknown to registry")
        signature = secrets.token_urlsafe(24)
        self._signatures[signature] = request.path
        place = f"{storage.place}/{request.path.rsplit(':', 1)[-1]}"
        location = f"{place}?X-Amz-Algorithm=AWS4&X-Amz-Signature={signature}"
        return Answer(code=storage.code, headers=(("Location", location),))

    def _is_storage(self, request: Request) -> bool:
        if self.behaviour.storage is None:
            return False
        place = urlsplit(self.behaviour.storage.place)
        host = place.netloc or self.behaviour.api
        return request.host == host and request.path.startswith(f"{place.path}/")

    def _stored(self, request: Request) -> Answer:
        """A blob, where it is."""
        storage = self.behaviour.storage
        assert storage is not None
        if "Authorization" in request.headers and urlsplit(storage.place).netloc:
            text = "<Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message>"
            return Answer(code=400, body=f"<Error>{text}</Error>".encode())
        (signature,) = parse_qs(request.query).get("X-Amz-Signature", [""])
        if not (path := self._signatures.get(signature)):
            return Answer(code=403, body=b"<Error><Code>AccessDenied</Code></Error>")
        hidden = ("docker-content-digest", "etag", "docker-distribution-api-version")
        return self._upstream.answer(request.to(path)).with_headers({}, without=hidden)

    def _placed(self, answer: Answer) -> Answer:
        """An answer whose place is written as the registry writes it."""
        location = answer.header("Location")
        if not location:
            return answer
        split, host = urlsplit(location), self.behaviour.api
        place = split.path + (f"?{split.query}" if split.query else "")
        style = self.behaviour.uploads.location
        if style == "elsewhere" and "/uploads/" in place:
            place = _ELSEWHERE + base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")
        elif style == "plain":
            place = f"http://{host}{place}"
        elif style == "absolute":
            place = f"{self._scheme}://{host}{place}"
        return answer.with_headers({"Location": place}, without=("location",))

    @property
    def _scheme(self) -> str:
        return "http" if self.behaviour.api.startswith("127.") else "https"

    def _at_home(self, request: Request) -> Request:
        """A request whose upload is where docker-registry knows it."""
        if not request.path.startswith(_ELSEWHERE):
            return request
        text = request.path.removeprefix(_ELSEWHERE)
        place = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        extra = ("&" if "?" in place else "?") + request.query if request.query else ""
        return request.to(place + extra)


def _anyhow(tag: str) -> str:
    """What tags are sorted by, so that they are in no order that anybody knows."""
    return hashlib.sha256(tag.encode()).hexdigest()


def _kind(request: Request) -> str:
    """Which of KINDS a request to the API is."""
    named = _NAMED.fullmatch(request.path)
    if named is None:
        return "base"
    if named["kind"] == "blobs":
        if not named["rest"].startswith("uploads/"):
            return "blob"
        return "mount" if "mount=" in request.query else "upload"
    return {"manifests": "manifest", "tags": "tags"}[named["kind"]]


def _needed(request: Request) -> frozenset[tuple[str, str]]:
    """What a token must be good for, as registry/handlers/app.go of distribution has it."""
    named = _NAMED.fullmatch(request.path)
    if named is None:
        return frozenset()
    actions = {"GET": ("pull",), "HEAD": ("pull",), "DELETE": ("delete",)}
    needed = {(named["name"], action) for action in actions.get(request.method, ("pull", "push"))}
    source = parse_qs(request.query).get("from", [])
    return frozenset(needed | {(name, "pull") for name in source})


def _scopes(needed: frozenset[tuple[str, str]]) -> str:
    """Scopes as a challenge writes them."""
    names = sorted({name for name, _ in needed})
    actions = {name: sorted(action for owner, action in needed if owner == name) for name in names}
    return " ".join(f"repository:{name}:{','.join(actions[name])}" for name in names)


def _granted(query: str) -> frozenset[tuple[str, str]]:
    """What the scopes of a query ask for; one parameter may hold several."""
    scopes = " ".join(parse_qs(query).get("scope", [])).split()
    found = (re.fullmatch(r"repository:([^:]+):(.+)", scope) for scope in scopes)
    return frozenset(
        (match[1], action) for match in found if match for action in match[2].split(",")
    )


def _refused(refusal: Refusal, **names: str) -> Answer:
    headers = dict(refusal.headers)
    if headers.get("Retry-After", "").startswith("date+"):
        seconds = float(headers["Retry-After"].removeprefix("date+"))
        headers["Retry-After"] = formatdate(time.time() + seconds, usegmt=True)
    message = refusal.message.format(**names) if names else refusal.message
    return _error(refusal.code, refusal.error, message, headers)


def _error(code: int, error: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    return _data(code, {"errors": [{"code": error, "message": message}]}, headers)


def _data(code: int, data: object, headers: Mapping[str, str] | None = None) -> Answer:
    kind = ("Content-Type", "application/json; charset=utf-8")
    return Answer(
        code=code, headers=(kind, *(headers or {}).items()), body=json.dumps(data).encode()
    )
