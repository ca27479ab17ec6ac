//! Counts the worker's calls of WebGPU, by wrapping the browser's own functions while the
//! unmodified app runs.

use serde::Deserialize;

/// Script that runs before the page's own: every worker counts its calls of WebGPU and reports the
/// counts with each of its messages to the page.
pub const COUNT: &str = r#"
    window.gpuCalls = [];
    new BroadcastChannel('gpu-calls').onmessage = ({ data }) => window.gpuCalls.push(data);
    const count = () => {
        const calls = { reads: 0, buffers: 0, launches: 0, submissions: 0, pipelines: 0 };
        const before = (owner, name, note) => {
            const real = owner.prototype[name];
            owner.prototype[name] = function (...given) { note(); return real.apply(this, given); };
        };
        // Buffers that are mapped together come back together.
        let together = false;
        before(GPUBuffer, 'mapAsync', () => { calls.buffers += 1; calls.reads += !together; together = true; });
        before(GPUQueue, 'submit', () => { calls.submissions += 1; together = false; });
        before(GPUComputePassEncoder, 'dispatchWorkgroups', () => { calls.launches += 1; });
        before(GPUDevice, 'createComputePipeline', () => { calls.pipelines += 1; });
        before(GPUDevice, 'createComputePipelineAsync', () => { calls.pipelines += 1; });
        const channel = new BroadcastChannel('gpu-calls'), post = self.postMessage.bind(self);
        const tell = (kind, stage) => channel.postMessage({ kind, stage, at: performance.timeOrigin + performance.now(), ...calls });
        self.postMessage = (message, ...rest) => {
            const [kind, content] = typeof message === 'string' ? [message] : Object.entries(message)[0];
            tell(kind, content?.stage ?? null);
            post(message, ...rest);
        };
    };
    const RealWorker = Worker;
    window.Worker = function (url, options) {
        // A worker made of text has no address that others could be relative to.
        const rooted = `const rooted = what => typeof what === 'string' ? new URL(what, '${location.origin}') : what;
            const real = fetch; self.fetch = (what, ...rest) => real(rooted(what), ...rest);
            for (const name of ['match', 'put']) {
                const kept = Cache.prototype[name];
                Cache.prototype[name] = function (what, ...rest) { return kept.call(this, rooted(what), ...rest); };
            }`;
        const text = `if (self.GPUDevice) (${count})(); ${rooted} ${window.beforeWorker}; await import('${new URL(url, location)}');`;
        return new RealWorker(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })), options);
    };
"#;

/// The calls of WebGPU that one worker had made when it sent a message.
#[derive(Clone, Debug, Deserialize)]
pub struct GpuCalls {
    /// Kind of the message.
    pub kind: String,
    /// Stage that the message refers to.
    pub stage: Option<String>,
    /// Time in milliseconds by the clock that all pages and workers share.
    pub at: f64,
    /// Number of times that the worker waited for values. Buffers that arrive together count once.
    pub reads: u32,
    /// Number of buffers whose values were read.
    pub buffers: u32,
    /// Number of dispatches.
    pub launches: u32,
    /// Number of submitted lists of dispatches.
    pub submissions: u32,
    /// Number of pipelines compiled.
    pub pipelines: u32,
}
