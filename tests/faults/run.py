#!/usr/bin/env python3
"""Puts deliberate faults into a copy of the tree, one at a time, and tells which check catches each.

    python3 tests/faults/run.py [--list step|protocol|FILE] [--checks model,closure,reference,scenarios] [--out FOLDER] [--skip-sound]
                                [NAME...]
    python3 tests/faults/run.py --stale

The copy and the outputs are made in `CARGO_TARGET_DIR/faults` (or `target/faults`). A fault whose text is not found once, or that
does not compile, is an error: the list is stale. So is a check that fails without any fault. `--stale` only looks for texts that are not
found once, in both lists. Needs Python 3.11.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
TREE = ["Cargo.toml", "Cargo.lock", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE-APACHE",
        "LICENSE-MIT", "rustfmt.toml", ".ci", "crates", "docs", "fuzz", "tests"]
# A fault may make a search endless.
TIMEOUT_S = 600

CHECKS = {
    # The fault names the configuration that is searched.
    "model": ["cargo", "run", "-q", "-p", "adieu-model", "--bin", "model-check", "--", "--quick"],
    "closure": ["cargo", "test", "-q", "-p", "adieu-core", "--test", "spec", "closure::"],
    "reference": ["cargo", "test", "-q", "-p", "adieu-tests", "--test", "reference"],
    "scenarios": ["cargo", "test", "-q", "-p", "adieu-tests", "--test", "scenarios"],
}


LISTS = ("step", "protocol")


def faults(which):
    path = HERE / f"{which}.toml" if which in LISTS else Path(which)
    return tomllib.loads(path.read_text())["fault"]


def faulty(fault):
    """The file's text with the fault in it."""
    text = (ROOT / fault["file"]).read_text()
    for old, new in [[fault["old"], fault["new"]], *fault.get("more", [])]:
        if text.count(old) != 1:
            sys.exit(f"{fault['name']}: {old!r} is there {text.count(old)} times, not once: the list is stale")
        text = text.replace(old, new)
    return text


def copy_tree(tree):
    """A fresh copy; what did not change keeps its time, so that it is not built again."""
    wanted = set()
    for name in TREE:
        top = ROOT / name
        found = [top] if top.is_file() else [path for path in top.rglob("*") if path.is_file()]
        wanted.update(path.relative_to(ROOT) for path in found
                      if not {"target", "node_modules", "__pycache__"} & set(path.relative_to(ROOT).parts))
    for path in tree.rglob("*") if tree.exists() else []:
        if path.is_file() and path.relative_to(tree) not in wanted:
            path.unlink()
    for name in wanted:
        to = tree / name
        if not to.exists() or to.read_bytes() != (ROOT / name).read_bytes():
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, to)


def findings(check, code, text):
    """What a check names as wrong."""
    if code == 0:
        return []
    if check == "model":
        found = re.findall(r"^(?:FAILED|NEVER SEEN): .*$", text, re.M)
        return sorted(set(found)) or [text.strip().splitlines()[-1] if text.strip() else "panic"]
    found = re.findall(r"^test (\S+) \.\.\. FAILED$|^    ([a-z0-9_:]+)$|^thread '([^']+)'.* panicked", text, re.M)
    return sorted({name for names in found for name in names if name}) or ["does not end well"]


def run(check, fault, tree, out):
    """`None`: there is no such check yet. Else what it names; nothing means that it passed."""
    # What is built elsewhere from the same packages must not be mixed up with what is faulty.
    env = {**os.environ, "CARGO_TARGET_DIR": str(TARGET / "faults" / "target"), "CARGO_PROFILE_DEV_DEBUG": "0"}
    setup = [fault["setup"]] if check == "model" and fault else []
    with out.open("w+") as file:
        job = subprocess.Popen(CHECKS[check] + setup, cwd=tree, env=env, stdout=file, stderr=subprocess.STDOUT,
                               start_new_session=True)
        try:
            code = job.wait(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(job.pid, signal.SIGKILL)
            return [f"no end within {TIMEOUT_S} s"]
    text = out.read_text()
    if re.search(r"^error: no test target named|^error: package ID specification", text, re.M):
        return None
    if "could not compile" in text:
        sys.exit(f"does not compile, see {out}")
    return findings(check, code, text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", default="step")
    parser.add_argument("--checks", default=",".join(CHECKS))
    parser.add_argument("--out", default=str(TARGET / "faults" / "out"))
    parser.add_argument("--skip-sound", action="store_true", help="do not run the checks without a fault first")
    parser.add_argument("--stale", action="store_true", help="only look whether both lists fit the sources")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    if args.stale:
        print(f"{sum(1 for which in LISTS for fault in faults(which) if faulty(fault))} faults fit the sources")
        return 0
    checks = args.checks.split(",")
    chosen = [fault for fault in faults(args.list) if not args.names or fault["name"] in args.names]
    texts = {fault["name"]: faulty(fault) for fault in chosen}
    tree, out = TARGET / "faults" / "tree", Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    copy_tree(tree)
    for check in checks:
        broken = [] if args.skip_sound else run(check, None, tree, out / f"none.{check}.txt")
        if broken:
            sys.exit(f"{check} fails without a fault: {broken}")
    print(f"| fault | {' | '.join(checks)} |\n| --- |{' --- |' * len(checks)}", flush=True)
    details, caught_all = [], True
    for fault in chosen:
        file = tree / fault["file"]
        file.write_text(texts[fault["name"]])
        cells = []
        for check in checks:
            found = run(check, fault, tree, out / f"{fault['name']}.{check}.txt")
            cells.append("-" if found is None else "caught" if found else "not caught")
            caught_all &= found != []
            details += [f"{fault['name']}, {check}: {line}" for line in found or []]
        shutil.copyfile(ROOT / fault["file"], file)
        print(f"| {fault['name']} | {' | '.join(cells)} |", flush=True)
    print("\n" + "\n".join(details))
    return 0 if caught_all else 1


if __name__ == "__main__":
    sys.exit(main())
