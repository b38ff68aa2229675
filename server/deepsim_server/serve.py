"""An engine from its start to its end: lock, log, keys, sockets, connection file, signals."""

import json
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from typing import Any

import zmq
from deepsim_client.keyfiles import pasteable
from deepsim_client.starter import PARENT_VARIABLE
from deepsim_client.wire import MAX_FRAME_BYTES, PROTOCOL
from zmq.auth.thread import ThreadAuthenticator

from deepsim_engine.errors import WorkError
from deepsim_engine.files import write_atomically
from deepsim_server import logs
from deepsim_server.address import Address
from deepsim_server.engine import Engine
from deepsim_server.folders import Folders
from deepsim_server.jobs import JobStore
from deepsim_server.keys import KeyPair, KnownKeys, connection_json, ensure_keys
from deepsim_server.limits import Limits
from deepsim_server.lock import FolderLock
from deepsim_server.models import ModelStore
from deepsim_server.peers import Peers
from deepsim_server.supervisor import Supervisor
from deepsim_server.workers import Workers

log = logging.getLogger(__name__)

IDLE_SECONDS = 900.0
_FAREWELL_MS = 1000


def serve(
    folders: Folders,
    idle_seconds: float | None = IDLE_SECONDS,
    limits: Limits | None = None,
    *,
    devices: Sequence[str] = ("auto",),
    address: Address | None = None,
    json_logs: bool = False,
) -> None:
    """Run an engine until it is told to leave, or idle for `idle_seconds` (None: never).

    It listens on a free port of the loopback address if no `address` is given. There is one
    worker for each of `devices`. Raises HeldError when another engine has this data folder;
    WorkError when a folder or a key cannot be used; InputError for an address that it cannot have.
    """
    try:
        folders.make()
        lock = FolderLock(folders.lock)
        with lock:
            logs.set_up(folders.log, json_logs)
            _serve_alone(folders, idle_seconds, limits or Limits(), devices, address or Address())
    except OSError as error:
        where = error.filename or folders.data
        raise WorkError(f"The engine cannot use {where}: {error.strerror or error}.") from error


def _serve_alone(
    folders: Folders,
    idle_seconds: float | None,
    limits: Limits,
    devices: Sequence[str],
    address: Address,
) -> None:
    version = metadata.version("deepsim")
    log.info("DeepSIM engine %s, process %d, data in %s.", version, os.getpid(), folders.data)
    keys = ensure_keys(folders)
    models, store = ModelStore(folders.models), JobStore(folders.database, folders.jobs)
    models.sweep()
    store.sweep()
    known = KnownKeys(
        folders.clients,
        lambda mark: log.warning("Refused a client with an unknown key (%s).", mark),
    )
    with authenticated_context(known) as context:
        router = _router(context, keys)
        port = address.bind(router)
        workers = Workers(
            [Supervisor(context, known, folders, limits, device) for device in devices]
        )
        engine = Engine(
            router,
            workers,
            store,
            models,
            Peers(known),
            idle_seconds=idle_seconds,
            parent=_parent(),
            orphan_seconds=limits.orphan_seconds,
        )
        for worker in workers:
            worker.start()
        engine.trainings.resume_unfinished()
        described = connection_json(address.here(port), keys.public, PROTOCOL, version)
        _write_connection(folders, described)
        _stop_on_signals(engine)
        log.info("Listening on port %d.", port)
        if not address.loopback:
            for line in address.instructions(port, pasteable(keys.public)):
                print(line, file=sys.stderr, flush=True)  # noqa: T201  (not into the log file)
        try:
            engine.run()
        finally:
            # First of all nobody else should come; then those who are here get their answers.
            folders.connection.unlink(missing_ok=True)
            engine.close()
            router.close(_FAREWELL_MS)
            for worker in workers:
                worker.close()
            store.close()
            log.info("Left.")


@contextmanager
def authenticated_context(known: KnownKeys) -> Iterator["zmq.Context[zmq.Socket[bytes]]"]:
    """A context whose sockets ask `known` about every key that wants to connect."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    quiet = logging.getLogger("deepsim_server.zap")
    quiet.setLevel(logging.WARNING)  # at lower levels it would write public keys
    authenticator = ThreadAuthenticator(context, log=quiet)
    authenticator.start()
    for domain in (KnownKeys.CLIENTS, KnownKeys.WORKERS):
        authenticator.configure_curve_callback(domain, known)
    try:
        yield context
    finally:
        authenticator.stop()
        context.term()


def _router(context: "zmq.Context[zmq.Socket[bytes]]", keys: KeyPair) -> "zmq.Socket[bytes]":
    router = context.socket(zmq.ROUTER)
    router.curve_server = True
    router.curve_secretkey = keys.secret
    router.zap_domain = KnownKeys.CLIENTS.encode()
    router.maxmsgsize = MAX_FRAME_BYTES
    router.router_mandatory = True  # a client that is gone, or does not read, is told apart
    router.sndhwm, router.rcvhwm = 8, 4
    # A client that vanished is noticed by its socket: at once on this machine, by these elsewhere.
    # The heartbeat's limit is long because a large frame on a slow line holds heartbeats up.
    router.heartbeat_ivl, router.heartbeat_timeout = 5000, 300_000
    router.tcp_keepalive, router.tcp_keepalive_idle = 1, 30
    router.tcp_keepalive_intvl, router.tcp_keepalive_cnt = 10, 3
    return router


def _parent() -> int | None:
    """The editor that started this engine for itself, if one did."""
    told = os.environ.get(PARENT_VARIABLE, "")
    return int(told) if told.isdigit() else None


def _write_connection(folders: Folders, described: dict[str, Any]) -> None:
    old = os.umask(0o077)
    try:
        write_atomically(folders.connection, json.dumps(described).encode() + b"\n")
    finally:
        os.umask(old)


def _stop_on_signals(engine: Engine) -> None:
    def stop(number: int, _frame: object) -> None:
        log.info("Got %s: leaving.", signal.Signals(number).name)
        engine.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
