// A page of `nmt export --web` in Firefox: the time to its first translation, and the texts and alignments of the folder
// on a static host, compared with those of the same folder in Node.
//
//     npm install puppeteer-core && nmt export MODEL --web --to FOLDER && nmt export MODEL --web --single --to FILE.html
//     node benchmarks/firefox.mjs $(which firefox) FOLDER FILE.html test.ko

import fs from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [program, folder, single, source] = process.argv.slice(2).map((name) => path.resolve(name));
const COUNT = 500;
const TYPES = { html: "text/html", mjs: "text/javascript", js: "text/javascript", json: "application/json" };
const texts = fs.readFileSync(source, "utf8").split("\n").filter((line) => line.trim()).slice(0, COUNT);

// Runs here and in the page.
const translated = async (address, lines) => {
  const { Translator } = await import(address);
  const translator = await Translator.load();
  const found = [];
  for (const line of lines) {
    const start = performance.now();
    const { parts } = await translator.translate(line);
    const took = performance.now() - start;
    found.push(...parts.map(({ translations: [one] }) => ({
      text: one?.text ?? "", took, alignment: one?.alignment?.map((row) => [...row]) ?? [],
    })));
  }
  translator.close();
  return found;
};

const server = createServer(({ url }, answer) => {
  const name = path.basename(url);
  if (name === "blank.html") return answer.writeHead(200, { "content-type": TYPES.html }).end("<!DOCTYPE html><title>blank</title>");
  if (!fs.existsSync(path.join(folder, name))) return answer.writeHead(404).end();
  answer.writeHead(200, { "content-type": TYPES[name.split(".").pop()] ?? "application/octet-stream" });
  return answer.end(fs.readFileSync(path.join(folder, name)));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
// The package is looked for where this is run.
const { default: puppeteer } = await import(pathToFileURL(createRequire(path.resolve("x.js")).resolve("puppeteer-core")));
const browser = await puppeteer.launch({ browser: "firefox", executablePath: program, headless: true });
console.log(await browser.version());

const page = await browser.newPage();
page.on("pageerror", (error) => console.log("an error of the page:", error.message));
const start = performance.now();
await page.goto(pathToFileURL(single).href);
await page.type("#text", texts[0]);
await page.waitForSelector("#alignment:not([hidden]), #unaligned:not([hidden])", { timeout: 60000 });
console.log(`opened to first translation: ${((performance.now() - start) / 1000).toFixed(2)} s`);
await page.close();

const asked = await browser.newPage();
await asked.goto(`http://127.0.0.1:${server.address().port}/blank.html`);
const found = await asked.evaluate(translated, "/translate.mjs", texts);
await browser.close();
server.close();

const expected = await translated(pathToFileURL(path.join(folder, "translate.mjs")).href, texts);
let [equal, worst] = [0, 0];
for (const [i, one] of found.entries()) {
  if (one.text !== expected[i].text) continue;
  equal += 1;
  one.alignment.forEach((row, j) => row.forEach((weight, k) => {
    worst = Math.max(worst, Math.abs(weight - expected[i].alignment[j][k]));
  }));
}
const times = found.map(({ took }) => took).sort((one, other) => one - other);
console.log(`equal to Node: ${equal} of ${expected.length}; alignments differ by ${worst.toExponential(1)} at most`);
console.log(`median ${times[times.length >> 1].toFixed(1)} ms`);
