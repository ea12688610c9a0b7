"""Programs under test: where they are, how they start, what they print, how they end. Every wait has a deadline."""

import os
import pathlib
import queue
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TARGET = (ROOT / os.environ.get("CARGO_TARGET_DIR", "target")).resolve()
START_SECONDS = 20


class Failure(Exception):
    """What was expected did not happen."""


def binary(name):
    """The path of a program of ours; the variable ADIEU_BIN_DIR names a folder other than that of debug builds."""
    folder = pathlib.Path(os.environ.get("ADIEU_BIN_DIR", TARGET / "debug"))
    path = folder / name
    if not path.is_file():
        raise Failure(f"{path} is missing: run `cargo build --workspace --bins` first")
    return str(path)


class Program:
    """A running program. Its output is collected line by line as it comes."""

    def __init__(self, *command, stdin=False, environment=None):
        self.command = [str(part) for part in command]
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
            bufsize=1,
            env=os.environ | (environment or {}),
        )
        self.out = _Lines(self.process.stdout)
        self.err = _Lines(self.process.stderr)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def say(self, line):
        """Writes a line to the program's standard input."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hang_up(self):
        """Ends the program's standard input."""
        self.process.stdin.close()

    def exit_status(self, seconds=START_SECONDS):
        """The status with which the program ends within that time."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self} has not ended within {seconds} s\n{self.output()}") from None
        self.out.join()
        self.err.join()
        return status

    def running(self):
        """It has not ended."""
        return self.process.poll() is None

    def stop(self):
        """Ends the program for good."""
        if self.running():
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream and stream not in (self.process.stdout, self.process.stderr):
                stream.close()
        self.out.join()
        self.err.join()

    def output(self):
        """What it has printed, for a message."""
        return f"-- stdout\n{self.out.text()}\n-- stderr\n{self.err.text()}"

    def __str__(self):
        return " ".join([os.path.basename(self.command[0]), *self.command[1:]])


class _Lines:
    """The lines of one stream: taken one at a time, and kept for messages."""

    def __init__(self, stream):
        self.stream = stream
        self.seen = []
        self.fresh = queue.Queue()
        self.thread = threading.Thread(target=self._collect, daemon=True)
        self.thread.start()

    def _collect(self):
        for line in self.stream:
            self.seen.append(line.rstrip("\n"))
            self.fresh.put(self.seen[-1])
        self.fresh.put(None)

    def next(self, seconds=START_SECONDS):
        """The next line."""
        return self.find(lambda line: True, seconds)

    def find(self, accept, seconds=START_SECONDS):
        """The next line that `accept` is true for; those before it are skipped."""
        end = time.monotonic() + seconds
        while True:
            try:
                line = self.fresh.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise Failure(f"no such line within {seconds} s; printed so far:\n{self.text()}") from None
            if line is None:
                raise Failure(f"the stream ended without such a line; printed:\n{self.text()}")
            if accept(line):
                return line

    def text(self):
        """All lines so far."""
        return "\n".join(self.seen)

    def join(self):
        """Waits for the end of the stream."""
        self.thread.join(START_SECONDS)
        self.stream.close()


class Serve(Program):
    """`adieu serve` on a port of the system's choice."""

    def __init__(self, *options, secure=False):
        # Such as `--mio`, for all that is tested.
        driver = os.environ.get("ADIEU_SERVE", "").split()
        super().__init__(binary("adieu"), "serve", "127.0.0.1:0", *driver, *options)
        end = "s" if secure else ""
        try:
            line = self.out.next()
            if not (line.startswith(f"serving http{end}://127.0.0.1:") and line.endswith("/")):
                raise Failure(f"the first line of {self} is {line!r}")
        except Failure:
            self.stop()
            raise
        self.address = line.removeprefix(f"serving http{end}://").removesuffix("/")
        self.ws = f"ws{end}://{self.address}"
        self.http = f"http{end}://{self.address}"

    def check(self):
        """It still runs, and nothing in it has panicked."""
        if not self.running():
            raise Failure(f"{self} has ended with {self.process.returncode}\n{self.output()}")
        if "panicked" in self.err.text():
            raise Failure(f"{self} has panicked\n{self.err.text()}")
