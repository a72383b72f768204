"""The few system calls that a private machine needs and Python has no name for (mount_namespaces(7), open_tree(2)).

Standard library only. Every function raises OSError as the call fails.
"""

import ctypes
import errno
import fcntl
import os
import socket
import struct
from contextlib import suppress

__all__ = [
    "AT_RECURSIVE",
    "DETACH",
    "NODEV",
    "NOEXEC",
    "NOSUID",
    "RDONLY",
    "add_address",
    "attach_tree",
    "clone_tree",
    "detach",
    "enter_mounts",
    "enter_network",
    "enter_open_network",
    "interface_up",
    "link_networks",
    "make_private",
    "mount",
    "set_attributes",
    "swap_root",
]

# The flags of mount(2) and of mount_setattr(2) have the same values for these four.
RDONLY = 1
NOSUID = 2
NODEV = 4
NOEXEC = 8
_MS_REC = 0x4000
_MS_PRIVATE = 1 << 18
DETACH = 2

AT_RECURSIVE = 0x8000
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_F_EMPTY_PATH = 4
_CLONE_NEWNS = 0x00020000
_CLONE_NEWNET = 0x40000000

# New system calls have the same number on every architecture.
_SYS_OPEN_TREE = 428
_SYS_MOVE_MOUNT = 429
_SYS_MOUNT_SETATTR = 442

_IFF_UP = 1
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_SIOCSIFADDR = 0x8916
_SIOCSIFNETMASK = 0x891C

_RTM_NEWLINK, _RTM_DELLINK = 16, 17
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_EXCL, _NLM_F_CREATE = 1, 4, 0x200, 0x400
_IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 3, 18, 28
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def _call(name: str, *arguments: object, about: str = "") -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(getattr(libc, name)(*arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), about or name)
    return result


def _syscall(number: int, *arguments: object, about: str) -> int:
    return _call("syscall", ctypes.c_long(number), *arguments, about=about)


def mount(source: str, target: str, kind: str, *, flags: int = 0, options: str = "") -> None:
    """A new file system of that kind on `target`."""
    data = options.encode() if options else None
    _call("mount", source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data, about=target)


def make_private(target: str) -> None:
    """Nothing that is mounted below `target` from now on is seen elsewhere, nor the other way round."""
    _call("mount", None, target.encode(), None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None, about=target)


def detach(target: str) -> bool:
    """Take the mount off `target`, used or not. False: there was none."""
    try:
        _call("umount2", target.encode(), DETACH, about=target)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT):
            return False
        raise
    return True


def clone_tree(path: str, *, recursive: bool = True) -> int:
    """A descriptor of a detached copy of what is mounted at `path` (a file or a folder, a mount point or not)."""
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | (AT_RECURSIVE if recursive else 0)
    return _syscall(_SYS_OPEN_TREE, _AT_FDCWD, path.encode(), ctypes.c_uint(flags), about=path)


def attach_tree(tree: int, target: str) -> None:
    """Mount a copy made by `clone_tree` on `target`."""
    _syscall(
        _SYS_MOVE_MOUNT,
        tree,
        b"",
        _AT_FDCWD,
        target.encode(),
        ctypes.c_uint(_MOVE_MOUNT_F_EMPTY_PATH),
        about=target,
    )


def set_attributes(tree: int, *, add: int = 0, remove: int = 0, private: bool = False, recursive: bool = True) -> None:
    """Change a copy's attributes, and those of all mounts in it. Needs Linux 5.12 (ENOSYS before).

    recursive: False for one mount alone; `tree` may be a descriptor of a mount point then.
    """
    attributes = _MountAttributes(add, remove, _MS_PRIVATE if private else 0, 0)
    _syscall(
        _SYS_MOUNT_SETATTR,
        tree,
        b"",
        ctypes.c_uint(_AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
        about="mount_setattr",
    )


def enter_mounts(namespace: str) -> None:
    """Enter a mount namespace (`/proc/<pid>/ns/mnt`). The root folder is the namespace's own then, not a chroot's."""
    descriptor = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call("setns", descriptor, _CLONE_NEWNS, about=namespace)
    finally:
        os.close(descriptor)


def enter_network(pid: int) -> None:
    """Have this thread, and it alone, make its sockets in that process's network. Those it has stay as they are."""
    descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter_open_network(descriptor)
    finally:
        os.close(descriptor)


def enter_open_network(descriptor: int) -> None:
    """As `enter_network`, of a descriptor of a network."""
    _call("setns", descriptor, _CLONE_NEWNET, about="network namespace")


def link_networks(name: str, other: int, other_name: str) -> None:
    """A cable (veth(4)) between this thread's network and another one (a descriptor of it). It goes when one of them
    does; one of that name that is still going is taken away."""
    with suppress(OSError):
        _route(_RTM_DELLINK, 0, _link_named(name))
    end = _attribute(_VETH_INFO_PEER, _link_named(other_name) + _attribute(_IFLA_NET_NS_FD, struct.pack("I", other)))
    kind = _attribute(_IFLA_INFO_KIND, b"veth") + _attribute(_IFLA_INFO_DATA, end)
    _route(_RTM_NEWLINK, _NLM_F_CREATE | _NLM_F_EXCL, _link_named(name) + _attribute(_IFLA_LINKINFO, kind))


def _link_named(name: str) -> bytes:
    return bytes(16) + _attribute(_IFLA_IFNAME, name.encode() + b"\0")  # a struct ifinfomsg that says nothing


def _attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def _route(kind: int, flags: int, data: bytes) -> None:
    """One request of rtnetlink(7)."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as channel:
        channel.settimeout(5.0)
        flags |= _NLM_F_REQUEST | _NLM_F_ACK
        channel.send(struct.pack("IHHII", 16 + len(data), kind, flags, 1, 0) + data)
        number = -struct.unpack_from("i", channel.recv(65536), 16)[0]  # struct nlmsgerr; 0: done
    if number:
        raise OSError(number, os.strerror(number), "network link")


def swap_root(tree: int) -> None:
    """Make the copy, attached on `/` before, the root of this namespace, and let go of the old one."""
    os.fchdir(tree)
    try:
        _call("pivot_root", b".", b".")
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        os.chroot(".")  # the machine runs from its initial memory file system, which cannot be swapped
    else:
        detach(".")
    os.chdir("/")


def interface_up(name: str) -> None:
    """Set a network interface up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        request = struct.pack("16sH14x", name.encode(), 0)
        answer = fcntl.ioctl(channel, _SIOCGIFFLAGS, request)
        flags = struct.unpack("16sH14x", answer)[1] | _IFF_UP
        fcntl.ioctl(channel, _SIOCSIFFLAGS, struct.pack("16sH14x", name.encode(), flags))


def add_address(label: str, address: str, mask: str = "255.255.255.255") -> None:
    """Give an interface an address; by itself one with no network behind it. label: its name, or `lo:` and a name for
    one more address (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, mask)):
            about = struct.pack("16sHH4s16x", label.encode(), socket.AF_INET, 0, socket.inet_aton(value))
            fcntl.ioctl(channel, request, about)
