"""The thread of a page's translator, as a page starts it."""

import json

from node import needs_node, run_node

from nmt import browser

CLIENT = browser.path("client.mjs")


@needs_node
def test_a_page_asks_whether_the_files_that_a_browser_kept_are_still_right() -> None:
    fetched = run_node(f"""
        globalThis.process = undefined;
        globalThis.document = {{ baseURI: "http://here/page/" }};
        const asked = [];
        globalThis.fetch = async (address, options) => {{
          asked.push([String(address), options?.cache]);
          const named = String(address).endsWith("model.json");
          const content = new TextEncoder().encode('{{"files": {{"a.bin": {{}}}}}}').buffer;
          return {{ ok: named, arrayBuffer: async () => content }};
        }};
        const {{ Client }} = await import({json.dumps(CLIENT.as_uri())});
        await Client.load("model").catch((error) => asked.push(error.message));
        console.log(JSON.stringify(asked));
    """)
    *files, failed = json.loads(fetched)
    names = ("model.json", "litert.wasm", "worker.js", "a.bin")
    assert files == [[f"http://here/page/model/{name}", "no-cache"] for name in names]
    assert failed.endswith("is missing")
