"""What `deepsim doctor` asks of the engine process: are its keys private, does it answer?"""

from collections.abc import Iterable

from deepsim_client import EngineClient, Location, LocationError
from deepsim_client.location import check_private, process_alive

from deepsim_server.folders import Folders

_ANSWER_SECONDS = 10.0

Finding = dict[str, str | bool]


def run() -> Iterable[Finding]:
    """Findings as the doctor shows them: name, ok, found, mend."""
    folders = Folders.find()
    yield _keys(folders)
    yield _engine(folders)


def _keys(folders: Folders) -> Finding:
    key = folders.client_key
    try:
        check_private(key)
    except FileNotFoundError:
        return _finding("keys", "none yet: the engine makes them at its first start")
    except LocationError as error:
        return _finding("keys", str(error), mend=f"run: chmod 600 {key}")
    return _finding("keys", f"private, in {folders.keys}")


def _engine(folders: Folders) -> Finding:
    location = folders.location
    try:
        connection = location.read_connection()
    except LocationError as error:
        return _finding("engine", str(error), mend=f"remove {location.connection}")
    if connection is None or not process_alive(connection.pid):
        return _finding("engine", "does not run; it is started when it is needed")
    problem = _ask(location)
    if problem is not None:
        mend = f"end process {connection.pid}, then look into {location.log}"
        return _finding("engine", f"process {connection.pid} does not answer: {problem}", mend=mend)
    return _finding("engine", f"answers at {connection.endpoint} (process {connection.pid})")


def _ask(location: Location) -> str | None:
    """Why the running engine gives no answer; None when it does."""
    client = EngineClient(location, start_engine=False)
    try:
        reply = client.wait(client.request("hello"), _ANSWER_SECONDS)
    except TimeoutError as error:
        return str(error)
    finally:
        client.close()
    return None if reply.kind == "result" else str(reply.body.get("message"))


def _finding(name: str, found: str, *, mend: str = "") -> Finding:
    return {"name": name, "ok": not mend, "found": found, "mend": mend}
