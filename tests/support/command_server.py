"""Runs ``keyledger`` in processes that are forked from one in which everything is imported: the imports cost the most.

Run as a program, it is that process. A run gets the caller's arguments, environment and descriptors 0 to 2, and ends as
a process of its own does: through the interpreter's exit.
"""

import gc
import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

LENGTH = struct.Struct("!I")
SPOKEN_FOR = 3
"""The descriptor of standard error, above which nothing belongs to a run."""


class CommandServer:
    """The process that is forked from; started for the first run, and ended with the process that started it."""

    def __init__(self, python_path: Path) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="keyledger-runs-")
        self._address = str(Path(self._directory.name) / "s")
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(self._address)
        listening.listen(64)
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(python_path), "NO_COLOR": "1"}
        # Its standard input is a pipe that nobody writes to: it ends when this process does, however that is.
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(listening.fileno())],
            stdin=subprocess.PIPE,
            env=environment,
            pass_fds=[listening.fileno()],
        )
        listening.close()

    def run(self, arguments: list[str], environment: dict[str, str], descriptors: list[int]) -> int:
        """Run the command with these descriptors as 0 to 2, -1 for one that is closed.

        Returns its exit code; where a signal ended it, the negative number of that.
        """
        given = [one for one in descriptors if one >= 0]
        told = json.dumps([arguments, environment, str(Path.cwd()), [one >= 0 for one in descriptors]]).encode()
        with socket.socket(socket.AF_UNIX) as channel:
            channel.connect(self._address)
            socket.send_fds(channel, [LENGTH.pack(len(told))], given)
            channel.sendall(told)
            return int(channel.makefile("r").read())


def serve(listening: socket.socket) -> None:
    """Fork for each connection, until standard input ends. Returns in each process that is to run a command."""
    while True:
        ready, _, _ = select.select([listening, sys.stdin], [], [])
        if sys.stdin in ready:
            os._exit(0)
        channel, _ = listening.accept()
        if os.fork() == 0:
            # Forked once more, so that somebody waits for the command, and nobody is left behind who would.
            if os.fork():
                os._exit(0)
            listening.close()
            return begin(channel)
        os.wait()
        channel.close()


def begin(channel: socket.socket) -> None:
    """Take the place of the caller's process in a fork of this one, and tell the caller how that ended."""
    head, given, _, _ = socket.recv_fds(channel, LENGTH.size, SPOKEN_FOR)
    left, parts = LENGTH.unpack(head)[0], []
    while left:
        parts.append(channel.recv(left))
        left -= len(parts[-1])
    arguments, environment, directory, there = json.loads(b"".join(parts))
    pid = os.fork()
    if pid:
        for one in given:
            os.close(one)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        channel.sendall(str(code).encode())
        os._exit(0)
    channel.close()
    for place, is_there in enumerate(there):
        if is_there:
            os.dup2(given.pop(0), place)
        else:
            os.close(place)
    os.closerange(SPOKEN_FOR, 256)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    sys.argv = ["keyledger", *arguments]
    # As the interpreter opens them when it starts.
    sys.stdin = open(0, encoding="utf-8", closefd=False) if there[0] else None  # noqa: SIM115
    for place, name in ((1, "stdout"), (2, "stderr")):
        errors = "strict" if place == 1 else "backslashreplace"
        text = open(place, "w", encoding="utf-8", errors=errors, closefd=False) if there[place] else None  # noqa: SIM115
        setattr(sys, name, text)


if __name__ == "__main__":
    from typer.main import get_command

    # What the verbs import when they run.
    from service.cli import application, database, forgetting, proof_files, verification  # noqa: F401

    # All verbs are made into commands once, and not in each run.
    setattr(application, "keyledger", get_command(application.keyledger))  # noqa: B010
    # What is there by now is left alone by collections, so that a fork does not copy it.
    gc.collect()
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
    application.main()
