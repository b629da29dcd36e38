// The runtime, LiteRT.js: its parts that are needed here, started from bytes instead of an address. `LiteRt` and
// `ModuleFactory` are put before this file by the export. This leans on its internals, so its version is pinned.

/* global LiteRt, ModuleFactory */

/** Starts the runtime: `{ load, Tensor, complaints }`. `wasm` are the bytes of its WebAssembly. */
async function startRuntime(wasm) {
  const complaints = [];
  self.importScripts = () => {};
  self.ModuleFactory = ModuleFactory;
  self.Module = { wasmBinary: wasm, print: () => {}, printErr: (line) => complaints.push(String(line)) };
  await LiteRt.loadLiteRt(".js");
  const load = (model) => LiteRt.loadAndCompile(model, { accelerator: "wasm" });
  return { load, Tensor: LiteRt.Tensor, complaints };
}

export { startRuntime };
