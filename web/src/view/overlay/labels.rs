//! Finds places for labels that do not cover each other.

use glam::Vec2;

/// Heights of a label by which it may be above its anchor; the last one is below.
const LIFTS: [f32; 3] = [1.3, 2.5, -0.3];

/// A label that wants a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    /// The place of what it names, pixels.
    pub anchor: Vec2,
    /// Its width and height, pixels.
    pub size: Vec2,
    /// Of labels that would cover each other, that with the greatest priority gets the place.
    pub priority: f32,
}

/// The upper left corner of each label within a picture of this size; `None` for those without room.
pub fn place(wishes: &[Wish], within: Vec2) -> Vec<Option<Vec2>> {
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by(|a, b| wishes[*b].priority.total_cmp(&wishes[*a].priority));
    let mut taken: Vec<[Vec2; 2]> = Vec::new();
    let mut places = vec![None; wishes.len()];
    for index in order {
        let Wish { anchor, size, .. } = wishes[index];
        let room = within - size;
        if room.min_element() < 0.0 {
            continue;
        }
        let tried = LIFTS.map(|lift| anchor - Vec2::new(size.x / 2.0, lift * size.y));
        let free = tried
            .into_iter()
            .map(|corner| Vec2::new(corner.x.clamp(0.0, room.x), corner.y))
            .filter(|corner| (0.0..=room.y).contains(&corner.y))
            .find(|corner| {
                !taken
                    .iter()
                    .any(|other| overlap([*corner, *corner + size], *other))
            });
        if let Some(corner) = free {
            taken.push([corner, corner + size]);
            places[index] = Some(corner);
        }
    }
    places
}

/// `true` if two boxes, each from corner to corner, cover each other.
fn overlap([a, b]: [Vec2; 2], [c, d]: [Vec2; 2]) -> bool {
    a.cmplt(d).all() && c.cmplt(b).all()
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn no_two_labels_overlap_and_the_surest_have_places() {
        let within = Vec2::new(300.0, 200.0);
        let wishes: Vec<Wish> = (0..60)
            .map(|i| Wish {
                anchor: Vec2::new((i * 37 % 300) as f32, (i * 53 % 200) as f32),
                size: Vec2::new(60.0, 20.0),
                priority: i as f32 / 60.0,
            })
            .collect();
        let places = place(&wishes, within);
        assert!(places[59].is_some(), "the surest has a place");
        let placed: Vec<[Vec2; 2]> = places
            .iter()
            .zip(&wishes)
            .filter_map(|(place, wish)| place.map(|place| [place, place + wish.size]))
            .collect();
        assert!(placed.len() > 10 && placed.len() < 60, "{}", placed.len());
        for (index, first) in placed.iter().enumerate() {
            assert!(first[0].min_element() >= 0.0 && first[1].cmple(within).all());
            for second in &placed[index + 1..] {
                assert!(!overlap(*first, *second), "{first:?} {second:?}");
            }
        }
    }
}
