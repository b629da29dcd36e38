// The translator for other pages, and for Node:
//
//   import { Translator } from "./my-model-web/translate.mjs";
//   const translator = await Translator.load();
//   const { text, parts } = await translator.translate("나는 밥을 먹었다");
//   console.log(text, parts[0].translations[0].wordWeights);
//   translator.close();
//
// The model runs in a thread of its own, so a page stays quick. `translate.d.mts` has the types.

import { Client, address, fetchFile, isNode } from "./client.mjs";

// The checksum of this file, written into it by the export, and into `model.json`.
const SCRIPT = "";
const HERE = new URL(".", import.meta.url);

class Translator extends Client {
  /** Opens the folder that this file is in, or another one. Throws an Error with a sentence for people. */
  static async load(folder = HERE) {
    const newer = isNode ? null : await newerScript(folder);
    return newer ? (await import(newer)).Translator.load(folder) : super.load(folder);
  }
}

/** The address of this file as it is now, if a browser kept it from before its folder was exported anew; else null. */
async function newerScript(folder) {
  if ((await address(folder)).href !== HERE.href) return null;
  const { script } = JSON.parse(new TextDecoder().decode(await fetchFile(HERE, "model.json")));
  const now = new URL(`translate.mjs?${script}`, HERE).href;
  // Where a host has files of two exports, that address has the wrong file, too, and is not asked for again.
  return script && script !== SCRIPT && import.meta.url !== now ? now : null;
}

export { Translator };
