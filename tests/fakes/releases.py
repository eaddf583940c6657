"""What the small catalog's registry holds of releases."""

from __future__ import annotations

from builder.oci.reference import parse
from builder.plan.registry_state import read_record
from builder.registry.release_record import Record
from tests.fakes.catalog import Week
from tests.fakes.store import FakeStore

RECORDS = "127.0.0.1:5999/shop-releases"


def record(week: Week, name: str = "current") -> Record:
    """A release record; `current`, where nothing else is said."""
    found = read_record(week.store, parse(f"{RECORDS}:{name}"))
    assert found is not None
    return found


def change(week: Week) -> None:
    """Change what speech, and with it desk, is built from."""
    week.folder.edit("images/speech/Dockerfile.j2", "FROM", "# more\nFROM")


def offered(store: FakeStore) -> dict[str, str]:
    """What people pull: every tag but those of fingerprints, evidence, bases and records."""
    return {
        name: digest
        for name, digest in store.named.items()
        if ":fp-" not in name and not name.startswith(RECORDS)
    }
