// The translator for other pages, and for Node:
//
//   import { Translator } from "./my-model-web/translate.mjs";
//   const translator = await Translator.load();
//   const { text, parts } = await translator.translate("나는 밥을 먹었다");
//   console.log(text, parts[0].translations[0].wordWeights);
//   translator.close();
//
// The model runs in a thread of its own, so a page stays quick. `translate.d.mts` has the types.

import { Client } from "./client.mjs";

class Translator extends Client {
  /** Opens the folder that this file is in, or another one. Throws an Error with a sentence for people. */
  static load(folder = new URL(".", import.meta.url)) {
    return super.load(folder);
  }
}

export { Translator };
