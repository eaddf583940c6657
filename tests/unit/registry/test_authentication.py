"""How a registry's challenge is read, and which token answers it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from builder.common.errors import StepError, TransientError
from builder.oci.reference import Reference, parse
from builder.registry.authentication import (
    Authenticator,
    Challenge,
    TokenAnswer,
    TokenRequest,
    challenges,
    covers,
    merged,
)
from builder.registry.credentials import Credentials

PLACE = parse("registry.example/team/image:tag")
PULL, PUSH = "repository:team/image:pull", "repository:team/image:pull,push"
ANN = Credentials(source="/home/ann/auth.json", user="ann", password="right")
BEARER = 'Bearer realm="https://tokens.example/token",service="registry.example"'


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ()),
        ("Basic", (("basic", {}),)),
        ('basic realm="a, b"', (("basic", {"realm": "a, b"}),)),
        (
            'Bearer realm="https://a/t",service="s",scope="repository:x:pull,push"',
            (
                (
                    "bearer",
                    {"realm": "https://a/t", "service": "s", "scope": "repository:x:pull,push"},
                ),
            ),
        ),
        (
            'BEARER Realm = "https://a/t" , Error=invalid_token',
            (("bearer", {"realm": "https://a/t", "error": "invalid_token"}),),
        ),
        (
            'Negotiate, Basic realm="x", Bearer realm="y"',
            (("negotiate", {}), ("basic", {"realm": "x"}), ("bearer", {"realm": "y"})),
        ),
        ('Negotiate YWJj==, Basic realm="x"', (("negotiate", {}), ("basic", {"realm": "x"}))),
        (r'Basic realm="a \"quoted\" b"', (("basic", {"realm": 'a "quoted" b'}),)),
        ('realm="without a scheme"', ()),
        ("Basic realm=" + "x" * 100_000, (("basic", {"realm": "x" * 8180}),)),
    ],
)
def test_challenges(header: str, expected: tuple[tuple[str, dict[str, str]], ...]) -> None:
    found = challenges(header)
    assert found == tuple(
        Challenge(scheme=scheme, parameters=parameters) for scheme, parameters in expected
    )


def test_scopes() -> None:
    assert merged([PULL, PUSH, "repository:b:pull"]) == (PUSH, "repository:b:pull")
    assert merged(["repository:a:5000/x:pull", "nonsense"]) == ("repository:a:5000/x:pull",)
    assert covers([PUSH, "repository:b:pull"], [PULL])
    assert not covers([PULL], [PUSH])
    assert not covers([PUSH], ["repository:b:pull"])


class Realm:
    """A realm that remembers what it was asked. `answer` is what it gives."""

    def __init__(self) -> None:
        self.asked: list[TokenRequest] = []
        self.life: object = 300
        self.now = 0.0
        self.after = 0.0
        self.answer: Callable[[], tuple[int, bytes]] = self._token

    def _token(self) -> tuple[int, bytes]:
        return 200, json.dumps({"token": f"t{len(self.asked)}", "expires_in": self.life}).encode()

    def __call__(self, request: TokenRequest) -> TokenAnswer:
        self.asked.append(request)
        code, content = self.answer()
        return TokenAnswer(code=code, content=content, after=self.after)

    def login(self, found: Credentials | None = ANN) -> Authenticator:
        return Authenticator(find=lambda _: found, fetch=self, clock=lambda: self.now)


@pytest.fixture
def realm() -> Realm:
    return Realm()


def test_nothing_is_sent_before_a_registry_asks(realm: Realm) -> None:
    assert realm.login().authorization(PLACE, (PULL,)) == ""
    assert realm.asked == []


def test_a_token_is_asked_for_by_scope_and_kept(realm: Realm) -> None:
    login = realm.login()
    assert login.renewed_authorization(PLACE, (PULL,), BEARER, "") == "Bearer t1"
    assert login.authorization(PLACE, (PULL,)) == "Bearer t1"
    assert [request.url for request in realm.asked] == [
        "https://tokens.example/token?service=registry.example&account=ann"
        "&scope=repository%3Ateam%2Fimage%3Apull"
    ]
    assert realm.asked[0].authorization == "Basic YW5uOnJpZ2h0"


def test_a_token_for_pull_is_not_sent_with_a_push(realm: Realm) -> None:
    login = realm.login()
    login.renewed_authorization(PLACE, (PULL,), BEARER, "")
    assert login.authorization(PLACE, (PUSH,)) == "Bearer t2"
    # and that for a push is good for a pull
    realm.now = 1
    assert login.authorization(PLACE, (PULL,)) in {"Bearer t1", "Bearer t2"}
    assert len(realm.asked) == 2


def test_a_token_is_of_one_repository(realm: Realm) -> None:
    login = realm.login()
    login.renewed_authorization(PLACE, (PULL,), BEARER, "")
    other = Reference(registry=PLACE.registry, repository="team/other")
    assert login.authorization(other, ("repository:team/other:pull",)) == "Bearer t2"


def test_what_a_challenge_wants_is_asked_for_and_remembered(realm: Realm) -> None:
    login = realm.login()
    wanted = f'{BEARER},scope="{PUSH} repository:base:pull",error="insufficient_scope"'
    login.renewed_authorization(PLACE, (PULL,), wanted, "")
    assert "pull%2Cpush&scope=repository%3Abase%3Apull" in realm.asked[0].url
    realm.now = 1000
    login.authorization(PLACE, (PULL,))
    assert realm.asked[1].url == realm.asked[0].url


def test_a_token_that_was_refused_is_not_sent_again(realm: Realm) -> None:
    login = realm.login()
    first = login.renewed_authorization(PLACE, (PULL,), BEARER, "")
    assert login.renewed_authorization(PLACE, (PULL,), BEARER, first) == "Bearer t2"
    assert login.authorization(PLACE, (PULL,)) == "Bearer t2"


def test_where_one_token_is_refused_an_older_one_is_not_tried(realm: Realm) -> None:
    login = realm.login()
    login.renewed_authorization(PLACE, (PUSH,), BEARER, "")
    realm.now = 1
    mount = (PUSH, "repository:base:pull")
    second = login.authorization(PLACE, mount)
    assert second == "Bearer t2"
    assert login.authorization(PLACE, (PULL,)) == second
    realm.now = 2
    assert login.renewed_authorization(PLACE, mount, BEARER, second) == "Bearer t3"
    assert login.authorization(PLACE, (PUSH,)) == "Bearer t3"
    # a thread that was refused too, and comes later, takes what was fetched meanwhile
    assert login.renewed_authorization(PLACE, (PULL,), BEARER, second) == "Bearer t3"
    assert len(realm.asked) == 3


@pytest.mark.parametrize(
    ("life", "good", "bad"), [(300, 289, 291), (4, 2.9, 3.1), (0, 49, 51), (-7, 49, 51)]
)
def test_a_token_is_renewed_before_it_ends(
    realm: Realm, life: float, good: float, bad: float
) -> None:
    realm.life = life
    login = realm.login()
    login.renewed_authorization(PLACE, (PULL,), BEARER, "")
    realm.now = good
    assert login.authorization(PLACE, (PULL,)) == "Bearer t1"
    realm.now = bad
    assert login.authorization(PLACE, (PULL,)) == "Bearer t2"


def test_a_token_that_does_not_say_its_life_lives_a_minute(realm: Realm) -> None:
    realm.answer = lambda: (200, f'{{"access_token": "t{len(realm.asked)}"}}'.encode())
    login = realm.login()
    assert login.renewed_authorization(PLACE, (PULL,), BEARER, "") == "Bearer t1"
    realm.now = 49
    assert login.authorization(PLACE, (PULL,)) == "Bearer t1"
    realm.now = 51
    assert login.authorization(PLACE, (PULL,)) == "Bearer t2"


def test_nobody_asks_without_a_password(realm: Realm) -> None:
    assert realm.login(None).renewed_authorization(PLACE, (PULL,), BEARER, "") == "Bearer t1"
    assert realm.asked[0].authorization == ""
    assert "account" not in realm.asked[0].url


def test_an_identity_token_is_posted(realm: Realm) -> None:
    found = Credentials(source="/x", identity_token="secret")
    realm.login(found).renewed_authorization(PLACE, (PULL,), BEARER, "")
    (request,) = realm.asked
    assert (request.url, request.authorization) == ("https://tokens.example/token", "")
    assert request.form == {
        "grant_type": "refresh_token", "service": "registry.example",
        "client_id": "catalog-builder", "scope": PULL, "refresh_token": "secret",
    }  # fmt: skip


def test_a_realm_with_a_query_of_its_own(realm: Realm) -> None:
    realm.login(None).renewed_authorization(
        PLACE, (PULL,), 'Bearer realm="https://a.example/t?x=1"', ""
    )
    assert realm.asked[0].url.startswith("https://a.example/t?x=1&scope=")


def test_a_name_and_a_password(realm: Realm) -> None:
    login = realm.login()
    assert (
        login.renewed_authorization(PLACE, (PULL,), 'Basic realm="x"', "") == "Basic YW5uOnJpZ2h0"
    )
    assert login.authorization(PLACE, (PUSH,)) == "Basic YW5uOnJpZ2h0"
    assert (
        login.renewed_authorization(PLACE, (PULL,), 'Basic realm="x"', "Basic YW5uOnJpZ2h0") == ""
    )
    assert realm.asked == []


def test_a_token_comes_before_a_password(realm: Realm) -> None:
    assert (
        realm.login().renewed_authorization(PLACE, (PULL,), f'Basic realm="x", {BEARER}', "")
        == "Bearer t1"
    )


@pytest.mark.parametrize(
    ("realm_url", "place"),
    [
        ("http://tokens.example/token", PLACE),
        ("http://tokens.example/token", parse("127.0.0.1:5000/image:tag")),
        ("https://user:word@tokens.example/token", PLACE),
        ("ftp://tokens.example/token", PLACE),
        ("https:///token", PLACE),
        ("/token", PLACE),
        ("https://[bad/token", PLACE),
        ("", PLACE),
    ],
)
def test_a_realm_that_gets_no_password(realm: Realm, realm_url: str, place: Reference) -> None:
    with pytest.raises(StepError) as caught:
        realm.login().renewed_authorization(place, (PULL,), f'Bearer realm="{realm_url}"', "")
    assert str(caught.value) == (
        f"registry {place.registry} names a token server that is not safe for credentials:"
        f" {realm_url!r}\n"
        "  hint: it must be an https URL"
    )
    assert realm.asked == []


def test_a_way_in_that_nobody_knows(realm: Realm) -> None:
    with pytest.raises(StepError) as caught:
        realm.login().renewed_authorization(PLACE, (PULL,), "Negotiate", "")
    assert str(caught.value) == (
        "registry registry.example asks for an unsupported authentication scheme: negotiate\n"
        "  hint: Basic and Bearer are supported"
    )


@pytest.mark.parametrize("header", ["", 'realm="x"'])
def test_no_challenge_is_no_way_in(realm: Realm, header: str) -> None:
    assert realm.login().renewed_authorization(PLACE, (PULL,), header, "") == ""


@pytest.mark.parametrize(
    "answer",
    [(200, b"<html>"), (200, b"[]"), (200, b"{}"), (200, b'{"token": 7}'), (404, b"{}"),
     (200, b'{"token": "a\\nX-Evil: b"}'), (200, b'{"token": "a", "expires_in": "soon"}'),
     (200, b'{"token"'), (200, b"[" * 100_000),
     (200, b'{"token": "a", "expires_in": 1' + b"0" * 400 + b"}")],
)  # fmt: skip
def test_an_answer_without_a_token(realm: Realm, answer: tuple[int, bytes]) -> None:
    realm.answer = lambda: answer
    with pytest.raises(StepError) as caught:
        realm.login().renewed_authorization(PLACE, (PULL,), BEARER, "")
    assert caught.value.message == (
        f"registry registry.example: tokens.example answers ({answer[0]}) without a token"
    )


def test_a_realm_that_is_busy(realm: Realm) -> None:
    realm.answer = lambda: (503, b"")
    realm.after = 7.0
    with pytest.raises(TransientError) as caught:
        realm.login().renewed_authorization(PLACE, (PULL,), BEARER, "")
    assert caught.value.after == 7.0, "no sooner than it asks for"


@pytest.mark.parametrize(
    ("found", "who"),
    [(ANN, "with the credentials of /home/ann/auth.json"), (None, "no credentials were found")],
)
def test_a_realm_that_refuses(realm: Realm, found: Credentials | None, who: str) -> None:
    realm.answer = lambda: (401, b"{}")
    with pytest.raises(StepError) as caught:
        realm.login(found).renewed_authorization(PLACE, (PUSH,), BEARER, "")
    assert str(caught.value) == (
        "registry registry.example: tokens.example refuses a token for"
        f" repository:team/image:pull,push (401); {who}\n"
        "  hint: log in: `podman login registry.example`, `skopeo login registry.example`"
        " or `docker login registry.example`"
    )
    assert len(realm.asked) == 1
