"""The environment of a client: a proxy, a CA, and who it is, where each tool leaves that."""

from __future__ import annotations

import base64
import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from tests.integration.registries.behaviours import Behaviour

# What the machine of the tests says of these, and is not to reach a client.
FOREIGN = (
    "XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE", "SSL_CERT_DIR", "ALL_PROXY", "all_proxy",
)  # fmt: skip
_HELPER = "ecr-login"


def log_in(home: Path, behaviour: Behaviour, *, password: str = "") -> dict[str, str]:
    """Leave credentials in a home directory as its tool does; the variables that lead there."""
    home.mkdir(parents=True, exist_ok=True)
    key, secret = behaviour.login_key or behaviour.registry, password or behaviour.password
    if not behaviour.user:
        return {}
    auth = base64.b64encode(f"{behaviour.user}:{secret}".encode()).decode()
    auths = {"auths": {key: {"auth": auth}}}
    if behaviour.login == "podman":
        file = home / "run" / "containers" / "auth.json"
        _write(file, auths)
        return {"XDG_RUNTIME_DIR": str(file.parent.parent)}
    if behaviour.login == "docker":
        _write(home / ".docker" / "config.json", auths)
        return {}
    _write(home / ".docker" / "config.json", {"credHelpers": {key: _HELPER}})
    answer = json.dumps({"ServerURL": key, "Username": behaviour.user, "Secret": secret})
    program = home / "bin" / f"docker-credential-{_HELPER}"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\nread -r server\necho {shlex.quote(answer)}\n")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


def environment(home: Path, behaviour: Behaviour, *, proxy: str, ca: Path) -> dict[str, str]:
    """What tells a client of the proxy and the CA, and that its home directory is `home`."""
    trust = {"BUILDER_CA": str(ca), "SSL_CERT_FILE": str(ca)}
    if behaviour.trusts_by == "everything":
        trust["REQUESTS_CA_BUNDLE"] = str(ca)
    proxies = {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": "127.0.0.1,localhost"}
    both = {**proxies, **{name.upper(): value for name, value in proxies.items()}}
    return {"HOME": str(home), **trust, **both}


def _write(file: Path, data: Mapping[str, object]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.write_text(json.dumps(data))
