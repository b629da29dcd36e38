// A browser starts no worker from a file on the disk. There a hidden frame runs the search instead, so that the pages can
// be searched without a server. Pages from a server are not affected.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      this.waiting = []
      frame.addEventListener("load", () => {
        const inside = frame.contentWindow
        // The answers of the search go back to the page, and its scripts are loaded one after another.
        inside.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
        inside.importScripts = (...scripts) => scripts.reduce((before, src) => before.then(() => load(inside, src)), Promise.resolve())
        load(inside, address).then(() => {
          this.inside = inside
          this.waiting.splice(0).forEach(data => this.postMessage(data))
        })
      }, { once: true })
      frame.srcdoc = "<!doctype html><title>Search</title>"
      document.documentElement.appendChild(frame)
    }

    postMessage(data) {
      if (this.inside) this.inside.dispatchEvent(new MessageEvent("message", { data }))
      else this.waiting.push(data)
    }

    terminate() {}
  }

  const load = (inside, address) =>
    new Promise((done, failed) => {
      const script = inside.document.createElement("script")
      script.src = address
      script.onload = done
      script.onerror = failed
      inside.document.body.appendChild(script)
    })
}
