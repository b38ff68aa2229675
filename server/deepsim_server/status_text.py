"""The engine's status in words."""

from typing import Any


def status_text(body: dict[str, Any], endpoint: str = "") -> str:
    """Lines for people from the body of a `status` reply; `endpoint` is another machine's."""
    numbers, memory = body["metrics"], body["memory"]["free"]
    where = f" at {endpoint}" if endpoint else ""
    free = f", {memory / 2**30:.1f} GB memory free" if memory else ""
    lines = [
        f"The engine{where} runs (process {body['pid']}) on"
        f" {body['device'] or 'a starting worker'}{free}.",
        f"Up {_span(numbers['uptime'])}; {body['queue']} trainings and {body['small']} small"
        f" requests wait; worker restarts: {numbers['worker_restarts']}.",
        "Versions: " + ", ".join(f"{name} {v}" for name, v in body["versions"].items()) + ".",
    ]
    if numbers["jobs"]:
        states = ", ".join(f"{count} {state}" for state, count in sorted(numbers["jobs"].items()))
        rate = numbers["step_rate"]
        lines.append(f"Jobs: {states}{f'; {rate:g} steps a second' if rate else ''}.")
    lines.append(
        f"Bytes: {numbers['bytes_received']} in, {numbers['bytes_sent']} out,"
        f" {numbers['bytes_waiting']} waiting; {numbers['refused']} messages refused."
    )
    if numbers["latencies"]:
        lines.append("Answered (half within, 99 of 100 within, in milliseconds):")
    for kind, taken in numbers["latencies"].items():
        lines.append(
            f"  {kind:<9} {taken['count']:>7}  {taken['p50_ms']:>9.1f}  {taken['p99_ms']:>9.1f}"
        )
    lines += [f"  {job['state']:<9} {job['name']}  step {job['step']}" for job in body["jobs"]]
    if body["message"]:
        lines.append(body["message"])
    return "\n".join(lines)


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
