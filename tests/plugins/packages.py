"""The packages of this folder, installed as pip installs them, and what their indexes say."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tests.fakes.packages import install

HERE = Path(__file__).parent


def install_fonts(folder: Path) -> Path:
    """Install the package that adds the ecosystem `fonts`."""
    return install(
        folder,
        "acme-fonts",
        "[catalog_builder.ecosystems]\nfonts = acme_fonts:FONTS\n",
        {"acme_fonts.py": (HERE / "fonts.py").read_text()},
    )


def install_foundry(folder: Path) -> Path:
    """Install the package that adds the provider `foundry`."""
    return install(
        folder,
        "acme-foundry",
        "[catalog_builder.providers]\nfoundry = acme_foundry:FOUNDRY\n",
        {"acme_foundry.py": (HERE / "foundry.py").read_text()},
    )


def served(*, has_new: bool = False) -> dict[str, bytes]:
    """Return what the hosts of both have, by path; `has_new`: with what came later."""
    names = ["serif-1.0.txt", "metrics-0.3.txt", "style-2.1.txt"]
    names += ["serif-1.1.txt", "style-2.2.txt"] if has_new else []
    files = {name: f"{name}\n".encode() for name in names}

    def entry(name: str, version: str) -> dict[str, str]:
        file = f"{name}-{version}.txt"
        return {
            "version": version, "file": file, "sha256": hashlib.sha256(files[file]).hexdigest()
        }  # fmt: skip

    later = ["1.1"] if has_new else []
    fonts = {
        "serif": [{**entry("serif", it), "needs": ["metrics"]} for it in (*later, "1.0")],
        "metrics": [entry("metrics", "0.3")],
    }
    releases = [entry("style", version) for version in (["2.2"] if has_new else []) + ["2.1"]]
    pages = {"fonts/index.json": fonts, "foundry/releases.json": releases}
    return {
        **{path: json.dumps(data).encode() for path, data in pages.items()},
        **{
            f"{start}/{name}": data
            for name, data in files.items()
            for start in ("fonts", "foundry")
        },
    }
