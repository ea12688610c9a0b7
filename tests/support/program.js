// Programs under test, for node: where they are, how they start, what they print, how they end.
"use strict";

const { execFileSync, spawn } = require("node:child_process");
const { existsSync, mkdtempSync, readFileSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
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
    program.http = /^serving (https?:\/\/127\.0\.0\.1:\d+\/)$/.exec(line)[1];
  } catch (error) {
    await program.stop();
    throw new Error(`${error.message}\n${program.output()}`);
  }
  program.ws = program.http.replace(/^http/, "ws").replace(/\/$/, "");
  return program;
}

/** A certificate made for the run, for localhost and 127.0.0.1, by openssl. Nobody trusts it but who is told to. */
function certificate() {
  const folder = mkdtempSync(path.join(tmpdir(), "adieu-"));
  const [file, keyFile] = ["certificate.pem", "key.pem"].map((name) => path.join(folder, name));
  execFileSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
    ...["-subj", `/CN=${path.basename(folder)}`, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ...["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", keyFile, "-out", file],
  ], { stdio: "ignore", timeout: SECONDS * 1000 });
  const remove = () => rmSync(folder, { recursive: true });
  return { file, keyFile, cert: readFileSync(file), key: readFileSync(keyFile), remove };
}

module.exports = { SECONDS, certificate, serve, start, within };
