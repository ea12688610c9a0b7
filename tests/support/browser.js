// Headless Chromium, driven by playwright-core.
"use strict";

const assert = require("node:assert/strict");
const { accessSync, constants } = require("node:fs");
const path = require("node:path");
const { chromium } = require("playwright-core");
const { SECONDS } = require("./program.js");

// Without them the browser looks for hosts of its maker's at every start.
const QUIET = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The browser that CHROMIUM names, or the first that is installed. */
function installed() {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const folders = (process.env.PATH || "").split(path.delimiter);
  const candidates = process.env.CHROMIUM
    ? [process.env.CHROMIUM]
    : names.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  const found = candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  assert.ok(found, "no Chromium: install it, or name it in the variable CHROMIUM");
  return found;
}

/** Starts it, with further arguments. */
function launch(...args) {
  return chromium.launch({ executablePath: installed(), args: [...QUIET, ...args], timeout: SECONDS * 1000 });
}

/** A browser that talks to servers' echo, one connection at a time. */
async function browse() {
  const browser = await launch();
  const talk = async (server, messages) => {
    const page = await browser.newPage();
    page.setDefaultTimeout(SECONDS * 1000);
    try {
      await page.goto(server.http);
      return await page.evaluate(exchange, { url: `${server.ws}/echo`, messages });
    } finally {
      await page.close();
    }
  };
  return { talk, close: () => browser.close() };
}

/** In the page: sends all messages, and tells what came back, how it ended, and what was agreed on. */
function exchange({ url, messages }) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    const received = [];
    socket.onopen = () => messages.forEach((message) => socket.send(message));
    socket.onerror = () => reject(new Error(`an error after ${received.length} messages`));
    socket.onmessage = (event) => {
      if (received.push(event.data) === messages.length) socket.close(1000);
    };
    socket.onclose = ({ code, wasClean }) =>
      resolve({ received, extensions: socket.extensions, end: { code, clean: wasClean } });
  });
}

module.exports = { browse, launch };
