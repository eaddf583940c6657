"""What every fake can do: remember its calls, and fail when it is asked to."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass
class _Fault:
    method: str
    text: str
    error: Exception
    times: int


class Calls:
    """A record of calls, as (method, what it was about), and the faults to come."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self._faults: list[_Fault] = []
        self._guard = threading.RLock()

    def fail(self, method: str, error: Exception, *, on: str = "", times: int = 1) -> None:
        """Raise `error` from the next `times` calls of `method` whose subject contains `on`."""
        self._faults.append(_Fault(method, on, error, times))

    def called(self, method: str) -> list[str]:
        """What `method` was called on, in order."""
        return [subject for name, subject in self.calls if name == method]

    def _call(self, method: str, subject: object) -> None:
        text = str(subject)
        with self._guard:
            self.calls.append((method, text))
            for fault in self._faults:
                if fault.method == method and fault.text in text and fault.times > 0:
                    fault.times -= 1
                    raise fault.error
