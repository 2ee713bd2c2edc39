"""A running virtual machine: what its serial console shows, what can be typed on it, whether its servers answer."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
import time

from pipeline.errors import PipelineError


class Guest:
    """A running virtual machine."""

    def __init__(self, process: subprocess.Popen[bytes], ports: dict[int, int]) -> None:
        self._process = process
        self._ports = ports
        self._text = ""
        self._news = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._listen, name="serial console", daemon=True)
        self._reader.start()

    def _listen(self) -> None:
        stream = self._process.stdout
        if stream is None:
            raise ValueError("the process was started without a pipe for its console")
        while chunk := os.read(stream.fileno(), 65536):
            with self._news:
                self._text += chunk.decode("utf-8", "replace").replace("\r", "")
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    @property
    def console(self) -> tuple[str, ...]:
        """Everything the serial console has shown so far, line by line; the last one may be unfinished."""
        with self._news:
            return tuple(self._text.splitlines())

    @property
    def stopped(self) -> bool:
        """Whether the machine is off, by itself or because its system has ended."""
        with self._news:
            return self._ended

    def port(self, guest_port: int) -> int:
        """The port of 127.0.0.1 that leads to a port of the guest; it was asked for when booting."""
        return self._ports[guest_port]

    def type(self, text: str) -> None:
        """Type on the serial console; end with a line break to send a line."""
        stream = self._process.stdin
        if stream is None:
            raise ValueError("the process was started without a pipe for its console")
        stream.write(text.encode())
        stream.flush()

    def wait_for(self, pattern: str, timeout: float) -> re.Match[str]:
        """The first match of a regular expression (multi-line) on the console, waiting for it to appear.

        Raises:
            PipelineError: the time is over or the machine has stopped; with the last lines of the console.
        """
        expression = re.compile(pattern, re.MULTILINE)
        deadline = time.monotonic() + timeout
        with self._news:
            while (found := expression.search(self._text)) is None:
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    why = "the machine stopped" if self._ended else f"not within {timeout:g} s"
                    raise self._failure(f"/{pattern}/ was not seen on its console: {why}")
                self._news.wait(left)
        return found

    def wait_for_banner(self, guest_port: int, timeout: float) -> str:
        """The first line a server of the guest sends on a forwarded port, such as SSH's; same errors as `wait_for`.

        QEMU accepts connections as soon as it runs, so only what the guest answers counts.
        """
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0 and not self._ended:
            try:
                with socket.create_connection(("127.0.0.1", self.port(guest_port)), timeout=min(left, 10)) as link:
                    line = link.makefile("rb").readline()
            except OSError:
                line = b""
            if line:
                return line.decode("utf-8", "replace").rstrip()
            with self._news:
                self._news.wait(0.5)
        why = "the machine stopped" if self._ended else f"not within {timeout:g} s"
        raise self._failure(f"nothing answered on its port {guest_port}: {why}")

    def _failure(self, what: str) -> PipelineError:
        last = "\n".join(f"    {line}" for line in self._text.splitlines()[-15:]) or "    (nothing)"
        return PipelineError(f"booted image: {what}", f"look at the last lines of its console:\n{last}")

    def stop(self) -> None:
        """Pull the plug and wait until the machine is gone."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
