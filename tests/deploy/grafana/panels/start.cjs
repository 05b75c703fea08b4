// Starts read.cjs where there is no browser: what Grafana's package asks of one, and modules that it requires.
"use strict";

const { pathToFileURL } = require("node:url");

console.log = console.info = console.error; // standard output is ours: a package advertises there
require("react-use"); // before there is a window: it would look for a document
globalThis.window = { addEventListener() {} };
globalThis.navigator ??= { languages: ["nl-BE"] };

/** Before Node 20.19 nobody can require these, only import them. */
const MODULES = ["d3-interpolate", "marked"];

async function imported(name) {
  const file = require.resolve(name);
  require.cache[file] = { id: file, filename: file, loaded: true, exports: await import(pathToFileURL(file)) };
}

Promise.all(MODULES.map(imported)).then(() => require("./read.cjs"));
