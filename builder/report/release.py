"""What a release offers, and how to get it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from builder.build.events import Result
from builder.common.text import count, first_line
from builder.oci.reference import parse

_MOST = 3


def headline(release: Mapping[str, Any]) -> str:
    """Return what came of the step `release`; `release` is its entry in report.json."""
    reason = first_line(release["reason"])
    match release["status"]:
        case "done":
            return f"Released {release['release']}: {reason}"
        case "reused":
            return f"No new release: {reason}"
        case status:
            return f"Release: {status}" + (f" — {reason}" if reason else "")


def commands(release: Mapping[str, Any]) -> Sequence[str]:
    """Return the commands that get the first images and charts of a release, what is new first."""
    offers = release.get("offers")
    if not offers:
        return ()
    lines = [f"builder registry  # serves {offers['embedded']}"] if offers["embedded"] else []
    lines += [_pull(reference) for reference in offers["images"][:_MOST]]
    lines += [_install(reference) for reference in offers["charts"][:_MOST]]
    return lines


def ending(kind: str, results: Sequence[Result], release: Mapping[str, Any]) -> Sequence[str]:
    """Return the last lines of a command that did steps of one kind: what came of it, what now.

    `release` is the entry of the step `release`, as `headline` takes it.
    """
    if kind == "release":
        if release["status"] not in ("done", "reused"):
            return ()  # the failure is told already
        text = headline(release)
        return [text[0].lower() + text[1:], *(f"  {line}" for line in commands(release))]
    done = sum(result.status == "done" for result in results)
    before = sum(result.status == "reused" for result in results)
    if not done and not before:
        return ()
    noun, verb, infinitive, same = _WORDS[kind]
    text = f"nothing to {infinitive}: {count(before, noun)} {same}"
    if done:
        text = f"{verb} {count(done, noun)}" + (f", {before} {same}" if before else "")
    if not done and release["action"] == "keep":
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
