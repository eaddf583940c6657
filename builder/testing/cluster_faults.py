"""Says why a chart did not come up in a cluster: its pods, its events and the end of its logs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from builder.common.process import last_lines
from builder.testing.cluster import Cluster, Object

LINE = 400
"""The most characters of one message that are shown."""
_EVENTS = 8
_HOPELESS = {
    "ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError",
    "CrashLoopBackOff",
}  # fmt: skip
"""The states of a container that waiting does not mend."""


def explained(cluster: Cluster, namespace: str) -> str:
    """Return what a namespace shows of a fault, "" where it shows nothing.

    First the containers that are not ready, then warnings, then the end of their logs.
    """
    pods = cluster.get("pods", "--namespace", namespace)
    waiting = [line for pod in pods for line in pod_faults(pod)]
    warnings = cluster.get("events", "--namespace", namespace)
    lines = [*waiting, *event_lines(warnings)]
    shown = "\n".join(f"  {line[:LINE]}" for line in dict.fromkeys(lines))
    logs = "".join(_logs(cluster, namespace, pods))
    return shown + logs


def hopeless(pods: Sequence[Object]) -> str:
    """Return what no waiting mends in a pod, "" where there is no such thing."""
    for pod in pods:
        for name, status in _statuses(pod):
            state = status.get("state", {}).get("waiting", {})
            # A container may have to wait for another service once or twice.
            is_late = state.get("reason") != "CrashLoopBackOff" or status.get("restartCount", 0) > 3
            if state.get("reason") in _HOPELESS and is_late:
                return f"pod/{pod['metadata']['name']}, container {name}: {state['reason']}"
    return ""


def pod_faults(pod: Object) -> Iterator[str]:
    """Yield a line for each condition and container of a pod that keeps it from being ready."""
    name = f"pod/{pod['metadata']['name']}"
    for condition in pod["status"].get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] != "True":
            yield f"{name}: {condition.get('reason', '')}: {condition.get('message', '')}"
    for container, status in _statuses(pod):
        state: Object = status.get("state", {})
        ended = state.get("terminated", {}) or status.get("lastState", {}).get("terminated", {})
        if "waiting" in state:
            text = _joined(state["waiting"], "reason", "message")
            yield f"{name}, container {container}: {text}"
        elif "running" in state and not status.get("ready", False):
            yield f"{name}, container {container}: runs and is not ready"
        if ended and ended.get("exitCode", 0) != 0:
            text = _joined(ended, "reason", "message")
            yield f"{name}, container {container}: ended with {ended['exitCode']}: {text}"


def event_lines(events: Sequence[Object]) -> Iterator[str]:
    """Yield a line for each warning, the latest last."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    for event in sorted(warnings, key=_time)[-_EVENTS:]:
        about = event.get("involvedObject", {})
        where = f"{about.get('kind', '')}/{about.get('name', '')}".lower()
        yield f"{where}: {event.get('reason', '')}: {' '.join(event.get('message', '').split())}"


def _logs(cluster: Cluster, namespace: str, pods: Sequence[Object]) -> Iterator[str]:
    """Yield the end of the log of each container that failed."""
    for pod in pods:
        name = pod["metadata"]["name"]
        for container, status in _statuses(pod):
            if status.get("ready", False) or "running" not in _states(status):
                continue
            words = ("logs", name, "--namespace", namespace, "--container", container)
            for more in ((), ("--previous",)):
                output = cluster.asked(*words, "--tail=12", *more)
                if output.code == 0 and output.stdout.strip():
                    yield f"\n  the log of pod/{name}, container {container}:\n"
                    yield last_lines(output.log)
                    break


def _states(status: Object) -> set[str]:
    """Return the states in which a container is or was; one that ended has a log, too."""
    found = {*status.get("state", {}), *status.get("lastState", {})}
    return found | ({"running"} if "terminated" in found else set())


def _statuses(pod: Object) -> Iterator[tuple[str, Object]]:
    status = pod.get("status", {})
    for kind in ("initContainerStatuses", "containerStatuses"):
        for item in status.get(kind, ()):
            ended: Any = item.get("state", {}).get("terminated")
            if ended is None or ended.get("exitCode", 0) != 0:
                yield item["name"], item


def _joined(value: Object, *names: str) -> str:
    return ": ".join(" ".join(str(value[name]).split()) for name in names if value.get(name))


def _time(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")
