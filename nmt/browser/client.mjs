// The side of a page, or of a program in Node: it starts the thread of the translator and asks it.

import { joinedParts } from "./joining.mjs";

const isNode = typeof process !== "undefined" && Boolean(process.versions?.node);

/** A translator in a thread of its own. */
class Client {
  #worker;
  #calls = new Map();
  #last = 0;
  #ended = null; // why, if it has

  /** Opens a folder, at an address or below that of the page. Throws an Error with a sentence for people. */
  static async load(folder) {
    const base = await address(folder);
    const read = isNode ? readFile : fetchFile;
    const contents = JSON.parse(new TextDecoder().decode(await read(base, "model.json")));
    const names = Object.keys(contents.files);
    const [wasm, code, ...bytes] = await Promise.all(["litert.wasm", "worker.js", ...names].map((name) => read(base, name)));
    const files = Object.fromEntries(names.map((name, i) => [name, bytes[i]]));
    return this.start({ contents, files, wasm, code });
  }

  /** Opens a translator from the bytes of its files. */
  static async start({ contents, files, wasm, code }) {
    if (typeof WebAssembly !== "object") throw new Error("this browser has no WebAssembly, which the translator needs");
    const translator = new this(contents, isNode ? await nodeWorker(code) : browserWorker(code));
    try {
      await translator.#call({ start: { contents, files, wasm } }, {});
    } catch (error) {
      translator.close();
      throw error;
    }
    return translator;
  }

  constructor(contents, worker) {
    this.contents = contents;
    this.#worker = worker;
    worker.onmessage = ({ data }) => this.#hear(data);
    worker.onerror = (event) => {
      event.preventDefault?.();
      this.#end(`the translator stopped: ${event.message ?? event}`);
    };
  }

  /**
   * Translates one line. Options: `signal` to stop it, `bySentence` to translate each sentence by itself, `glossary`, terms
   * and their wanted translations with a tab or ` = ` between the two, and `onPart`, called with a part, how many are done,
   * and how many there are.
   */
  async translate(text, { signal, bySentence = false, glossary = "", onPart } = {}) {
    if (typeof text !== "string" || typeof glossary !== "string") throw new TypeError("Give a string.");
    const parts = [];
    await this.#call({ text, bySentence, glossary }, { signal, onPart: (part, done, of) => {
      parts.push(part);
      onPart?.(part, done, of);
    } });
    return { text: joinedParts(parts), parts };
  }

  /**
   * Translates one text with markup: `{ source, text, broken, missing, sentences }`. Options: `form` is "html", "xml" or
   * "text", which has placeholders only; the others are those of `translate`.
   */
  async translateMarked(text, { form = "html", signal, bySentence = false, glossary = "" } = {}) {
    if (typeof text !== "string" || typeof glossary !== "string") throw new TypeError("Give a string.");
    let found = null;
    await this.#call({ text, bySentence, glossary, form: String(form) || "none" }, { signal, onPart: (part) => { found = part; } });
    return found;
  }

  /** Ends the thread. */
  close() {
    this.#end("the translator was closed");
  }

  #call(message, { signal, onPart }) {
    signal?.throwIfAborted();
    if (this.#ended) throw new Error(this.#ended);
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.#worker.postMessage({ id, cancel: true });
        this.#calls.delete(id);
        reject(signal.reason);
      };
      signal?.addEventListener("abort", stop, { once: true });
      const over = (end) => (value) => {
        signal?.removeEventListener("abort", stop);
        this.#calls.delete(id);
        end(value);
      };
      this.#calls.set(id, { onPart, resolve: over(resolve), reject: over(reject) });
      this.#worker.postMessage({ id, ...message });
    });
  }

  #hear({ id, part, done, of, failed, ended }) {
    const call = this.#calls.get(id);
    if (!call) return;
    if (failed) call.reject(new Error(failed));
    else if (ended) call.resolve();
    else call.onPart(part, done, of);
  }

  #end(reason) {
    this.#ended ??= reason;
    this.#worker.terminate();
    for (const call of [...this.#calls.values()]) call.reject(new Error(reason));
  }
}

/** The address of a folder, with a slash at its end. In Node it is that of a path, unless it is one already. */
async function address(folder) {
  const text = String(folder).replace(/\/?$/, "/");
  if (!isNode) return new URL(text, document.baseURI);
  if (text.startsWith("file:")) return new URL(text);
  const { pathToFileURL } = await import("node:url");
  return pathToFileURL(text);
}

async function fetchFile(base, name) {
  // A page that was exported anew has the same names: the browser asks whether what it kept is still right.
  const answer = await fetch(new URL(name, base), { cache: "no-cache" });
  if (!answer.ok) throw new Error(`${name} is missing`);
  return new Uint8Array(await answer.arrayBuffer());
}

async function readFile(base, name) {
  const { readFile: read } = await import("node:fs/promises");
  try {
    return new Uint8Array(await read(new URL(name, base)));
  } catch {
    throw new Error(`${name} is missing`);
  }
}

// A classic worker: the runtime knows no other.
function browserWorker(code) {
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const worker = new Worker(address);
  URL.revokeObjectURL(address);
  return worker;
}

async function nodeWorker(code) {
  const { Worker: Thread } = await import("node:worker_threads");
  const around = `
    const { parentPort } = require("node:worker_threads");
    globalThis.self = globalThis;
    self.postMessage = (message) => parentPort.postMessage(message);
    parentPort.on("message", (data) => self.onmessage({ data }));
  `;
  const thread = new Thread(around + new TextDecoder().decode(code), { eval: true });
  const worker = { postMessage: (message) => thread.postMessage(message), terminate: () => thread.terminate() };
  thread.on("message", (data) => worker.onmessage({ data }));
  thread.on("error", (error) => worker.onerror(error));
  thread.on("exit", () => worker.onerror("its thread has ended"));
  return worker;
}

export { Client, address, fetchFile, isNode };
