#!/usr/bin/env python3
"""Tells how much of `crates/core` the tests run: lines, regions and branches, and what is left.

    python3 tests/coverage/run.py [--core] [--write]

It runs the tests that exercise the core, or those of `adieu-core` alone, with counters in the crates of the workspace; what it makes lies
in `CARGO_TARGET_DIR/coverage` (or `target/coverage`). What is not run has to be in `left.toml`, with its reason. `--write` writes the
figures and the list into `docs/coverage.md`. Exit status 0: the bars are reached, and nothing is left without a reason or listed for nothing.

Needs a nightly toolchain (ADIEU_NIGHTLY names another than `nightly`) and LLVM's tools of its version: `apt-get install llvm-22`, or
LLVM_BIN names their folder. Branches leave out the arms of `match` and `?`; regions have them.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SOURCES = ROOT / "crates" / "core" / "src"
PAGE = ROOT / "docs" / "coverage.md"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "coverage"
NIGHTLY = f"+{os.environ.get('ADIEU_NIGHTLY', 'nightly')}"
LLVM = Path(os.environ.get("LLVM_BIN", "/usr/lib/llvm-22/bin"))
CORE = ["-p", "adieu-core", "--features", "adieu-core/deflate", "--test", "spec"]
# Without those of the drivers and of the program, which exercise what is their own.
ALL = [*CORE, "-p", "adieu-sim", "-p", "adieu-tests", *(word for test in ("seeds", "strategies", "scenarios", "reference", "fuzz") for word in ("--test", test))]
# Percent.
BARS = {"lines": 98, "regions": 98, "branches": 95}
MARKS = ("<!-- coverage: begin -->\n", "<!-- coverage: end -->")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument("--core", action="store_true", help="the tests of adieu-core alone")
    options = parser.parse_args()
    measured = exported(tested(CORE if options.core else ALL))
    missed = [missed_in(file) for file in measured["files"]]
    faults, listed = judged([place for places in missed for place in places], measured["totals"])
    told = "\n".join([*table(measured), "", *listed])
    print(told)
    if options.write:
        before, rest = PAGE.read_text().split(MARKS[0])
        PAGE.write_text(before + MARKS[0] + told + "\n" + MARKS[1] + rest.split(MARKS[1])[1])
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def tested(chosen):
    """The programs that were run, each of which has counted."""
    shutil.rmtree(TARGET / "raw", ignore_errors=True)
    env = {**os.environ, "CARGO_TARGET_DIR": str(TARGET), "RUSTC_WORKSPACE_WRAPPER": str(HERE / "rustc"),
           "LLVM_PROFILE_FILE": str(TARGET / "raw" / "%4m.profraw")}
    cargo = ["cargo", NIGHTLY, "test", *chosen]
    building = [*cargo, "--no-run", "--message-format=json-render-diagnostics"]
    built = subprocess.run(building, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
    artifacts = [json.loads(line) for line in built.splitlines()]
    subprocess.run([*cargo, "--quiet"], cwd=ROOT, env=env, check=True, stdout=sys.stderr)
    return [artifact["executable"] for artifact in artifacts if artifact.get("executable")]


def exported(programs):
    """What LLVM counted in the sources of the core."""
    profile = TARGET / "all.profdata"
    raw = sorted((TARGET / "raw").glob("*.profraw"))
    subprocess.run([LLVM / "llvm-profdata", "merge", "-sparse", *raw, "-o", profile], check=True)
    objects = [word for program in programs for word in ("-object", program)]
    asked = [LLVM / "llvm-cov", "export", "-instr-profile", profile, *objects, "-sources", SOURCES]
    return json.loads(subprocess.run(asked, check=True, stdout=subprocess.PIPE).stdout)["data"][0]


def missed_in(file):
    """Where nothing was counted, as (file, line, what): regions that were not entered, conditions that had one outcome only."""
    path = Path(file["filename"])
    lines = path.read_text().splitlines()
    name = str(path.relative_to(SOURCES))
    places = [(name, line, "not run") for line, _, count, counted, entry, gap in file["segments"]
              if counted and entry and not gap and count == 0]
    outcomes = defaultdict(lambda: [0, 0])
    for line, column, end_line, end_column, true, false, *_ in file["branches"]:
        outcomes[line, column, end_line, end_column][0] += true
        outcomes[line, column, end_line, end_column][1] += false
    for (line, *_), (true, false) in outcomes.items():
        if not (true and false):
            places.append((name, line, "always" if true else "never" if false else "not asked"))
    # The end of an `if` without an `else`, which is a condition of its own.
    places = {(name, lines[line - 1].strip(), what) for name, line, what in places} - {(name, "}", "not run")}
    return sorted(places)


def judged(places, totals):
    """What is wrong, and the rows of what is left."""
    faults = [f"{what}: {totals[what]['percent']:.2f} %, less than {bar} %"
              for what, bar in BARS.items() if totals[what]["percent"] < bar]
    reasons = {(entry["file"], entry["code"]): entry["why"] for entry in tomllib.loads((HERE / "left.toml").read_text())["left"]}
    kinds = defaultdict(list)
    for name, code, what in places:
        kinds[name, code].append(what)
    faults += [f"left without a reason: {name}: {code} ({', '.join(what)})"
               for (name, code), what in kinds.items() if (name, code) not in reasons]
    faults += [f"listed, but nothing is left: {name}: {code}" for name, code in reasons if (name, code) not in kinds]
    rows = [f"| `{name}` | `` {code.replace('|', chr(92) + '|')} `` | {', '.join(what)} | {reasons.get((name, code), '**none**')} |"
            for (name, code), what in kinds.items()]
    return faults, ["| file | code | what | why |", "| --- | --- | --- | --- |", *rows]


def table(measured):
    """The figures: counted, run, percent."""
    rows = [(Path(file["filename"]).relative_to(SOURCES), file["summary"]) for file in measured["files"]]
    rows.append(("**all**", measured["totals"]))
    cells = lambda of: " | ".join(f"{of[what]['covered']} of {of[what]['count']}" for what in BARS)  # noqa: E731
    share = measured["totals"]
    last = " | ".join(f"{share[what]['percent']:.2f} %" for what in BARS)
    return ["| file | lines | regions | branches |", "| --- | --- | --- | --- |",
            *[f"| {name} | {cells(of)} |" for name, of in rows], f"| **share** | {last} |"]


if __name__ == "__main__":
    sys.exit(main())
