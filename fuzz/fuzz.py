#!/usr/bin/env python3
"""Runs the fuzz targets, logs what they did, and keeps their corpora.

`fuzz.py run SECONDS [TARGET...]` runs each target for so many seconds of a processor's time, however busy the machine is, from its seeds,
its corpus and what earlier runs found, and prints a row of figures; `--log` adds the row to docs/fuzzing-log.md. Exit status 0: nothing was found.
`fuzz.py minimise [TARGET...]` writes fuzz/seeds/TARGET.hex anew: the fewest inputs that reach what all inputs reach.
Both need a nightly toolchain (ADIEU_NIGHTLY names another than `nightly`) and cargo-fuzz. What they make lies in fuzz/target.
ADIEU_COMMIT is what the log calls the commit where git cannot be asked.
"""

import argparse
import datetime
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

FUZZ = pathlib.Path(__file__).resolve().parent
ROOT = FUZZ.parent
LOG = ROOT / "docs" / "fuzzing-log.md"
CARGO = ["cargo", f"+{os.environ.get('ADIEU_NIGHTLY', 'nightly')}"]
# Inputs that took long are not findings.
FINDINGS = ("crash-", "oom-", "timeout-", "leak-")
# Longer inputs find nothing that these do not, and are slow.
MAX_LEN = 2048
# Of what is kept no input is longer: a tenth of the inputs would be half of the bytes.
MAX_KEPT_LEN = 512


# Where the processor is shared, a run may take so many times as long as its time.
MAX_WAIT = 20
# A folder for each sanitizer, so that no build invalidates another.
BUILT = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", FUZZ / "target")).resolve()


class Failure(Exception):
    """What keeps fuzzing from beginning."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="fuzz each target, and print a row of figures for it")
    running.add_argument("seconds", type=int, help="for how long each, of a processor's time")
    running.add_argument("targets", nargs="*", metavar="TARGET", help="all, where none is named")
    running.add_argument("--sanitizer", default="none", choices=("none", "address"))
    running.add_argument("--log", action="store_true", help=f"add the rows to {LOG.relative_to(ROOT)}")
    minimising = commands.add_parser("minimise", help="write the corpora that the tests replay anew")
    minimising.add_argument("targets", nargs="*", metavar="TARGET", help="all, where none is named")
    options = parser.parse_args()
    try:
        targets = chosen(options.targets)
        if options.command == "run":
            found = [run(target, options) for target in targets]
            sys.exit(1 if any(found) else 0)
        for target in targets:
            minimise(target)
    except Failure as failure:
        sys.exit(f"fuzz: {failure}")


def chosen(names):
    """The targets that are named, or all; where the tools for them are there."""
    if subprocess.run([*CARGO, "--version"], capture_output=True).returncode != 0:
        raise Failure("a nightly toolchain is needed: rustup toolchain install nightly")
    listed = subprocess.run([*CARGO, "fuzz", "list"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        raise Failure("cargo-fuzz is needed: cargo install cargo-fuzz --locked")
    targets = listed.stdout.split()
    unknown = set(names) - set(targets)
    if unknown:
        raise Failure(f"no target is called {', '.join(sorted(unknown))}; there are {', '.join(targets)}")
    return names or targets


def run(target, options):
    """Fuzzes one target; tells whether something was found."""
    corpus, artifacts = unpacked(target), FUZZ / "target" / "artifacts" / target
    artifacts.mkdir(parents=True, exist_ok=True)
    before = set(artifacts.iterdir())
    limits = [f"-max_total_time={options.seconds * MAX_WAIT}", f"-max_len={MAX_LEN}", "-print_final_stats=1", "-handle_usr1=1"]
    inputs = [corpus, FUZZ / "seeds" / target, f"-artifact_prefix={artifacts}/"]
    status, seconds, output = timed([build(target, options.sanitizer), *limits, *inputs], options.seconds)
    found = [path for path in set(artifacts.iterdir()) - before if path.name.startswith(FINDINGS)]
    row = figures(target, options.sanitizer, round(seconds), output, len(found))
    print(row, flush=True)
    if options.log:
        with LOG.open("a", encoding="utf-8") as log:
            log.write(row + "\n")
    for path in found:
        print(f"found {path.relative_to(ROOT)}", file=sys.stderr)
    if status != 0:
        print(output[-4000:], file=sys.stderr)
    return status != 0


def build(target, sanitizer):
    """The program of a target, built."""
    cargo = [*CARGO, "fuzz", "build", "-s", sanitizer, "--target-dir", BUILT / sanitizer, target]
    building = subprocess.run(cargo, cwd=ROOT, capture_output=True, text=True)
    if building.returncode != 0:
        raise Failure(f"{target} does not build:\n{building.stderr[-4000:]}")
    (program,) = (BUILT / sanitizer).glob(f"*/release/{target}")
    return program


def timed(command, seconds):
    """Runs a target until it has had its time of the processor: its status, the seconds that it had, what it told."""
    # The crates of the toolchain are known to break the rule of one definition, for AddressSanitizer.
    environment = {**os.environ, "ASAN_OPTIONS": "detect_odr_violation=0"}
    with tempfile.TemporaryFile() as told:
        fuzzing = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=told)
        asked = False
        while not (ended := os.wait4(fuzzing.pid, os.WNOHANG))[0]:
            if not asked and had(fuzzing.pid) >= seconds:
                # libFuzzer then ends at the next input, and tells its figures.
                fuzzing.send_signal(signal.SIGUSR1)
                asked = True
            time.sleep(0.2)
        told.seek(0)
        output = told.read().decode(errors="replace")
    _, status, used = ended
    fuzzing.returncode = os.waitstatus_to_exitcode(status)
    return fuzzing.returncode, used.ru_utime + used.ru_stime, output


def had(pid):
    """The seconds of a processor's time that a process has had, by Linux's account of it."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def figures(target, sanitizer, seconds, output, found):
    """A row of the log, from what libFuzzer told."""
    executions = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
    reached = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)/", output)
    edges, features, inputs = reached[-1] if reached else ("?", "?", "?")
    cells = [
        datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M"), target, sanitizer, seconds,
        executions[1] if executions else "?", edges, features, inputs, found, commit(),
    ]  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def commit():
    """What was fuzzed; with a plus where something was not committed."""
    if named := os.environ.get("ADIEU_COMMIT"):
        return named
    asked = ["git", "describe", "--always", "--exclude=*", "--dirty=+"]
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True)
    return told.stdout.strip() or "unknown"


def unpacked(target):
    """The folder that a target's corpus grows in, with what is kept of it."""
    folder = FUZZ / "target" / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    kept = FUZZ / "seeds" / f"{target}.hex"
    for line in kept.read_text().split() if kept.exists() else ():
        data = bytes.fromhex(line)
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)
    return folder


def minimise(target):
    """Keeps the fewest inputs that reach what all reach: one a line, in hexadecimal, short ones first."""
    corpus = unpacked(target)
    work = corpus.with_name(f"{target}.minimised")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    for path in [*corpus.iterdir(), *(FUZZ / "seeds" / target).iterdir()]:
        if path.stat().st_size <= MAX_KEPT_LEN:
            shutil.copy(path, work)
    cargo = [*CARGO, "fuzz", "cmin", "-s", "none", "--target-dir", BUILT / "none", target, work]
    shrinking = subprocess.run(cargo, cwd=ROOT, capture_output=True, encoding="utf-8", errors="replace")
    if shrinking.returncode != 0:
        raise Failure(f"{target} was not minimised:\n{shrinking.stderr[-4000:]}")
    inputs = sorted((path.read_bytes() for path in work.iterdir()), key=lambda data: (len(data), data))
    lines = [data.hex() for data in inputs if data]
    kept = FUZZ / "seeds" / f"{target}.hex"
    kept.write_text("\n".join(lines) + "\n")
    shutil.rmtree(work)
    print(f"{target}: {len(lines)} inputs, {kept.stat().st_size} bytes in {kept.relative_to(ROOT)}", flush=True)


if __name__ == "__main__":
    main()
