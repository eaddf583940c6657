"""Shows the result of a release, and the commands to get its images and charts."""

from __future__ import annotations

from collections.abc import Sequence

from builder.build.events import Result
from builder.common.text import count, first_line
from builder.oci.reference import parse
from builder.report.document import ReleaseRow

_MOST = 3


def headline(row: ReleaseRow) -> str:
    """Return the result of the release as one line."""
    reason = first_line(row.reason)
    match row.status:
        case "done":
            name = row.release.release if row.release else row.id
            return f"Released {name}: {reason}"
        case "reused":
            return f"No new release: {reason}"
        case status:
            return f"Release: {status}" + (f" — {reason}" if reason else "")


def commands(row: ReleaseRow) -> Sequence[str]:
    """Return the commands to get the first images and charts of a release, the new ones first."""
    if row.release is None:
        return ()
    contents = row.release.contents
    lines = [f"builder registry  # serves {contents.embedded}"] if contents.embedded else []
    lines += [_pull(reference) for reference in contents.images[:_MOST]]
    lines += [_install(reference) for reference in contents.charts[:_MOST]]
    return lines


def ending(kind: str, results: Sequence[Result], release: ReleaseRow) -> Sequence[str]:
    """Return the last lines of a command for steps of one kind: its result and the next command."""
    if kind == "release":
        if release.status not in ("done", "reused"):
            return ()  # the failure is printed already
        text = headline(release)
        return [text[0].lower() + text[1:], *(f"  {line}" for line in commands(release))]
    done = sum(result.status == "done" for result in results)
    reused = sum(result.status == "reused" for result in results)
    if not done and not reused:
        return ()
    noun, verb, infinitive, same = _WORDS[kind]
    text = f"nothing to {infinitive}: {count(reused, noun)} {same}"
    if done:
        text = f"{verb} {count(done, noun)}" + (f", {reused} {same}" if reused else "")
    if not done and release.action == "keep":
        return [f"{text}; all of it is released"]
    return [f"{text}; `builder publish` releases what passed"]


_WORDS = {
    "build": ("target", "built", "build", "there already"),
    "chart": ("chart", "packaged", "package", "unchanged"),
}


def _pull(reference: str) -> str:
    plain = "--tls-verify=false " if parse(reference).is_loopback else ""
    return f"podman pull {plain}{reference}"


def _install(text: str) -> str:
    reference = parse(text)
    plain = " --plain-http" if reference.is_loopback else ""
    name = reference.repository.rpartition("/")[2]
    return f"helm install {name} oci://{reference.name} --version {reference.tag}{plain}"
