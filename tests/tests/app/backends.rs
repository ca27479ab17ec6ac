//! The network gives the same result on WebGPU and on the CPU. Without WebGPU, the page states the
//! reason and works.

use std::path::Path;

use proofs::app::{GpuCalls, Page, STEP, Stand, Visit, story};

/// The page's messages when there is no WebGPU: the page is insecure, there is no API, there is no
/// adapter, or the adapter is too small.
const CAUSES: [&str; 4] = [
    "not loaded over https",
    "has no WebGPU",
    "found no graphics adapter",
    "cannot run the network",
];

#[test]
fn webgpu_and_cpu_find_the_same() {
    story(async |stand| {
        let cpu = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        let on_cpu = find(stand, &cpu).await;
        assert!(cpu.text("backend").await.starts_with("cpu · "));
        let gpu = stand.visit("/?backend=webgpu", Visit::WITH_WEBGPU).await;
        let on_gpu = find(stand, &gpu).await;
        assert!(gpu.text("backend").await.starts_with("webgpu · "));
        assert_eq!(on_cpu, on_gpu);
        for page in [cpu, gpu] {
            assert_eq!(page.errors().await, [] as [&str; 0]);
        }
    });
}

#[test]
fn without_webgpu_the_page_says_why_and_works() {
    story(async |stand| {
        let page = stand.visit("/", Visit::DESKTOP).await;
        assert!(page.text("backend").await.starts_with("cpu · "));
        let reason = page.text("backend-reason").await;
        assert!(
            CAUSES.iter().any(|cause| reason.contains(cause)),
            "{reason}"
        );
        println!("{reason}");
        find(stand, &page).await;
        assert!(page.picture().await.coverage() > 0.05, "and it draws");
    });
}

#[test]
fn a_lost_gpu_costs_time_and_nothing_else() {
    story(async |stand| {
        let page = stand.visit("/?backend=webgpu", Visit::WITH_WEBGPU).await;
        page.choose(&stand.thin_room()).await;
        let at_work = async || {
            page.stages()
                .await
                .iter()
                .any(|stage| stage.name == "Backbone")
        };
        page.until("the network at work", STEP * 4, at_work).await;
        page.crash_gpu().await;
        page.until_done().await;
        assert!(!page.rows().await.is_empty());
        assert_on_cpu_because(&page, "device").await;
    });
}

/// Once the network is loaded, a scan compiles nothing and waits for values only once, at its end.
/// This holds for the first scan, the second, and one with more superpoints than queries.
#[test]
fn a_scan_waits_for_the_gpu_once_and_compiles_nothing() {
    story(async |stand| {
        let page = stand.visit("/?backend=webgpu", Visit::WITH_WEBGPU).await;
        for room in [stand.thin_room(), stand.thin_room(), stand.room()] {
            let before = page.gpu_calls().await.len();
            find_in(&room, &page).await;
            let calls = page.gpu_calls().await.split_off(before);
            let at = |kind: &str, stage: &str| {
                calls
                    .iter()
                    .find(|c| c.kind == kind && c.stage.as_deref() == Some(stage))
                    .unwrap()
            };
            let [begun, read, loaded, over] = [
                at("Progress", "read"),
                at("Finished", "read"),
                at("Finished", "model"),
                at("Finished", "instances"),
            ];
            println!(
                "compiled until the scan was opened: {}; until it was read: {}; until the network was loaded: {}",
                begun.pipelines, read.pipelines, loaded.pipelines
            );
            let decoder = at("Progress", "decoder");
            let part = |from: &GpuCalls, to: &GpuCalls| {
                format!(
                    "{} launches in {} submissions",
                    to.launches - from.launches,
                    to.submissions - from.submissions
                )
            };
            println!(
                "backbone: {}; decoder: {}; {} buffers read",
                part(loaded, decoder),
                part(decoder, over),
                over.buffers - loaded.buffers
            );
            assert_eq!(
                over.pipelines, loaded.pipelines,
                "compiled in the middle of a scan"
            );
            assert_eq!(over.reads - loaded.reads, 1, "read-backs");
        }
    });
}

/// Reports that memory ran out once the decoder runs, as a device without free memory does.
const OUT_OF_MEMORY: &str = "{
    const post = self.postMessage.bind(self), submit = GPUQueue.prototype.submit, request = GPUAdapter.prototype.requestDevice;
    let devices = [], due = false;
    GPUAdapter.prototype.requestDevice = async function (...given) {
        const device = await request.apply(this, given);
        devices.push(device);
        return device;
    };
    self.postMessage = (message, ...rest) => { due ||= message.Progress?.stage === 'decoder'; post(message, ...rest); };
    GPUQueue.prototype.submit = function (...given) {
        if (due) {
            const error = new GPUOutOfMemoryError('no memory is left');
            setTimeout(() => devices.forEach(device => device.dispatchEvent(new GPUUncapturedErrorEvent('uncapturederror', { error }))));
            due = false;
        }
        return submit.apply(this, given);
    };
}";

#[test]
fn a_gpu_without_memory_costs_time_and_nothing_else() {
    story(async |stand| {
        let page = stand
            .visit(
                "/?backend=webgpu",
                Visit {
                    before_worker: OUT_OF_MEMORY,
                    ..Visit::WITH_WEBGPU
                },
            )
            .await;
        assert!(page.text("backend").await.starts_with("webgpu · "));
        find(stand, &page).await;
        assert_on_cpu_because(&page, "Out of Memory").await;
    });
}

/// Breaks a shader, as if a driver could not compile it.
const BROKEN_SHADER: &str = "{
    const create = GPUDevice.prototype.createShaderModule;
    GPUDevice.prototype.createShaderModule = function (module) {
        return create.call(this, module.code.includes('fn masked_softmax') ? { ...module, code: 'no shader' } : module);
    };
}";

#[test]
fn a_shader_that_does_not_compile_costs_time_and_nothing_else() {
    story(async |stand| {
        let page = stand
            .visit(
                "/?backend=webgpu",
                Visit {
                    before_worker: BROKEN_SHADER,
                    ..Visit::WITH_WEBGPU
                },
            )
            .await;
        find(stand, &page).await;
        assert_on_cpu_because(&page, "Invalid ShaderModule").await;
    });
}

/// Phrases do not need the GPU, whether it is lost before the first of them or after it.
#[test]
fn phrases_are_understood_without_the_gpu() {
    story(async |stand| {
        let page = stand.visit("/?backend=webgpu", Visit::WITH_WEBGPU).await;
        find(stand, &page).await;
        page.crash_gpu().await;
        page.ask_in_own_words("the thing one sits on").await;
        page.crash_gpu().await;
        page.ask("").await;
        let launches = async || page.gpu_calls().await.last().map(|calls| calls.launches);
        let before = launches().await;
        page.ask_in_own_words("the thing one sleeps in").await;
        assert_eq!(launches().await, before);
        page.ask("").await;
        find(stand, &page).await;
        assert_on_cpu_because(&page, "device").await;
    });
}

/// Asserts that the CPU took over and that the page states the reason.
async fn assert_on_cpu_because(page: &Page, cause: &str) {
    assert!(
        page.text("backend").await.starts_with("cpu · "),
        "{}",
        page.text("backend").await
    );
    let reason = page.text("backend-reason").await;
    assert!(
        reason.contains("WebGPU failed") && reason.contains(cause),
        "{reason}"
    );
    println!("{reason}");
    assert!(!page.exists("error").await);
    assert!(page.picture().await.coverage() > 0.05, "the points stay");
}

/// The ids, names and sizes of the instances found in the thinned room.
async fn find(stand: &Stand, page: &Page) -> Vec<(u32, String, u32)> {
    find_in(&stand.thin_room(), page).await
}

async fn find_in(room: &Path, page: &Page) -> Vec<(u32, String, u32)> {
    page.choose(room).await;
    page.until_done().await;
    let stages = page.stages().await;
    let times: Vec<_> = stages
        .iter()
        .map(|stage| format!("{} {}", stage.name, stage.time))
        .collect();
    println!("{}: {}", page.text("backend").await, times.join(", "));
    let rows = page.rows().await;
    assert!(!rows.is_empty());
    rows.into_iter()
        .map(|row| (row.id, row.name, row.points))
        .collect()
}
