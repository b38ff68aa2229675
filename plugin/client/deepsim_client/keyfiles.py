"""CURVE keys in files: made private, read only when they are, in the format of zmq.auth."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import zmq.auth
from zmq.utils import z85

from .files import write_private
from .location import LocationError, check_private

_Z85 = re.compile(r"[0-9A-Za-z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}\Z")
_HEX = re.compile(r"[0-9a-fA-F]{64}\Z")


def public_key(text: str) -> str:
    """The CURVE key in Z85 that `text` is: 40 characters of Z85, or 64 hexadecimal digits.

    Raises:
        ValueError: when it is neither.
    """
    if _HEX.match(text):
        return z85.encode(bytes.fromhex(text)).decode("ascii")
    if _Z85.match(text):
        return text
    raise ValueError("public key (64 hexadecimal digits)")


def pasteable(key: bytes | str) -> str:
    """The key in hexadecimal digits, which no shell takes for anything else."""
    return z85.decode(key).hex()


def create_key(path: Path) -> None:
    """Make the files NAME.key (public) and NAME.key_secret (both keys), mode 0600.

    Each appears whole or not at all; existing ones are replaced. `path` is the secret one, in a
    folder that exists. Raises OSError.
    """
    with tempfile.TemporaryDirectory(dir=str(path.parent)) as scratch:  # mode 0700
        made = [Path(file) for file in zmq.auth.create_certificates(scratch, path.stem)]
        for file in made:
            file.chmod(0o600)
        for file in made:
            file.replace(path.parent / file.name)


def write_public_key(path: Path, public: str) -> None:
    """Make a NAME.key file, mode 0600, of a public key that somebody gave. Raises OSError."""
    write_private(path, f'metadata\ncurve\n    public-key = "{public}"\n'.encode("ascii"))


def read_public_key(path: Path) -> bytes:
    """The public key in a key file. Raises ValueError when it is damaged, OSError."""
    public = zmq.auth.load_certificate(path)[0]
    public_key(public.decode("ascii", "replace"))
    return public


def load_key(path: Path) -> tuple[bytes, bytes]:
    """Public and secret key in Z85.

    Raises:
        LocationError: when the file is damaged, or others can read it.
        OSError: when it cannot be read; FileNotFoundError when there is none.
    """
    check_private(path)
    try:
        public, secret = zmq.auth.load_certificate(path)
    except ValueError:
        secret = None
    if secret is None:
        raise LocationError(f"The key file {path} is damaged: remove it, a new one will be made.")
    return public, secret
