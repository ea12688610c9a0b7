#!/usr/bin/env python3
"""Changes one operator, constant or statement of the core at a time, and tells which changes no test of the core notices.

    python3 tests/faults/mutate.py [--seed N] [--most N] [--out FILE] [PATH...]

PATH is a file or folder of `crates/core/src`; all of it where none is named. Without `--most` every change is tried, in an order
that the seed decides. Prints `caught`, `survived` or `no change to compile` for each; the copy and what is built lie in
`CARGO_TARGET_DIR/mutate` (or `target/mutate`). A change that survives is a rule without a test, or one that makes no difference:
that is for people to tell. Needs Python 3.11. Exit status 0: none survived.
"""

import argparse
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "mutate"
TREE = TARGET / "tree"
# Several times what the tests take.
TIMEOUT_S = 90
MEMORY = 4 << 30

CHANGES = [
    (r" == ", " != "), (r" != ", " == "), (r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "),
    (r" && ", " || "), (r" \|\| ", " && "), (r" \+ ", " - "), (r" - ", " + "), (r" \+= ", " -= "), (r" -= ", " += "),
    (r" \|= ", " &= "), (r"\btrue\b", "false"), (r"\bfalse\b", "true"), (r"(?<=[( ])!(?=[a-z(])", ""),
    (r"\.min\(", ".max("), (r"\.max\(", ".min("), (r"is_some\(\)", "is_none()"), (r"is_none\(\)", "is_some()"),
    (r"is_some_and\(", "is_none_or("), (r"is_none_or\(", "is_some_and("), (r"\.any\(", ".all("), (r"\.all\(", ".any("),
    (r"pop_front", "pop_back"), (r"push_back", "push_front"), (r"saturating_sub\(", "saturating_add("),
    (r"saturating_add\(", "saturating_sub("), (r"get_or_insert\(", "insert("),
    (r"(?<![\w.#])\d+(?![\w.]|\s*\])", lambda found: str(int(found[0]) + 1)),
    (r"\b0x[0-9A-F_]+\b", lambda found: hex(int(found[0].replace("_", ""), 16) ^ 1)),
    # A statement of one line.
    (r"^ +(?:self|out|clock|decoder|verdict|ending|undelivered|pings|server|frame|key)\b.*;$", ""),
    (r"^ +\*?[a-z_.]+ [-+|]?= .*;$", ""),
]


def changes(paths):
    """Every change: file, line from 0, what it becomes."""
    found = []
    for path in paths:
        lines = path.read_text().splitlines()
        for at, line in enumerate(lines):
            code = line.split("//")[0].rstrip()
            if re.match(r"\s*(use |pub use |#|mod |debug_assert|const fn|pub const fn|$)", code):
                continue
            for pattern, new in CHANGES:
                for match in re.finditer(pattern, code):
                    text = new(match) if callable(new) else new
                    found.append((path, at, code[:match.start()] + text + code[match.end():]))
    return found


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def tests(*arguments, build=False):
    """Runs the core's tests; `None`: it does not compile."""
    # What is built each time is built fast.
    env = {**os.environ, "CARGO_TARGET_DIR": str(TARGET / "target"), "CARGO_PROFILE_DEV_DEBUG": "0", "CARGO_PROFILE_DEV_OPT_LEVEL": "0"}
    cargo = ["cargo", "test", "-q", "--config", "profile.dev.package.adieu-core.opt-level=1", "-p", "adieu-core", "--test", "spec"]
    job = subprocess.Popen([*cargo, *(["--no-run"] if build else ["--", *arguments])], cwd=TREE, env=env, start_new_session=True,
                           preexec_fn=None if build else limited, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return job.wait(timeout=None if build else TIMEOUT_S) == 0
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, signal.SIGKILL)
        job.wait()
        return False


def passes():
    """Those that take long come last."""
    slow = ["split", "fuzzish"]
    return tests(*(word for name in slow for word in ("--skip", name))) and all(tests(name) for name in slow)


def result(path, at, line):
    """What the tests say to this change."""
    file = TREE / path.relative_to(ROOT)
    lines = path.read_text().splitlines()
    lines[at] = line
    file.write_text("\n".join(lines) + "\n")
    try:
        if not tests(build=True):
            return "no change to compile"
        return "survived" if passes() else "caught"
    finally:
        shutil.copyfile(path, file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int)
    parser.add_argument("--out", type=Path)
    parser.add_argument("paths", nargs="*", type=Path, default=[ROOT / "crates" / "core" / "src"])
    options = parser.parse_args()
    files = [file for path in options.paths for file in ([path] if path.is_file() else sorted(path.rglob("*.rs")))]
    found = changes([file.resolve() for file in files])
    random.Random(options.seed).shuffle(found)
    shutil.rmtree(TREE, ignore_errors=True)
    # What is copied is new, so that nothing that was built before is taken for it.
    shutil.copytree(ROOT, TREE, copy_function=shutil.copy, ignore=shutil.ignore_patterns("target", ".git", "node_modules", "__pycache__"))
    if not (tests(build=True) and passes()):
        sys.exit("the tests fail without a change")
    counts = {}
    for path, at, line in found[:options.most]:
        said = result(path, at, line)
        counts[said] = counts.get(said, 0) + 1
        old = path.read_text().splitlines()[at].strip()
        told = f"{said}: {path.relative_to(ROOT)}:{at + 1}\n    {old}\n    {line.strip()}\n"
        print(told, end="", flush=True)
        if options.out and said == "survived":
            with options.out.open("a") as out:
                out.write(told)
    print(f"{counts} of {len(found)} changes")
    return 1 if counts.get("survived") else 0


if __name__ == "__main__":
    sys.exit(main())
