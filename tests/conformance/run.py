#!/usr/bin/env python3
"""Runs the Autobahn cases of kosoku against one role of Adieu and judges its report.

`run.py server` drives `adieu serve` at /echo; `run.py client` serves to `autobahn-client`; with `--mio` both run over
mio. Without `--deflate` it is sections 1 to 10, with it the compression of sections 12 and 13: case 6.4 has windows of
a second, in which nothing else should run. Runs in an environment that has the packages of tests/requirements.txt.

Exit status 0: every case has the result that it should have, and docs/conformance.md says so; `--update` writes there.
"""

import argparse
import collections
import fnmatch
import importlib.metadata
import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from program import ROOT, TARGET, Failure, Program, Serve, binary  # noqa: E402

KOSOKU = "0.1.0"
AGENT = "adieu"
# How many cases each section of this version has; so a run of none, or of fewer, does not pass.
SECTIONS = {1: 16, 2: 11, 3: 7, 4: 10, 5: 20, 6: 145, 7: 37, 9: 54, 10: 1}
DEFLATE_SECTIONS = {12: 90, 13: 126}
PAGE = ROOT / "docs" / "conformance.md"
# Cases that have no other result, whatever an endpoint does.
INFORMATIONAL = ("7.1.6", "7.13.1", "7.13.2")
RUN_SECONDS = 1800


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("role", choices=("server", "client"))
    parser.add_argument("--mio", action="store_true", help="over mio instead of tokio")
    parser.add_argument("--deflate", action="store_true", help="sections 12 and 13 instead of 1 to 10")
    parser.add_argument("--update", action="store_true", help="write the results into docs/conformance.md")
    parser.add_argument("--cases", action="append", metavar="GLOB", help="only these, such as 7.*; may be repeated")
    options = parser.parse_args()
    try:
        passed = run(options)
    except Failure as failure:
        print(f"conformance, {options.role}: {failure}", file=sys.stderr)
        passed = False
    sys.exit(0 if passed else 1)


def run(options):
    role, cases, driver = options.role, options.cases, "mio" if options.mio else "tokio"
    sections = DEFLATE_SECTIONS if options.deflate else SECTIONS
    version = importlib.metadata.version("kosoku")
    if version != KOSOKU:
        raise Failure(f"kosoku {version} is installed; the number of cases is that of {KOSOKU}")
    folder = TARGET / "ci" / "reports" / "-".join([role, driver] + ["deflate"] * options.deflate)
    index = folder / "index.json"
    index.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    include = cases or [f"{section}.*" for section in sections]
    started = time.monotonic()
    said = (drive_server if role == "server" else drive_client)(include, folder, options.mio)
    if not index.is_file():
        raise Failure(f"kosoku has written no report to {folder}; it said:\n{said}")
    results = read(index, role)
    passed = judge(results, expected_counts(results, cases, sections))
    if cases is None:
        passed = compare_with_page(f"{role}, {driver}", results, options.update) and passed
    print(f"{role}: {len(results)} cases in {time.monotonic() - started:.1f} s, reports in {folder}")
    return passed


def kosoku(mode, address, include, folder):
    script = pathlib.Path(sys.executable).parent / "kosoku"
    selection = [part for glob in include for part in ("--include", glob)]
    return [str(script), "-m", mode, *selection, "--outdir", str(folder), address]


def drive_server(include, folder, mio):
    """The role of the server. kosoku's own status is not asked: it is 0 for NON-STRICT too."""
    # An echo that is not compressed is taken for a fault, however short it is.
    with Serve("--deflate=0", *["--mio"] * mio) as server:
        command = kosoku("fuzzingclient", f"{server.address}/echo", include, folder)
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise Failure(f"kosoku has not ended within {RUN_SECONDS} s") from None
        server.check()
    return done.stdout + done.stderr


def drive_client(include, folder, mio):
    """The role of the client."""
    with Program(*kosoku("fuzzingserver", "127.0.0.1:0", include, folder)) as suite:
        line = suite.err.find(lambda line: "listening on" in line)
        url = line.split()[-1]
        with Program(binary("autobahn-client-mio" if mio else "autobahn-client"), url, AGENT) as client:
            status = client.exit_status(RUN_SECONDS)
            if status != 0:
                raise Failure(f"{client} has ended with {status}\n{client.output()}")
        suite.exit_status()
    return suite.output()


def read(index, role):
    """The cases of the one agent in the report."""
    agents = json.loads(index.read_text(encoding="utf-8"))
    if len(agents) != 1 or (role == "client" and AGENT not in agents):
        raise Failure(f"the report is about {sorted(agents)}, and not about one agent")
    return next(iter(agents.values()))


def expected_counts(results, cases, sections):
    """How many cases each section must have: all, or for a selection at least those that the report has."""
    if cases is None:
        return sections
    for glob in cases:
        if not fnmatch.filter(results, glob):
            raise Failure(f"no case is {glob}")
    return collections.Counter(section_of(case) for case in results)


def section_of(case):
    return int(case.split(".")[0])


def fault(case, result):
    """What is wrong with a result, or None."""
    allowed = ("INFORMATIONAL",) if case in INFORMATIONAL else ("OK",)
    behavior, closing = result["behavior"], result["behaviorClose"]
    if behavior in allowed and closing in allowed:
        return None
    return f"{case}: behavior {behavior}, closing {closing}"


def judge(results, counts):
    """Prints a line for each section and for each fault."""
    faults = [text for case, result in results.items() if (text := fault(case, result))]
    for section in sorted(set(counts) | {section_of(case) for case in results}):
        here = {case: result for case, result in results.items() if section_of(case) == section}
        tally = collections.Counter(result["behavior"] for result in here.values())
        summary = ", ".join(f"{count} {behavior}" for behavior, count in sorted(tally.items()))
        print(f"  section {section:>2}: {len(here):>3} cases: {summary or 'none'}")
        if len(here) != counts.get(section, 0):
            faults.append(f"section {section}: {len(here)} cases instead of {counts.get(section, 0)}")
    for text in faults:
        print(f"  FAULT {text}", file=sys.stderr)
    return not faults


def compare_with_page(column, results, update):
    """Holds what docs/conformance.md says in this column against the results, or writes them there."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    header = next(line for line in lines if line.startswith("| section |"))
    at = [cell.strip() for cell in header.split("|")].index(column)
    same = True
    for section in sorted({section_of(case) for case in results}):
        tally = collections.Counter(result["behavior"] for case, result in results.items() if section_of(case) == section)
        found = ", ".join(f"{count} {behavior}" for behavior, count in sorted(tally.items(), reverse=True))
        row = next(row for row, line in enumerate(lines) if line.startswith(f"| {section} |"))
        cells = lines[row].split("|")
        if cells[at].strip() != found and not update:
            print(f"  FAULT section {section}: {PAGE.name} says {cells[at].strip()!r} of {column}, and it is {found!r}", file=sys.stderr)
            same = False
        cells[at] = f" {found} "
        lines[row] = "|".join(cells)
    if update:
        PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return same


if __name__ == "__main__":
    main()
