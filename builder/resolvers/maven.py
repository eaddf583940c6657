"""Settings of Maven: where it gets packages, and through what."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from builder.config.parse import Network
from builder.resolvers.sources import without_credentials


def maven_settings(network: Network) -> str:
    """The text of a settings.xml, or nothing where Maven needs none."""
    found = _mirror(network.mirrors.get("maven", "")) + _proxies(network)
    return f"<settings>{found}</settings>" if found else ""


def _mirror(url: str) -> str:
    """Everything from one place, with the user and password that stand in its URL."""
    if not url:
        return ""
    parts = urlsplit(url)
    user = _elements(username=unquote(parts.username or ""), password=unquote(parts.password or ""))
    server = f"<servers><server><id>mirror</id>{user}</server></servers>" if user else ""
    place = _elements(id="mirror", mirrorOf="*", url=without_credentials(url))
    return f"{server}<mirrors><mirror>{place}</mirror></mirrors>"


def _proxies(network: Network) -> str:
    """Java's list of hosts that are reached directly has bars, and stars for subdomains."""
    hosts = [host.strip() for host in network.no_proxy.split(",") if host.strip()]
    direct = "|".join(f"*{host}" if host.startswith(".") else host for host in hosts)
    found = ""
    for scheme, url in (("http", network.http_proxy), ("https", network.https_proxy)):
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
            found += f"<proxy>{proxy}</proxy>"
    return f"<proxies>{found}</proxies>" if found else ""


def _elements(**texts: str) -> str:
    """Elements for what is not empty."""
    return "".join(f"<{name}>{escape(text)}</{name}>" for name, text in texts.items() if text)
