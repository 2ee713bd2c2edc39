"""Types answers at a terminal of its own: python -m tests.support.typed PROMPT COMMAND ANSWER..."""

from __future__ import annotations

import os
import pty
import sys


def main(prompt: str, command: str, answers: list[str]) -> int:
    """Run a shell command; each time the prompt appears, type the next answer. Returns its exit status."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvp("bash", ["bash", "-c", command])  # noqa: S606 - a documented line is what a shell runs
    seen, left = b"", list(answers)
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # Linux: the other end is closed
            break
        if not piece:
            break
        seen += piece
        if left and prompt.encode() in seen:
            seen = seen.split(prompt.encode(), 1)[1]
            os.write(terminal, f"{left.pop(0)}\n".encode())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
