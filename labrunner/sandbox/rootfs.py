"""The file system inside: this machine's, read-only, with private places where something may be written.

Built in the supervisor's own mount namespace, before anything else runs there. Works where `/` is no mount point (a
plain chroot) and where this machine's mounts are shared: the copy of the root is made first, then the namespace's true
root is entered and made private, then the copy takes its place. Nothing is mounted where the machine could see it.
Standard library only.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labrunner.sandbox import kernel
from labrunner.sandbox.cgroups import hierarchies, mount_hierarchies
from labrunner.sandbox.kernel import NODEV, NOEXEC, NOSUID, RDONLY

__all__ = ["MASKED", "Plan", "build", "graft", "is_masked"]

MASKED = ("/dev", "/proc", "/run", "/sys", "/tmp", "/var/run")  # noqa: S108 - the folders that a private one covers
"""What lies below is the sandbox's own, so a file of this machine has to be shown there expressly."""

_NODES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
_HIDDEN = ("/var/lib/docker", "/var/lib/containerd")
_READ_ONLY_PROC = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is where. Paths are real ones (no links in them) of this machine.

    writable: kept writable at the same path. visible: read-only as all else, but seen even below a masked folder.
    tmp: the folder that is /tmp inside. etc: small files of /etc that are the sandbox's own, name -> text.
    shown: path inside, of a file that exists there -> the file that is seen there, read-only.
    hidden: folders that are empty inside.
    """

    writable: tuple[str, ...]
    visible: tuple[str, ...]
    tmp: str
    etc: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Plan":
        """From the `plan` of what a supervisor is started with: JSON, with the fields as keys."""
        return cls(
            writable=tuple(settings["writable"]),
            visible=tuple(settings["visible"]),
            tmp=settings["tmp"],
            etc=settings["etc"],
            shown=settings["shown"],
            hidden=tuple(settings.get("hidden", ())),
        )


def is_masked(path: str) -> bool:
    """Whether a private folder covers that path of this machine."""
    return any(path == top or path.startswith(f"{top}/") for top in MASKED)


def build(plan: Plan) -> None:
    """Make it the root of this process and its namespace. Raises OSError."""
    _take_root()
    grafts = _grafts(plan)
    cgroup = Path("/proc/self/cgroup").read_text(encoding="ascii")
    for place in ("/proc", "/sys", "/run"):
        while kernel.detach(place):
            pass
    _devices()
    kernel.mount("proc", "/proc", "proc", flags=NOSUID | NODEV | NOEXEC)
    _guard_proc()
    kernel.mount("sysfs", "/sys", "sysfs", flags=RDONLY | NOSUID | NODEV | NOEXEC)
    mount_hierarchies("/sys/fs/cgroup", hierarchies(cgroup))
    _private("/run", mode="755")
    Path("/run/lock").mkdir(mode=0o1777)
    if not Path("/var/run").is_symlink() and Path("/var/run").is_dir():
        kernel.attach_tree(kernel.clone_tree("/run"), "/var/run")
    _configuration(plan.etc)
    for place in (*_HIDDEN, *plan.hidden):
        if Path(place).is_dir():
            _private(place, mode="711")
    for path, tree in grafts:
        _attach(tree, path)


def graft(paths: Iterable[str], *, namespace: str) -> None:
    """Show files or folders of this machine, read-only and at the same paths, in another mount namespace.

    This process is in that namespace afterwards. Raises OSError.
    """
    trees = [(path, kernel.clone_tree(path)) for path in paths]
    for _, tree in trees:
        kernel.set_attributes(tree, add=RDONLY | NODEV, private=True)
    kernel.enter_mounts(namespace)
    for path, tree in trees:
        _attach(tree, path)


def _take_root() -> None:
    root = kernel.clone_tree("/")
    kernel.set_attributes(root, add=RDONLY | NODEV, private=True)
    kernel.enter_mounts("/proc/self/ns/mnt")
    kernel.make_private("/")
    kernel.attach_tree(root, "/")
    kernel.swap_root(root)
    os.close(root)


def _grafts(plan: Plan) -> list[tuple[str, int]]:
    """Copies of what has to stay, taken before anything covers it."""
    found = [(path, kernel.clone_tree(path)) for path in plan.visible if is_masked(path)]
    for path in (*plan.writable, plan.tmp):
        tree = kernel.clone_tree(path)
        kernel.set_attributes(tree, remove=RDONLY)
        found.append((path if path != plan.tmp else "/tmp", tree))  # noqa: S108
    found += [(path, kernel.clone_tree(source)) for path, source in plan.shown.items()]  # read-only, as all was made
    # An outer folder first, else it would cover an inner one; /tmp before what is shown below it.
    return sorted(found)


def _attach(tree: int, path: str) -> None:
    if not Path(path).exists():
        if stat.S_ISDIR(os.fstat(tree).st_mode):
            Path(path).mkdir(parents=True)
        else:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).touch()
    kernel.attach_tree(tree, path)
    os.close(tree)


def _private(target: str, *, mode: str, flags: int = NOSUID | NODEV) -> None:
    kernel.mount("tmpfs", target, "tmpfs", flags=flags, options=f"mode={mode}")


def _devices() -> None:
    """A small /dev: no disk can be reached by a slip, a terminal of this machine still can."""
    trees = {name: kernel.clone_tree(f"/dev/{name}") for name in _NODES if Path("/dev", name).exists()}
    terminals = kernel.clone_tree("/dev/pts") if Path("/dev/pts").is_mount() else None
    while kernel.detach("/dev"):
        pass
    _private("/dev", mode="755", flags=NOSUID)
    for name, tree in trees.items():
        kernel.set_attributes(tree, remove=RDONLY | NODEV)
        Path("/dev", name).touch()
        kernel.attach_tree(tree, f"/dev/{name}")
        os.close(tree)
    for name, target in _LINKS.items():
        Path("/dev", name).symlink_to(target)
    Path("/dev/shm").mkdir()  # noqa: S108
    _private("/dev/shm", mode="1777")  # noqa: S108
    Path("/dev/pts").mkdir()
    if terminals is None:
        kernel.mount("devpts", "/dev/pts", "devpts", flags=NOSUID | NOEXEC, options="gid=5,mode=620,ptmxmode=666")
    else:
        kernel.set_attributes(terminals, remove=RDONLY | NODEV)
        kernel.attach_tree(terminals, "/dev/pts")
        os.close(terminals)


def _guard_proc() -> None:
    """The kernel's switches are this machine's; only those of the private network are the sandbox's."""
    network = kernel.clone_tree("/proc/sys/net")
    for path in _READ_ONLY_PROC:
        if Path(path).exists():
            tree = kernel.clone_tree(path)
            kernel.set_attributes(tree, add=RDONLY)
            kernel.attach_tree(tree, path)
            os.close(tree)
    kernel.attach_tree(network, "/proc/sys/net")
    os.close(network)


def _configuration(texts: Mapping[str, str]) -> None:
    """A private /etc: this machine's, with a few files of our own; an empty /etc/docker that can be written."""
    upper = Path("/run/etc")
    upper.mkdir()
    _private(str(upper), mode="700")
    (upper / "upper").mkdir()
    (upper / "work").mkdir()
    try:
        options = f"lowerdir=/etc,upperdir={upper}/upper,workdir={upper}/work"
        kernel.mount("overlay", "/etc", "overlay", flags=NODEV, options=options)
    except OSError as error:
        if error.errno not in (errno.ENODEV, errno.EINVAL, errno.EPERM):
            raise
        shutil.copytree("/etc", upper / "copy", symlinks=True)  # a kernel without overlay file systems
        kernel.attach_tree(kernel.clone_tree(str(upper / "copy")), "/etc")
    for name, text in texts.items():
        path = Path("/etc", name)
        path.unlink(missing_ok=True)  # it may be a link to a file that does not exist inside
        path.write_text(text, encoding="utf-8")
    Path("/etc/docker").mkdir(exist_ok=True)
    mounted = os.open("/etc", os.O_PATH | os.O_CLOEXEC)
    kernel.set_attributes(mounted, add=RDONLY)
    os.close(mounted)
    kernel.detach(str(upper))
    upper.rmdir()
    _private("/etc/docker", mode="755")
