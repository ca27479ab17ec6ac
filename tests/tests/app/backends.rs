//! The network runs on WebGPU and on the CPU with the same result, and where there is no WebGPU the page says why and works.

use proofs::app::{Page, STEP, Stand, Visit, story};

/// What the page says when there is no WebGPU: the page is insecure, there is no API, no adapter, or too small an adapter.
const CAUSES: [&str; 4] = ["not loaded over https", "has no WebGPU", "found no graphics adapter", "is too small"];

#[test]
fn webgpu_and_cpu_find_the_same() {
    story(async |stand| {
        let cpu = stand.visit("/?backend=cpu", Visit::DESKTOP).await;
        let on_cpu = find(stand, &cpu).await;
        assert!(cpu.text("backend").await.starts_with("cpu · "));
        let gpu = stand.visit("/?backend=webgpu", Visit::DESKTOP).await;
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
        let page = stand.visit("/", Visit::WITHOUT_WEBGPU).await;
        assert!(page.text("backend").await.starts_with("cpu · "));
        let reason = page.text("backend-reason").await;
        assert!(CAUSES.iter().any(|cause| reason.contains(cause)), "{reason}");
        println!("{reason}");
        find(stand, &page).await;
        assert!(page.picture().await.coverage() > 0.05, "and it draws");
    });
}

#[test]
fn a_lost_gpu_costs_time_and_nothing_else() {
    story(async |stand| {
        let page = stand.visit("/?backend=webgpu", Visit::DESKTOP).await;
        page.choose(&stand.thin_room()).await;
        let at_work = async || page.stages().await.iter().any(|stage| stage.name == "Backbone");
        page.until("the network at work", STEP * 4, at_work).await;
        page.crash_gpu().await;
        page.until_done().await;
        assert!(page.text("backend").await.starts_with("cpu · "), "{}", page.text("backend").await);
        let reason = page.text("backend-reason").await;
        assert!(reason.contains("WebGPU failed"), "{reason}");
        println!("{reason}");
        assert!(!page.rows().await.is_empty());
        assert!(page.picture().await.coverage() > 0.05, "the points stay");
    });
}

/// The names and sizes of what is found in a thin room.
async fn find(stand: &Stand, page: &Page) -> Vec<(u32, String, u32)> {
    page.choose(&stand.thin_room()).await;
    page.until_done().await;
    let stages = page.stages().await;
    let times: Vec<_> = stages.iter().map(|stage| format!("{} {}", stage.name, stage.time)).collect();
    println!("{}: {}", page.text("backend").await, times.join(", "));
    let rows = page.rows().await;
    assert!(!rows.is_empty());
    rows.into_iter().map(|row| (row.id, row.name, row.points)).collect()
}
