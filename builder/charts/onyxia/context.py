"""Onyxia's context variables, and the evaluation of expressions of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from builder.common.text import did_you_mean

UNDEFINED: Final = object()
"""The result of an expression with an undefined part. It is no value; null is one."""

_S3: Final[Mapping[str, Any]] = {
    "profileName": "default",
    "AWS_ACCESS_KEY_ID": "sample-key-id",
    "AWS_SECRET_ACCESS_KEY": "sample-secret-key",
    "AWS_SESSION_TOKEN": "sample-session-token",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_S3_ENDPOINT": "s3.example.org",
    "port": 443,
    "pathStyleAccess": True,
    "isAnonymous": False,
}
_PROVIDER: Final[Mapping[str, Any]] = {
    "id": "house",
    "isDefault": True,
    "apiKey": "sample-ai-key",
    "apiBase": "https://models.example.org/v1",
    "name": "House",
    "selectedModel": "small",
    "models": ["small", "large"],
    "provider": "openai",
}

# Every variable with a sample value. Below a variable of `OPEN`, any key may exist.
SAMPLE: Final[Mapping[str, Any]] = {
    "user": {
        "idep": "jdoe",
        "name": "Jane Doe",
        "email": "jane.doe@example.org",
        "password": "sample-user-password",
        "ip": "192.0.2.7",
        "darkMode": True,
        "lang": "fr",
        "decodedIdToken": {"sub": "jdoe", "groups": ["team"]},
        "accessToken": "sample-access-token",
        "refreshToken": "sample-refresh-token",
        "profile": {},
    },
    "service": {"oneTimePassword": "sample-one-time-password"},
    "project": {"id": "user-jdoe", "password": "sample-project-password", "basic": "c2FtcGxl"},
    "git": {
        "name": "Jane Doe",
        "email": "jane.doe@example.org",
        "credentials_cache_duration": 3600,
        "token": "sample-git-token",
    },
    "vault": {
        "VAULT_ADDR": "https://vault.example.org",
        "VAULT_TOKEN": "sample-vault-token",
        "VAULT_MOUNT": "onyxia-kv",
        "VAULT_TOP_DIR": "jdoe",
    },
    "s3": _S3,
    "s3_array": [_S3],
    # Of the platform's next version.
    "ai": {"enabled": True, "activeProvider": _PROVIDER, "providers": [_PROVIDER]},
    "region": {
        "defaultIpProtection": True,
        "defaultNetworkPolicy": True,
        "allowedURIPattern": "^https://",
        "customValues": {},
        "kafka": {"url": "kafka.example.org:9092", "topicName": "events"},
        "tolerations": [{"key": "sample", "operator": "Exists"}],
        "from": [{"podSelector": {}}],
        "nodeSelector": {"disk": "ssd"},
        "startupProbe": {"failureThreshold": 60, "initialDelaySeconds": 10, "periodSeconds": 10},
        "sliders": {},
        "resources": {
            "cpuRequest": "200m",
            "cpuLimit": "4000m",
            "memoryRequest": "2Gi",
            "memoryLimit": "8Gi",
            "disk": "10Gi",
            "gpu": "1",
        },
        "openshiftSCC": {"scc": "anyuid", "enabled": True},
    },
    "k8s": {
        "domain": "apps.example.org",
        "ingressClassName": "nginx",
        "ingress": True,
        "route": False,
        "istio": {"enabled": False, "gateways": ["istio-system/gateway"]},
        "randomSubdomain": "123456",
        "initScriptUrl": "https://example.org/init.sh",
        "useCertManager": True,
        "certManagerClusterIssuer": "letsencrypt",
    },
    "proxyInjection": {
        "enabled": True,
        "httpProxyUrl": "http://proxy.example.org:3128",
        "httpsProxyUrl": "http://proxy.example.org:3128",
        "noProxy": "localhost",
    },
    "packageRepositoryInjection": {
        "cranProxyUrl": "https://mirror.example.org/cran",
        "condaProxyUrl": "https://mirror.example.org/conda",
        "packageManagerUrl": "https://mirror.example.org/ppm",
        "pypiProxyUrl": "https://mirror.example.org/pypi",
    },
    "certificateAuthorityInjection": {
        "cacerts": "c2FtcGxl",
        "pathToCaBundle": "/usr/local/share/ca-certificates/",
    },
}
OPEN: Final = (
    "user.decodedIdToken", "user.profile", "region.customValues", "region.sliders",
    "region.nodeSelector", "region.startupProbe",
)  # fmt: skip

_WHOLE = re.compile(r"\{\{([^}]+)\}\}")
_INDEX = re.compile(r"""\[(?:(\d+)|"([^"]+)"|'([^']+)')\]|([^.\[]+)""")


def _names(tree: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, value in tree.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and name not in OPEN:
            yield from _names(value, f"{name}.")
        else:
            yield name


VARIABLES: Final = tuple(_names(SAMPLE))


def resolve(expression: object, context: Mapping[str, Any]) -> object:
    """Return the value of a string, a list or a mapping of them in a context, or UNDEFINED.

    A string without braces is a reference, but a literal where it stands inside a list or mapping.
    """
    if isinstance(expression, str) and "{{" not in expression:
        return _look_up(expression, context)
    return _resolve(expression, context)


def _resolve(expression: object, context: Mapping[str, Any]) -> object:
    if isinstance(expression, Mapping):
        resolved = {key: _resolve(value, context) for key, value in expression.items()}
        return UNDEFINED if any(value is UNDEFINED for value in resolved.values()) else resolved
    if isinstance(expression, list):
        items = [_resolve(item, context) for item in expression]
        return UNDEFINED if any(item is UNDEFINED for item in items) else items
    if not isinstance(expression, str) or "{{" not in expression:
        return expression
    if whole := _WHOLE.fullmatch(expression):
        return _look_up(whole[1], context)
    parts = [_look_up(reference, context) for reference in _WHOLE.findall(expression)]
    if not all(isinstance(part, str | int | float) for part in parts):
        return UNDEFINED
    texts = iter([as_text(part) for part in parts])
    return _WHOLE.sub(lambda _: next(texts), expression)


def as_text(value: object) -> str:
    """Return a string, number or boolean as part of a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _look_up(reference: str, context: Mapping[str, Any]) -> object:
    value: Any = context
    for part in parts_of(reference):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return UNDEFINED
    return value


def parts_of(reference: str) -> tuple[str, ...]:
    """Split a reference, such as `user.decodedIdToken.groups[0]` or `a["b.c"]`, into keys."""
    return tuple("".join(match.groups(default="")) for match in _INDEX.finditer(reference))


def references(expression: object, *, is_inside: bool = False) -> list[str]:
    """List every reference in an expression, as it is written."""
    if isinstance(expression, Mapping):
        return [name for value in expression.values() for name in references(value, is_inside=True)]
    if isinstance(expression, list):
        return [name for value in expression for name in references(value, is_inside=True)]
    if not isinstance(expression, str):
        return []
    names = _WHOLE.findall(expression)
    return names if names or is_inside else [expression]


def is_known(reference: str) -> bool:
    """Whether Onyxia has a variable, or a group of them, of this name."""
    parts = parts_of(reference)
    value: Any = SAMPLE
    for number, part in enumerate(parts):
        if ".".join(parts[:number]) in OPEN or isinstance(value, list):
            return True
        if not isinstance(value, Mapping) or part not in value:
            return False
        value = value[part]
    return bool(parts)


def nearest(reference: str) -> str:
    """Return a hint with the variables that an unknown reference may mean."""
    return did_you_mean(reference.strip(), VARIABLES)
