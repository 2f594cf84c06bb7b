"""The console scripts without waiting for imports: a process that has imported everything forks for each.

    pytest ── starts ──▶ server: has imported SymPy and the package, has computed nothing
    derive ── asks ────▶ server ── forks ──▶ a process with the arguments, folder, umask, environment and
                                             descriptors 0, 1, 2 of who asked; its exit code goes back

What a command does is what the installed script does from `derive_main` on. What a test says of the start
of Python itself (locale, hash seed, closed descriptors, PYTHONPATH) needs the script: `fresh` in `commands`.
"""

from __future__ import annotations

import gc
import importlib
import marshal
import os
import pkgutil
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

#: What the commands import on their way; each is there without a server too (tests/test_imports.py).
LIBRARIES = ("sympy", "jinja2", "numpy", "math_core", "ziamath", "typst", "yaml", "html.parser", "doctest")

#: A stand-in for a script. It starts in a few milliseconds: no `site`, and only modules written in C.
STAND_IN = """\
#!{python} -IS
import _socket, marshal, posix, sys
mask = posix.umask(0)
posix.umask(mask)
arguments = [a.encode(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()) for a in sys.argv]
request = marshal.dumps((arguments, posix.getcwdb(), mask, posix.environ))
server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
server.connect({address!r})
descriptors = b"".join(d.to_bytes(4, sys.byteorder) for d in (0, 1, 2))
server.sendmsg([len(request).to_bytes(8, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)])
server.sendall(request)
code = server.recv(1)
posix._exit(code[0] if code else 255)
"""


class Request(NamedTuple):
    """What is to be run, and for whom."""

    arguments: list[bytes]
    folder: bytes
    mask: int
    environ: dict[bytes, bytes]
    descriptors: list[int]


# ---------------------------------------------------------------- in the tests


@cache
def scripts() -> Path:
    """A folder with stand-ins for the scripts; its server ends when this process does."""
    folder = Path(tempfile.mkdtemp(prefix="forking-"))
    address = str(folder / "server")
    for name in COMMANDS:
        script = folder / name
        script.write_text(STAND_IN.format(python=sys.executable, address=address))
        script.chmod(0o755)
    ready, told = os.pipe()
    alive, _held = os.pipe()  # the other end closes with this process
    subprocess.Popen(
        [sys.executable, __file__, address, str(told), str(alive)],
        pass_fds=(told, alive), stdin=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    os.close(told)
    os.close(alive)
    assert os.read(ready, 1) == b"+", "the server did not start"
    os.close(ready)
    return folder


# ---------------------------------------------------------------- in the server


def serve(address: str, told: int, alive: int) -> Request:
    """Forks for each request; returns in the forked process only."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(address)
    listening.listen(16)
    os.write(told, b"+")
    os.close(told)
    running: dict[int, tuple[int, socket.socket]] = {}  # of a process: its id, and who asked
    poll = select.poll()
    poll.register(listening, select.POLLIN)
    poll.register(alive, select.POLLHUP)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == alive:
                for child, _asker in running.values():
                    os.kill(child, signal.SIGKILL)
                shutil.rmtree(Path(address).parent)
                os._exit(0)
            elif descriptor == listening.fileno():
                asker, _ = listening.accept()
                request = received(asker)
                child = os.fork()
                if child == 0:
                    listening.close()
                    os.close(alive)
                    asker.close()
                    for process, (_, other) in running.items():
                        os.close(process)
                        other.close()
                    return request
                for passed in request.descriptors:
                    os.close(passed)
                process = os.pidfd_open(child)
                running[process] = child, asker
                poll.register(process, select.POLLIN)
                poll.register(asker, select.POLLRDHUP)
            elif descriptor in running:
                child, asker = running.pop(descriptor)
                poll.unregister(descriptor)
                poll.unregister(asker)
                os.close(descriptor)
                code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                with suppress(BrokenPipeError):  # who asked is gone
                    asker.send(bytes([code if code >= 0 else 128 - code]))
                asker.close()
            else:  # who asked is gone, killed by a time limit: so is the command
                for child, asker in running.values():
                    if asker.fileno() == descriptor:
                        os.kill(child, signal.SIGKILL)
                        poll.unregister(asker)


def received(asker: socket.socket) -> Request:
    """A request of a stand-in."""
    head, descriptors, *_ = socket.recv_fds(asker, 8, 3)
    size, data = int.from_bytes(head, "big"), b""
    while len(data) < size:
        data += asker.recv(size - len(data))
    return Request(*marshal.loads(data), descriptors)


def become(request: Request) -> Callable[[], Any]:
    """The command that was asked for, in this process, which becomes what the script's would be."""
    for number, passed in enumerate(request.descriptors):
        os.dup2(passed, number)
        os.close(passed)
    for number, (name, mode, buffering) in enumerate(
        (("stdin", "r", -1), ("stdout", "w", -1), ("stderr", "w", 1))
    ):
        old = getattr(sys, name)
        new = open(  # noqa: SIM115
            number, mode, buffering, encoding=old.encoding, errors=old.errors, closefd=False
        )
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    os.chdir(request.folder)
    os.umask(request.mask)
    os.environb.clear()
    os.environb.update(request.environ)
    sys.argv = [os.fsdecode(a) for a in request.arguments]
    return COMMANDS[Path(sys.argv[0]).name]


def derive() -> None:
    from backprop_symbolic.cli import derive_main

    derive_main()


def backprop() -> None:
    from backprop_symbolic.cli import main

    main()


def doctest() -> None:
    """The examples of a file, with `…` for any text."""
    import doctest

    sys.path.insert(0, "")
    done = doctest.testfile(
        sys.argv[1], module_relative=False, encoding="utf-8", optionflags=doctest.ELLIPSIS
    )
    sys.exit(bool(done.failed or not done.attempted))


COMMANDS: dict[str, Callable[[], Any]] = {"derive": derive, "backprop": backprop, "doctest": doctest}


def imported() -> None:
    """Imports what commands import."""
    import backprop_symbolic

    for library in LIBRARIES:
        importlib.import_module(library)
    for module in pkgutil.walk_packages(backprop_symbolic.__path__, "backprop_symbolic."):
        if not module.name.endswith("__main__"):  # that one would run
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    sys.path[0:1] = []
    imported()
    become(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))()
