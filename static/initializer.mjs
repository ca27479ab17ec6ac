// Says how much of the app has come while its wasm is on the way.
export default () => {
  const line = document.querySelector("#starting p");
  const began = performance.now();
  return {
    onProgress({ current, total }) {
      // Who waits for less than a second needs no numbers.
      if (!line.isConnected || performance.now() - began < 1000) return;
      line.textContent = `Segscape is loading: ${Math.floor((100 * current) / total)} % of ${(total / 1e6).toFixed(1)} MB`;
    },
    // index.html says what became of it.
    onFailure(reason) {
      throw reason;
    },
  };
};
