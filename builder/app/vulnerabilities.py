"""Looks for known vulnerabilities in what a catalog locks, has released, or is handed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from builder.app.app import App
from builder.app.sbom import Sboms
from builder.common.errors import SelectionError
from builder.gate.database import Database, Index
from builder.gate.decision import Decision, decide
from builder.gate.survey import Survey, survey
from builder.registry.release_record import CURRENT
from builder.sbom.reader import read_components


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What was found of images, what it holds back, and by which database."""

    survey: Survey
    decision: Decision
    index: Index
    is_old: bool


class Vulnerabilities:
    """The known vulnerabilities of an app's catalog, by the database in a folder."""

    def __init__(self, app: App, folder: Path | None = None) -> None:
        self._app = app
        self._security = app.catalog.matrix.security
        own = self._security.database.folder
        self.folder = folder or (app.project.root / own if own else app.state.advisories)

    def of_lock(self) -> Examined:
        """Examine what matrix.lock has, against what the current release has."""
        with self._database() as database:
            lineages = Sboms(self._app).lineages()
            found = survey(lineages.contained(self._app.selected()), database)
            is_compared = self._security.mode == "regress"
            released = self._released(database) if is_compared else None
            return self._examined(found, database, released)

    def of_release(self) -> Examined:
        """Examine the images of the current release. Raises SelectionError without one."""
        with self._database() as database:
            found = self._released(database)
            if found is None:
                raise SelectionError("there is no release yet", hint="run `builder weekly`")
            return self._examined(found, database, None)

    def of_document(self, file: Path) -> Examined:
        """Examine the components of a document in CycloneDX, of anybody."""
        with self._database() as database:
            return self._examined(survey(read_components(file), database), database, None)

    def _released(self, database: Database) -> Survey | None:
        with self._app.registry():
            history = self._app.adapters.history
            if not history.releases:
                return None
            record = history.record(CURRENT)
        targets = [key for key in record.targets if key in self._app.project.expansion.targets]
        return survey(Sboms(self._app).released(record).contained(targets), database)

    def _examined(self, found: Survey, database: Database, released: Survey | None) -> Examined:
        today = self._app.options.today
        before = released.by_target() if released else {}
        age = (date.fromisoformat(today) - date.fromisoformat(database.index.made)).days
        return Examined(
            survey=found,
            decision=decide(found.found, self._security, today, before),
            index=database.index,
            is_old=age > self._security.database.max_age,
        )

    @contextlib.contextmanager
    def _database(self) -> Iterator[Database]:
        database = Database(self.folder)
        try:
            yield database
        finally:
            database.close()
