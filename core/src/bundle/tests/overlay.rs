//! Labels without their points.

use super::*;

/// What an overlay guarantees to code that indexes with it, whatever the bytes were.
pub(super) fn assert_sound(overlay: &Overlay) {
    let count = overlay.superpoints.count();
    let ids = overlay.superpoints.superpoint_of_point();
    assert!(ids.iter().all(|id| (*id as usize) < count));
    assert!(overlay.superpoints.sizes().iter().all(|size| *size > 0));
    assert_instances_sound(&overlay.segmentation, &overlay.meta, count);
}

/// The labels of a bundle whose scan has this URL.
pub(super) fn labels_of(bundle: Bundle, url: Option<&str>) -> Overlay {
    Overlay {
        superpoints: bundle.superpoints,
        segmentation: bundle.segmentation,
        meta: bundle.meta,
        scan: ScanFile::of(b"ply", url.map(str::to_owned)).unwrap(),
    }
}

#[test]
fn labels_survive_in_the_order_of_the_points() {
    let sent = labels_of(small(), Some("https://example.org/room.ply?a=b"));
    let bytes = encode_overlay(&sent).unwrap();
    let inspection = inspect(&bytes).unwrap();
    assert!(inspection.is_overlay);
    assert_eq!(
        (
            inspection.points,
            inspection.superpoints,
            inspection.instances
        ),
        (200, 10, 5)
    );
    let received = decode_overlay(&bytes).unwrap();
    assert_sound(&received);
    assert_eq!(received.superpoints, sent.superpoints);
    assert_eq!(received.meta, sent.meta);
    assert_eq!(received.scan, sent.scan);
    // The same labels as those of a whole scene.
    let mut whole = decode(&encode(&small()).unwrap()).unwrap().segmentation;
    for (whole, sent) in whole.instances.iter_mut().zip(&sent.segmentation.instances) {
        // that of the points on their grid
        whole.bounds = sent.bounds;
    }
    assert_eq!(received.segmentation, whole);
    let choices = received.choices();
    assert_eq!(choices.up, Some(UpAxis::MinusY));
    assert_eq!(choices.unit.unwrap().metres(), 0.001);
    // The same labels give the same bytes.
    assert_eq!(bytes, encode_overlay(&sent).unwrap());
}

#[test]
fn scenes_and_labels_alone_are_told_apart() {
    let scene = encode(&small()).unwrap();
    let labels = encode_overlay(&labels_of(small(), None)).unwrap();
    assert!(
        labels.len() < scene.len(),
        "{} {}",
        labels.len(),
        scene.len()
    );
    assert_eq!(
        (scene[8], labels[8]),
        (1, 2),
        "older programs refuse labels"
    );
    let refused = decode(&labels).unwrap_err().to_string();
    assert!(refused.contains("not a whole scene"), "{refused}");
    let refused = decode_overlay(&scene).unwrap_err().to_string();
    assert!(
        refused.contains("the bundle has a whole scene"),
        "{refused}"
    );
}

#[test]
fn labels_of_a_room_are_a_small_part_of_it() {
    let (positions, colors, ids) = room(100_000);
    let scene = bundle(positions, Some(colors), &ids, 100);
    let whole = encode(&scene).unwrap().len();
    // Points of a file that lie beside each other are mostly of one superpoint.
    let sorted = decode(&encode(&scene).unwrap()).unwrap();
    let labels = encode_overlay(&labels_of(sorted, None)).unwrap().len();
    assert!(labels * 4 < whole, "{labels} bytes of {whole}");
    // In a file without any order, every point has a number of its own.
    let labels = encode_overlay(&labels_of(scene, None)).unwrap().len();
    assert!(labels * 2 < whole, "{labels} bytes of {whole}");
}

#[test]
fn labels_that_no_reader_would_read_are_not_written() {
    let refused = |change: &dyn Fn(&mut Overlay)| {
        let mut labels = labels_of(small(), None);
        change(&mut labels);
        encode_overlay(&labels).unwrap_err().to_string()
    };
    let points = refused(&|labels| labels.segmentation.instances[2].points += 1);
    assert!(
        points.contains("instance 2 has") && points.contains("its superpoints have"),
        "{points}"
    );
    let far = refused(&|labels| labels.segmentation.instances[1].bounds.max = [f32::INFINITY; 3]);
    assert!(far.contains("instance 1 reaches from"), "{far}");
    let long = refused(&|labels| labels.meta.names[0].text = "x".repeat(201));
    assert!(long.contains("201 characters, the limit is 200"), "{long}");
    let hidden = refused(&|labels| labels.meta.view.hidden = vec![5]);
    assert!(hidden.contains("hides instance 5"), "{hidden}");
    let scan = refused(&|labels| labels.scan.url = Some("file:///room.ply".into()));
    assert!(scan.contains("no https address"), "{scan}");
}

#[test]
fn an_inspection_of_labels_keeps_nothing() {
    let points = 500_000;
    let ids: Vec<u32> = (0..points).map(|i| i / 50).collect();
    let scene = bundle(vec![[0.0; 3]; ids.len()], None, &ids, 3);
    let bytes = encode_overlay(&labels_of(scene, None)).unwrap();
    let memory = |read: &dyn Fn()| allocation_counter::measure(read).bytes_max as usize;
    let inspected = memory(&|| assert!(inspect(&bytes).is_ok()));
    let decoded = memory(&|| assert!(decode_overlay(&bytes).is_ok()));
    assert!(inspected < decoded, "{inspected} {decoded} bytes");
    // the numbers, and what they are inflated from, into a vector that grows
    assert!(inspected < 8 * ids.len(), "{inspected} bytes");
}

#[test]
fn a_file_is_known_by_its_bytes() {
    let file = |url: &str| ScanFile::of(b"abc", Some(url.to_owned()));
    let known = file("https://example.org/room.ply").unwrap();
    assert_eq!(known.bytes, 3);
    assert_eq!(known.blake3, ContentHash::of(b"abc"));
    assert_ne!(known.blake3, ContentHash::of(b"abd"));
    for odd in [
        "",
        "https://",
        "ftp://example.org/room.ply",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "//example.org/room.ply",
        "https://example.org/room\n.ply",
        "https://example.org/a room.ply",
        &format!("https://example.org/{}", "a".repeat(2048)),
    ] {
        assert!(file(odd).is_err(), "{odd}");
    }
    let digits = known.blake3.to_string();
    assert_eq!(digits.parse(), Ok(known.blake3));
    for odd in [
        "",
        &digits[1..],
        &format!("{digits}0"),
        &"é".repeat(32),
        &"g".repeat(64),
    ] {
        assert!(odd.parse::<ContentHash>().is_err(), "{odd}");
    }
}

proptest! {
    #[test]
    fn every_point_keeps_its_superpoint(ids in prop::collection::vec(0..2000u32, 0..300)) {
        let positions = vec![[0.0; 3]; ids.len()];
        let sent = labels_of(bundle(positions, None, &ids, 2), None);
        let received = decode_overlay(&encode_overlay(&sent).unwrap()).unwrap();
        prop_assert_eq!(received.superpoints, sent.superpoints);
    }

    #[test]
    fn damaged_labels_are_refused_or_sound(at in 0..4000usize, value: u8, length in 0..4000usize) {
        let mut bytes = encode_overlay(&labels_of(small(), None)).unwrap();
        bytes.truncate(bytes.len().min(length.max(60)));
        let at = at % bytes.len();
        bytes[at] = value;
        reseal(&mut bytes);
        let read = decode_overlay(&bytes);
        read.iter().for_each(assert_sound);
        if inspect(&bytes).is_ok_and(|inspection| !inspection.is_overlay) {
            return Ok(());
        }
        prop_assert_eq!(inspect(&bytes).err(), read.err(), "who checks labels refuses what readers do");
    }
}
