"""Files of the network, kept by their hash."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import requests

from builder.config.parse import Network
from builder.errors import StepError, UnreachableError
from builder.model import RemoteFile
from builder.network import proxies


class Fetcher:
    """Gets files and keeps them in `folder` by their sha256."""

    def __init__(self, *, folder: Path, network: Network) -> None:
        self._folder = folder
        self._network = network

    def file(self, file: RemoteFile) -> Path:
        """Where the content of a file is, checked. Raises StepError, UnreachableError."""
        place = self._folder / file.sha256
        if place.is_file():
            return place
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self._folder)
        digest = hashlib.sha256()
        try:
            with os.fdopen(handle, "wb") as out, self._open(file.url) as answer:
                for chunk in answer.iter_content(1 << 20):
                    digest.update(chunk)
                    out.write(chunk)
            if digest.hexdigest() != file.sha256:
                raise StepError(f"{file.name} has sha256 {digest.hexdigest()}, not {file.sha256}")
            os.chmod(temporary, 0o644)
            os.replace(temporary, place)
        finally:
            Path(temporary).unlink(missing_ok=True)
        return place

    def _open(self, url: str) -> requests.Response:
        try:
            answer = requests.get(
                url,
                stream=True,
                timeout=(10, 60),
                proxies=proxies(self._network),
                verify=self._network.ca or True,
            )
            answer.raise_for_status()
        except requests.HTTPError as error:
            raise StepError(f"{url} answers {error.response.status_code}") from None
        except requests.RequestException:
            raise UnreachableError(f"{url} cannot be reached") from None
        return answer
