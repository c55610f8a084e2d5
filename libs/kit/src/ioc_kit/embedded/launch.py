"""Becomes a program that ends when its parent does: `launch.py PARENT SIGNAL UID GID REACH PROGRAM [ARGUMENT...]`.

A program of its own instead of `preexec_fn`, because running Python between fork and exec of a process with threads
can deadlock. It is run as a script by `python -I -S`, so it imports only what is built in.

UID -1 keeps the user. REACH 1 keeps one capability through the change of user, with which the program may enter
folders that are closed to it (a checkout under /root, say); its rights to write stay those of the user.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
_CAPABILITY_VERSION_3 = 0x20080522
DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2


def reaching_capability() -> int | None:
    """The narrowest capability this process holds that opens closed folders; None when it holds none."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        held = next((int(line.split()[1], 16) for line in status if line.startswith("CapPrm:")), 0)
    return next((capability for capability in (DAC_READ_SEARCH, DAC_OVERRIDE) if held >> capability & 1), None)


def _call(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def _become(libc: ctypes.CDLL, uid: int, gid: int, reach: bool) -> None:
    capability = reaching_capability() if reach else None
    if capability is not None:
        _call(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0), "PR_SET_KEEPCAPS")
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if capability is not None:
        bit = 1 << capability
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        # effective, permitted, inheritable; capabilities 0-31, then 32-63.
        sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
        _call(libc.capset(header, sets), "capset")
        _call(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0), "PR_CAP_AMBIENT_RAISE")


def main(arguments: list[str]) -> None:
    """Never returns: the process becomes the program, or ends with the reason."""
    parent, signal_number, uid, gid, reach = (int(value) for value in arguments[:5])
    program = arguments[5:]
    libc = ctypes.CDLL(None, use_errno=True)
    if uid >= 0:
        _become(libc, uid, gid, bool(reach))
    # After the change of user, which would clear it.
    _call(libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0), "PR_SET_PDEATHSIG")
    if os.getppid() != parent:
        sys.exit("the process that wanted this program has gone")
    os.execv(program[0], program)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
