// ONNX Runtime Web in a worker. Messages: {call: "load", ...} and {call: "run", ...}, see `measure.py`.
let ort;
const sessions = {};

const calls = {
  /** Starts the runtime with one execution provider and reads the models; milliseconds. */
  async load({ provider, threads, models, options }) {
    const start = performance.now();
    ort = await import(`/runtime/ort.${provider}.bundle.min.mjs`);
    ort.env.wasm.numThreads = threads;
    ort.env.logLevel = "error";
    for (const model of models) {
      sessions[model] = await ort.InferenceSession.create(`/data/${model}.onnx`, { executionProviders: [provider], ...options });
    }
    return { ms: performance.now() - start, isolated: self.crossOriginIsolated };
  },

  /** Runs a model; milliseconds until the answers are in main memory, and the answers where they are wanted. */
  async run({ model, feeds, wanted }) {
    const inputs = Object.fromEntries(
      Object.entries(feeds).map(([name, { type, dims, data }]) => {
        const values = type === "int64" ? BigInt64Array.from(data, BigInt) : Float32Array.from(data);
        return [name, new ort.Tensor(type, values, dims)];
      }),
    );
    const start = performance.now();
    const outputs = await sessions[model].run(inputs);
    for (const output of Object.values(outputs)) await output.getData();
    const ms = performance.now() - start;
    return { ms, outputs: wanted && Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, Array.from(output.data)])) };
  },
};

self.onmessage = async ({ data }) => {
  try {
    self.postMessage({ id: data.id, result: await calls[data.call](data) });
  } catch (error) {
    self.postMessage({ id: data.id, error: `${error?.stack ?? error}` });
  }
};
