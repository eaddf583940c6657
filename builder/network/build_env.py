"""Writes the shell file by which builds reach the network; each RUN gets it as a secret.

The file is mounted, never copied, so neither a mirror's credentials nor the certificates reach a
layer. It is no part of a fingerprint, as it does not decide what is installed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from builder.catalog.ecosystem import Ecosystems
from builder.catalog.models import Network, Proxy
from builder.common.errors import ConfigError, Location
from builder.common.files import write
from builder.common.text import did_you_mean
from builder.network.upstreams import UPSTREAM, without_credentials

CA = "/run/secrets/ca"
_TRUST = (
    "PIP_CERT", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
)  # fmt: skip
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
_ENVIRONMENT = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_REPOSITORIES = ("cran", "nvidia")  # sources that apt uses inside an image
_NOT_IN_TEXT = re.compile(r"[\x00-\x1f\x7f\"\\]")
_NOT_IN_URL = re.compile(r"[\s\x00-\x1f\x7f\"'`\\<>]")
# Files for the RUN alone: in its own tmpfs, which the builder's macros mount; a RUN of older macros
# has them in the container's /dev/shm, which is in no layer. Chroot isolation has only the host's.
_SCRATCH = (
    "scratch=/dev/shm; if grep -q ' /mnt tmpfs ' /proc/self/mounts; then scratch=/mnt; fi",
    'scratch=$(umask 0077; mktemp -d "$scratch/builder.XXXXXX")',
)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def mirror_names(ecosystems: Ecosystems) -> tuple[str, ...]:
    """Return the names of all sources that may have a mirror."""
    indexes = (it.source for rules in ecosystems.values() for it in rules.mirror_variables)
    own = dict.fromkeys(name for name in indexes if name not in UPSTREAM)
    return (*own, *UPSTREAM)


def effective_network(
    network: Network, environment: Mapping[str, str], ecosystems: Ecosystems
) -> Network:
    """Return `network` with every `${NAME}` replaced and the environment's settings on top.

    Those are BUILDER_CA, BUILDER_MIRROR_* and the proxy variables. Programs in images are told of
    the mirrors of `ecosystems`. Raises ConfigError.
    """
    names = mirror_names(ecosystems)

    def fill(text: str) -> str:
        def value(match: re.Match[str]) -> str:
            if match[1] not in environment:
                raise ConfigError(
                    f"the environment variable {match[1]} is not set",
                    hint="`network` in matrix.yaml uses it",
                    location=Location(file="matrix.yaml"),
                )
            return environment[match[1]]

        return _VARIABLE.sub(value, text)

    mirrors = {fill(key): fill(value) for key, value in network.mirrors.items()}
    for key in names:
        if override := environment.get(variable(key)):
            mirrors[key] = override
    _check_names(mirrors, names)
    result = Network(
        ca=environment.get("BUILDER_CA") or fill(network.ca) or _host_bundle(environment),
        proxy=Proxy(
            http=fill(network.proxy.http) or _proxy("http_proxy", environment),
            https=fill(network.proxy.https) or _proxy("https_proxy", environment),
            none=fill(network.proxy.none) or _variable("no_proxy", environment),
        ),
        mirrors=mirrors,
        trust=_trust(environment),
        variables=tuple(it for rules in ecosystems.values() for it in rules.mirror_variables),
    )
    _check_texts(result)
    return result


def _check_texts(network: Network) -> None:
    """Raise ConfigError for what a file of settings, of apt or of a shell, would misread."""
    texts = {"network.ca": network.ca, "network.proxy.none": network.proxy.none}
    urls = {"network.proxy.http": network.proxy.http, "network.proxy.https": network.proxy.https}
    for source, url in network.mirrors.items():
        urls |= {f"network.mirrors: {source[:60]!r}": source, f"network.mirrors.{source}": url}
    for key, text in {**texts, **urls}.items():
        if match := (_NOT_IN_URL if key in urls else _NOT_IN_TEXT).search(text):
            raise ConfigError(
                f"{key} has the character {match[0]!r}, which programs misread",
                hint="leave it out; in a URL, write it as % and two digits",
                location=Location(file="matrix.yaml"),
            )


def _variable(name: str, environment: Mapping[str, str]) -> str:
    """Return a variable that may be in lower or upper case; the lower-case one wins."""
    return environment.get(name, environment.get(name.upper(), ""))


def _proxy(name: str, environment: Mapping[str, str]) -> str:
    """Return the proxy of a scheme, or ALL_PROXY where that is an HTTP proxy.

    Where a web server runs the builder, HTTP_PROXY is ignored: it is the header `Proxy` of a
    request, which any client can set.
    """
    is_cgi = name == "http_proxy" and "REQUEST_METHOD" in environment
    proxy = environment.get(name, "") if is_cgi else _variable(name, environment)
    if proxy or name in environment:
        return proxy
    fallback = _variable("all_proxy", environment)
    return fallback if fallback.startswith(("http://", "https://")) else ""


def _trust(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the certificate files and folders that the environment names."""
    paths = [environment.get(name, "") for name in _ENVIRONMENT]
    paths += environment.get("SSL_CERT_DIR", "").split(":")
    existing = (path for path in paths if path and (Path(path).is_file() or Path(path).is_dir()))
    return tuple(dict.fromkeys(existing))


def variable(name: str) -> str:
    """Return the environment variable that names a mirror of a source."""
    return f"BUILDER_MIRROR_{name.upper().replace('-', '_')}"


def _check_names(mirrors: Mapping[str, str], names: tuple[str, ...]) -> None:
    for name in mirrors:
        if "://" not in name and name not in names:
            raise ConfigError(
                f"network.mirrors: unknown source {name!r}",
                hint=did_you_mean(name, names) or f"known: {', '.join(names)}",
                location=Location(file="matrix.yaml"),
            )


def build_secrets(network: Network, folder: Path) -> dict[str, Path]:
    """Write the files that a RUN may mount: `env`, and `ca` where there is a bundle.

    Raises ConfigError where the bundle is not a file.
    """
    if network.ca and not Path(network.ca).is_file():
        raise ConfigError(
            "the certificate file does not exist",
            hint="correct `network.ca` in matrix.yaml, or BUILDER_CA",
            location=Location(file=network.ca),
        )
    env = folder / "env"
    write(env, build_env(network).encode(), 0o600)
    return {"env": env, **({"ca": Path(network.ca)} if network.ca else {})}


def build_env(network: Network) -> str:
    """Write the shell file that a RUN reads first."""
    variables: dict[str, str] = {}
    if network.ca:
        variables |= dict.fromkeys(_TRUST, CA)
    variables |= proxies(network)
    for it in network.variables:
        if mirror := network.mirrors.get(it.source):
            variables[it.name] = it.value(mirror)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    if settings := [*_apt_lines(network), *_maven_lines(network)]:
        lines += [*_SCRATCH, *settings]
    return "\n".join(lines) + "\n"


def proxies(network: Network) -> dict[str, str]:
    """Return the proxy variables in upper and lower case, as programs differ."""
    lower_case = {
        "http_proxy": network.proxy.http,
        "https_proxy": network.proxy.https,
        "no_proxy": network.proxy.none,
    }
    both = {**lower_case, **{name.upper(): value for name, value in lower_case.items()}}
    return {name: value for name, value in both.items() if value}


def apt_mirrors(network: Network) -> dict[str, str]:
    """Return the URL prefixes that apt gets from a mirror."""
    starts = {name: UPSTREAM[name] for name in _REPOSITORIES if name in network.mirrors}
    mirrored = {start: network.mirrors[name] for name, start in starts.items()}
    return mirrored | {old: new for old, new in network.mirrors.items() if "://" in old}


def replace_urls(text: str, network: Network) -> str:
    """Return apt sources in which the URLs of mirrored sources are replaced."""
    for old, new in apt_mirrors(network).items():
        text = text.replace(old, new)
    return text


def passwords(network: Network) -> tuple[str, ...]:
    """List the passwords in URLs, so that logs can leave them out."""
    urls = [network.proxy.http, network.proxy.https, *network.mirrors.values()]
    # A proxy may be written without its scheme.
    parts = [urlsplit(url if "://" in url else f"//{url}") for url in urls]
    secrets = [part.password or part.username for part in parts]
    return tuple(dict.fromkeys(form for text in secrets if text for form in (text, unquote(text))))


def _apt_lines(network: Network) -> list[str]:
    """Return the lines that configure apt, by files of the RUN."""
    settings = ["'Acquire::https::CAInfo \"" + CA + "\";'"] if network.ca else []
    lines: list[str] = []
    if mirrors := apt_mirrors(network):
        script = " ".join(f"-e {substitution(old, new)}" for old, new in mirrors.items())
        lines += [
            'mkdir "$scratch/apt.d"',
            "for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do",
            '  case "$file" in */sources.list) name=main.list;; *) name=${file##*/};; esac',
            f'  if [ -f "$file" ]; then sed {script} "$file" > "$scratch/apt.d/$name"; fi',
            "done",
        ]
        settings += [
            "'Dir::Etc::sourcelist \"/dev/null\";'",
            '"Dir::Etc::sourceparts \\"$scratch/apt.d\\";"',
        ]
    if settings:
        lines.append(f"printf '%s\\n' {' '.join(settings)} > \"$scratch/apt.conf\"")
        lines.append('export APT_CONFIG="$scratch/apt.conf"')
    return lines


def _maven_lines(network: Network) -> list[str]:
    """Return the lines that configure Maven, by a file of the RUN."""
    settings = maven_settings(network)
    if not settings:
        return []
    return [
        f"printf '%s\\n' {shlex.quote(settings)} > \"$scratch/maven.xml\"",
        'export MAVEN_SETTINGS="$scratch/maven.xml"',
    ]


def substitution(old: str, new: str) -> str:
    """Return a quoted sed expression that replaces one text by another."""
    safe = new.replace("\\", "\\\\").replace("&", "\\&").replace("|", "\\|")
    plain = re.sub(r"([.\[\]*^$\\|])", r"\\\1", old)
    return shlex.quote(f"s|{plain}|{safe}|g")


def _host_bundle(environment: Mapping[str, str]) -> str:
    """Return the bundle of certificates that this machine trusts."""
    for path in (*(environment.get(name, "") for name in _ENVIRONMENT), *BUNDLES):
        if path and Path(path).is_file():
            return path
    return ""


def maven_settings(network: Network) -> str:
    """Return the text of a settings.xml, or "" where Maven needs none."""
    elements = _mirror(network.mirrors.get("maven", "")) + _proxies(network)
    return f"<settings>{elements}</settings>" if elements else ""


def _mirror(url: str) -> str:
    """Return the elements for one mirror of everything, with the user and password in its URL."""
    if not url:
        return ""
    parts = urlsplit(url)
    user = _elements(username=unquote(parts.username or ""), password=unquote(parts.password or ""))
    server = f"<servers><server><id>mirror</id>{user}</server></servers>" if user else ""
    mirror = _elements(id="mirror", mirrorOf="*", url=without_credentials(url))
    return f"{server}<mirrors><mirror>{mirror}</mirror></mirrors>"


def _proxies(network: Network) -> str:
    """Return the elements for the proxies. Java separates exempt hosts by `|`, and takes `*`."""
    hosts = [host.strip() for host in network.proxy.none.split(",") if host.strip()]
    direct = "|".join(f"*{host}" if host.startswith(".") else host for host in hosts)
    elements = ""
    for scheme, url in (("http", network.proxy.http), ("https", network.proxy.https)):
        parts = urlsplit(url)
        if parts.hostname:
            proxy = _elements(
                id=scheme,
                protocol=scheme,
                host=parts.hostname,
                port=str(parts.port or 80),
                username=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
                nonProxyHosts=direct,
            )
            elements += f"<proxy>{proxy}</proxy>"
    return f"<proxies>{elements}</proxies>" if elements else ""


def _elements(**texts: str) -> str:
    """Return an XML element for each text that is not empty."""
    return "".join(f"<{name}>{escape(text)}</{name}>" for name, text in texts.items() if text)
