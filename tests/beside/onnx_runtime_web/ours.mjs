// Segscape's worker as it ships, listened to. Messages: {call: "load", ...}, {call: "scan"} and {call: "prompt", ...}, see `measure.py`.
import init from "/app/worker.js";

const answer = self.postMessage.bind(self);
// what the page says with a scan and with a prompt
const OPENED = { choices: {}, with_images: false, follow: false, view_only: false };
const ASKED = { asking: "User", threshold: 0, edits: { hidden: [], names: new Map(), locked: [], reshaping: new Map() } };
let hear = () => {};
let submitted = () => {};
let paused = 0;

self.postMessage = (reply) => hear(reply);

// what the worker gives up to the event loop between layers
const { addEventListener, postMessage } = MessagePort.prototype;
let asked;
MessagePort.prototype.postMessage = function (...message) {
  asked = performance.now();
  postMessage.apply(this, message);
};
MessagePort.prototype.addEventListener = function (event, then, options) {
  const after = (message) => {
    paused += performance.now() - asked;
    then(message);
  };
  addEventListener.call(this, event, after, options);
};

if (self.GPUQueue) {
  const { submit } = GPUQueue.prototype;
  GPUQueue.prototype.submit = function (...commands) {
    submit.apply(this, commands);
    submitted(this);
  };
}

/** Sends a request and collects what `heard` returns of the replies, until that gives a result. */
function request(message, heard) {
  return new Promise((resolve, reject) => {
    hear = (reply) => {
      const { Failed, Panicked } = reply;
      if (Failed || Panicked) return reject((Failed ?? Panicked).message);
      const result = heard(reply);
      if (result !== undefined) resolve(result);
    };
    if (message) self.onmessage(new MessageEvent("message", { data: message }));
  });
}

const calls = {
  async load({ processor, workers }) {
    const listening = request(undefined, (reply) => (reply === "Listening" ? true : undefined));
    await init();
    await listening;
    const assistant = workers > 1 ? new URL("/app/worker_assistant.js", location).href : undefined;
    return request({ Start: { forced: processor, found_already: false, assistant } }, ({ Backend }) => Backend);
  },

  /**
   * Finds the things in the scan. The decoder runs from its first report to its last: on the CPU the backbone is done by then, on a GPU it has
   * been asked for, partly, and the device says when it is through with the work that was submitted `before` that report and `after` it.
   */
  async scan() {
    const blob = await (await fetch("/data/scan")).blob();
    const times = {};
    const result = await request({ Open: { source: { File: { name: "scan.ply", blob } }, ...OPENED } }, (reply) => {
      const { stage, done } = reply.Progress ?? {};
      if (stage === "decoder" && done === 0 && !times.start) {
        times.start = performance.now();
        paused = 0;
        submitted = (queue) => {
          submitted = () => {};
          queue.onSubmittedWorkDone().then(() => (times.start = performance.now()));
        };
      }
      if (stage === "decoder" && done === 1) {
        submitted = () => {};
        Object.assign(times, { end: performance.now(), paused });
      }
      if (reply.Finished?.stage === "superpoints") times.superpoints = reply.Finished.outcome;
      return reply === "Done" && times.end ? times : undefined;
    });
    return { ms: result.end - result.start, ...result };
  },

  /** Milliseconds until the prompt is answered. */
  async prompt({ text }) {
    const began = performance.now();
    await request({ Prompt: { serial: 1, text, ...ASKED } }, ({ Answer }) => Answer);
    return { ms: performance.now() - began };
  },
};

self.addEventListener("message", async (event) => {
  event.stopImmediatePropagation(); // the wasm's own listener comes later
  try {
    answer({ id: event.data.id, result: await calls[event.data.call](event.data) });
  } catch (error) {
    answer({ id: event.data.id, error: `${error?.stack ?? error}` });
  }
});
