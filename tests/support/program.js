// Programs under test, for node: where they are, how they start, what they print, how they end.
"use strict";

const { spawn } = require("node:child_process");
const { existsSync } = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");

const ROOT = path.resolve(__dirname, "..", "..");
const BINARIES = process.env.ADIEU_BIN_DIR || path.resolve(ROOT, process.env.CARGO_TARGET_DIR || "target", "debug");
const SECONDS = 20;

/** A promise that is refused with what was waited for, when it takes too long. */
function within(promise, what, seconds = SECONDS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${seconds} s: ${what}`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Starts `adieu` with these arguments. */
function start(...args) {
  const binary = path.join(BINARIES, "adieu");
  if (!existsSync(binary)) {
    throw new Error(`${binary} is missing: run \`cargo build --workspace --bins\` first`);
  }
  const child = spawn(binary, args, { stdio: ["pipe", "pipe", "pipe"] });
  const program = { child, out: [], err: [], watchers: new Set() };
  for (const [stream, lines] of [[child.stdout, program.out], [child.stderr, program.err]]) {
    readline.createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      program.watchers.forEach((watch) => watch());
    });
  }
  const ended = new Promise((resolve) => child.once("close", resolve));
  program.output = () => `-- stdout\n${program.out.join("\n")}\n-- stderr\n${program.err.join("\n")}`;
  program.say = (line) => child.stdin.write(`${line}\n`);
  program.status = () => within(ended, `${args.join(" ")} ends\n${program.output()}`);
  program.running = () => child.exitCode === null && child.signalCode === null;
  program.stop = () => {
    child.kill("SIGKILL");
    return ended;
  };
  /** The first line on standard output that `accept` is true for. */
  program.line = (accept, what) => {
    const found = new Promise((resolve) => {
      const watch = () => {
        const line = program.out.find(accept);
        if (line !== undefined) {
          program.watchers.delete(watch);
          resolve(line);
        }
      };
      program.watchers.add(watch);
      watch();
    });
    return within(found, `a line: ${what}`);
  };
  return program;
}

/** Starts `adieu serve` on a port of the system's choice. */
async function serve(...options) {
  const program = start("serve", "127.0.0.1:0", ...options);
  try {
    const line = await program.line(() => true, "serving http://…");
    program.http = /^serving (http:\/\/127\.0\.0\.1:\d+\/)$/.exec(line)[1];
  } catch (error) {
    await program.stop();
    throw new Error(`${error.message}\n${program.output()}`);
  }
  program.ws = program.http.replace(/^http/, "ws").replace(/\/$/, "");
  return program;
}

module.exports = { SECONDS, serve, start, within };
