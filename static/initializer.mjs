// Says how much of the app has come while its wasm is on the way, and keeps the app for visits without
// a network once it runs.

// The app itself comes first.
const KEEP_AFTER_MS = 3000;

// What becomes of it is in the report of the help.
const note = (words) => {
  document.documentElement.dataset.offline = words;
};

async function keep() {
  if (window.top !== window) return note("not in frames");
  if (!isSecureContext || !navigator.serviceWorker) return note("only at https addresses");
  try {
    const registration = await navigator.serviceWorker.register("/service-worker.js");
    note("being kept");
    const first = registration.active ? null : registration.installing;
    first?.addEventListener("statechange", () => {
      if (first.state === "redundant") note("not kept: not all of the app could be fetched");
    });
    await navigator.serviceWorker.ready;
    note(registration.active ? "kept" : "being kept");
  } catch (error) {
    note(`not kept: ${error.message}`);
  }
}

export default () => {
  const line = document.querySelector("#starting p");
  const began = performance.now();
  return {
    onProgress({ current, total }) {
      // Who waits for less than a second needs no numbers.
      if (!line.isConnected || performance.now() - began < 1000) return;
      line.textContent = `Segscape is loading: ${Math.floor((100 * current) / total)} % of ${(total / 1e6).toFixed(1)} MB`;
    },
    onSuccess() {
      setTimeout(keep, KEEP_AFTER_MS);
    },
    // index.html says what became of it.
    onFailure(reason) {
      throw reason;
    },
  };
};
