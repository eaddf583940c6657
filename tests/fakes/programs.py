"""Programs that answer from a script, and the files that they were given."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from builder.common.process import Command, Output, Runner


class FakePrograms(Runner):
    """Answers by the first two words, `apt-get install`; nothing, well, where none is there.

    `given` are the texts of the files that a command line names, after `=` or as a word of its own,
    by what stands before, as they were when it ran: some do not outlast it.
    """

    def __init__(self, answers: Mapping[str, str | Output] | None = None) -> None:
        super().__init__()
        self.answers = dict(answers or {})
        self.asked: list[Command] = []
        self.given: dict[str, str] = {}

    def run(self, command: Command, **options: object) -> Output:  # type: ignore[override]
        self.asked.append(command)
        for before, word in pairwise(command.argv):
            name, _, value = word.rpartition("=")
            if value.startswith("/") and Path(value).is_file():
                self.given[name or before] = Path(value).read_text(errors="replace")
        found = self.answers.get(" ".join((Path(command.argv[0]).name, *command.argv[1:2])), "")
        return found if isinstance(found, Output) else Output(code=0, stdout=found, log=found)

    def words(self, *start: str) -> list[tuple[str, ...]]:
        """The command lines that begin so."""
        found = [command.argv for command in self.asked]
        return [argv for argv in found if argv[: len(start)] == start]
