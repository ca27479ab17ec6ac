//! Both renderers draw the same picture: the points in each color, shaded and outlined, and the
//! same instance and point under the mouse.

use proofs::app::{Page, Pixels, STEP, Stand, Visit, story};

#[test]
fn webgpu_and_the_software_renderer_draw_the_same() {
    story(async |stand| {
        let [webgpu, software] = [shown(stand, "webgpu").await, shown(stand, "2d").await];
        for (on_webgpu, in_software) in webgpu.iter().zip(&software) {
            println!(
                "{}: mean difference {:.3}, differing {:.4} {:.4} {:.4}",
                on_webgpu.0,
                on_webgpu.1.difference(&in_software.1),
                on_webgpu.1.differing(&in_software.1, 2),
                on_webgpu.1.differing(&in_software.1, 8),
                on_webgpu.1.differing(&in_software.1, 24),
            );
        }
    });
}

async fn shown(stand: &Stand, renderer: &str) -> Vec<(String, Pixels)> {
    let page = stand
        .visit(
            &format!("/?backend=cpu&renderer={renderer}"),
            Visit::DESKTOP,
        )
        .await;
    page.prefer(false).await;
    page.choose(&stand.segmented_room()).await;
    page.until_done().await;
    let start = std::time::Instant::now();
    let mut pictures = Vec::new();
    let keep = async |page: &Page, name: &str| {
        let pixels = page.pixels(&format!("picture-{renderer}-{name}")).await;
        println!("{name} {:?}", start.elapsed());
        (name.to_owned(), pixels)
    };
    pictures.push(keep(&page, "instances").await);
    page.keys("viewer-canvas", "1").await;
    pictures.push(keep(&page, "scan").await);
    page.keys("viewer-canvas", "5").await;
    pictures.push(keep(&page, "height").await);
    page.prefer(true).await;
    page.keys("viewer-canvas", "2").await;
    pictures.push(keep(&page, "dark").await);
    let places: Vec<_> = (0..8)
        .flat_map(|row| {
            (0..10).map(move |column| {
                (
                    f64::from(column) * 90.0 + 60.0,
                    f64::from(row) * 90.0 + 100.0,
                )
            })
        })
        .collect();
    let found = page.instances_at(&places).await;
    println!("picked {:?} {found:?}", start.elapsed());
    let rows = page.rows().await;
    let largest = rows.iter().max_by_key(|row| row.points).unwrap().id;
    page.press_row(largest).await;
    pictures.push(keep(&page, "selected-dark").await);
    page.prefer(false).await;
    pictures.push(keep(&page, "selected").await);
    page.point_at((500.0, 500.0)).await;
    pictures.push(keep(&page, "hovered").await);
    page.until("", STEP, async || true).await;
    pictures
}
