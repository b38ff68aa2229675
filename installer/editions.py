"""The Kritas to test in: this machine's own, and others in chroots built from Debian.

A chroot is kept as a tarball in the user's cache folder, named by a hash of how it was made, so
that it is built once and unpacked in seconds after that.
"""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from installer import apt
from installer.errors import InstallError
from installer.files import fingerprint, remove
from installer.process import output_of, run
from installer.steps import Context

SCRIPT = Path(__file__).with_name("mkchroot.sh")
TOOLS = ("debootstrap", "zstd")
"""Programs, and Debian's packages, that making a chroot needs."""
_MIRROR = "http://deb.debian.org/debian"
_GIST = re.compile(r"(?:I: )?(Retrieving|Validating|Extracting|Unpacking|Setting up) (\S+)")


@dataclass(frozen=True)
class Edition:
    """One Krita: a name such as krita-5.2, and which suites of Debian have it, with which PyQt.

    Two suites with a comma: Krita comes from the second, the rest from either.
    """

    name: str
    suites: str
    pyqt: str = "python3-pyqt5"

    @property
    def version(self) -> str:
        """The first two parts of Krita's version."""
        return self.name.partition("-")[2]

    @property
    def tarball(self) -> str:
        """The name of the chroot's tarball; another one whenever it would be made otherwise."""
        made_from = fingerprint(SCRIPT.read_text(encoding="utf-8"), self.suites, self.pyqt)
        return f"{self.name}-{made_from}.tar.zst"


EDITIONS = {
    edition.name: edition
    for edition in (
        Edition("krita-5.1", "bookworm"),
        Edition("krita-5.2", "trixie"),
        Edition("krita-5.3", "forky"),
        Edition("krita-6.0", "sid,experimental", "python3-pyqt6"),
    )
}


def chosen_editions(text: str) -> tuple[Edition, ...]:
    """The editions of a list with commas, each once; raises ValueError with what there is."""
    names = dict.fromkeys(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in EDITIONS]
    if unknown or not names:
        raise ValueError(
            f"{', '.join(unknown) or 'nothing'} is no known editor; there are {', '.join(EDITIONS)}"
        )
    return tuple(EDITIONS[name] for name in names)


def is_own(edition: Edition) -> bool:
    """Whether this machine's installed Krita, or the one apt would install, is the edition."""
    if shutil.which("krita"):
        found = output_of(["dpkg-query", "-W", "-f", "${Version}", "krita"])
    else:
        policy = output_of(["apt-cache", "policy", "krita"]) or ""
        found = next((line.split()[1] for line in policy.splitlines() if "Candidate:" in line), "")
    return is_version(found or "", edition.version)


def is_version(package: str, version: str) -> bool:
    """Whether a Debian version (with its epoch) is of this Krita."""
    return package.rpartition(":")[2].startswith(version + ".")


def cache_folder() -> Path:
    """Where the user's chroots are kept."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
    return root / "deepsim" / "chroots"


def others_kept() -> tuple[list[Edition], list[Edition]]:
    """The Kritas that this machine has not: those that can be tested at once, and the others.

    A chroot that is in the cache is unpacked in seconds, where the tools are and we are root.
    """
    others = [edition for edition in EDITIONS.values() if not is_own(edition)]
    able = apt.can_install() and all(shutil.which(tool) for tool in ("tar", "zstd"))
    kept = [each for each in others if able and (cache_folder() / each.tarball).exists()]
    return kept, [each for each in others if each not in kept]


def prepare(context: Context, editions: Sequence[Edition]) -> None:
    """Build the chroots that are not in the cache; raise InstallError where that cannot be."""
    if not editions:
        return
    _require(context, editions)
    missing = [edition for edition in editions if not (cache_folder() / edition.tarball).exists()]
    for edition in missing:
        context.console.say(f"Building a chroot with {edition.name} (some minutes, once)")
        _build(context, edition)


def _require(context: Context, editions: Sequence[Edition]) -> None:
    """Root, and the tools, by apt-get where they are missing."""
    if not apt.can_install():
        names = ", ".join(edition.name for edition in editions)
        raise InstallError(
            f"Tests in {names} need root on Debian or Ubuntu: they run in a chroot.",
            "Run it as root, or leave them out of --editors.",
        )
    if tools := [tool for tool in TOOLS if not shutil.which(tool)]:
        failure = InstallError(
            f"apt-get could not install {' and '.join(tools)}, which chroots need.",
            "Install them by hand, then run it again.",
        )
        apt.install(context, tools, failure)


def _mirror() -> str:
    """The Debian mirror that apt uses here, else Debian's own."""
    found = output_of(["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"])
    sites = [line for line in (found or "").splitlines() if line.rstrip("/").endswith("/debian")]
    return sites[0] if sites else _MIRROR


def _build(context: Context, edition: Edition) -> None:
    cache, work = cache_folder(), context.places.prefix / "chroots" / f".{edition.name}.work"
    failure = InstallError(
        f"The chroot with {edition.name} could not be built from Debian {edition.suites}.",
        "Check the network and the room on the disk (3 GB), then run it again.",
    )
    for folder in (cache, work.parent):
        folder.mkdir(parents=True, exist_ok=True)
    part = cache / f".{edition.tarball}.{os.getpid()}"
    try:
        remove(work)
        run(
            [SCRIPT, _mirror(), work, edition.suites, "krita", edition.pyqt],
            context.console,
            failure=failure,
            gist=_gist,
            activity="debootstrap",
        )
        query = ["dpkg-query", f"--admindir={work / 'var/lib/dpkg'}", "-W", "-f", "${Version}"]
        version = output_of([*query, "krita"]) or "none"
        if not is_version(version, edition.version):
            raise InstallError(
                f"Debian {edition.suites} has Krita {version} now, not {edition.version}.",
                f"Leave {edition.name} out of --editors, or mend EDITIONS in {__file__}.",
            )
        run(
            ["tar", "--zstd", "--numeric-owner", "-C", work, "-cf", part, "."],
            context.console,
            failure=failure,
            activity="packing the chroot",
        )
        for old in cache.glob(f"{edition.name}-*.tar.zst"):
            remove(old)
        part.rename(cache / edition.tarball)
    finally:
        remove(work)
        remove(part)


def _gist(line: str) -> str | None:
    match = _GIST.match(line)
    return " ".join(match.groups()) if match else None


@contextmanager
def unpacked(context: Context, edition: Edition) -> Iterator[Path]:
    """The edition's chroot as a folder, gone again at the end of the with block."""
    folder = context.places.prefix / "chroots" / edition.name
    remove(folder)
    folder.mkdir(parents=True)
    try:
        run(
            ["tar", "--zstd", "-C", folder, "-xpf", cache_folder() / edition.tarball],
            context.console,
            failure=InstallError(
                f"The chroot with {edition.name} could not be unpacked.",
                f"Remove {cache_folder() / edition.tarball}, and run it again.",
            ),
            activity=f"unpacking {edition.name}",
        )
        yield folder
    finally:
        # What a process that is just ending still writes is removed by the next run.
        shutil.rmtree(folder, ignore_errors=True)
