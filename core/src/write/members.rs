//! The points of every instance.

use super::PointLabels;

/// The points of every instance, ascending.
pub(super) struct Members {
    /// Offsets into `points`, `(instances + 1)`.
    starts: Vec<u32>,
    points: Vec<u32>,
}

impl Members {
    /// Sorts the first `points` points by the instances that own them.
    pub(super) fn new(labels: &PointLabels, points: usize) -> Self {
        let instances = labels.instances.len();
        let owners = || {
            let owners = (0..).zip(labels.instance_of_point.iter().take(points));
            owners.filter(|(_, owner): &(u32, _)| (**owner as usize) < instances)
        };
        let mut starts = vec![0; instances + 1];
        owners().for_each(|(_, owner)| starts[*owner as usize + 1] += 1);
        (0..instances).for_each(|i| starts[i + 1] += starts[i]);
        let mut next = starts.clone();
        let mut sorted = vec![0; starts[instances] as usize];
        for (point, owner) in owners() {
            let next = &mut next[*owner as usize];
            sorted[*next as usize] = point;
            *next += 1;
        }
        Self {
            starts,
            points: sorted,
        }
    }

    /// The points of one instance.
    pub(super) fn of(&self, instance: usize) -> &[u32] {
        &self.points[self.starts[instance] as usize..self.starts[instance + 1] as usize]
    }
}

/// Run-length encodes ascending indices: the start and the length of each run of indices that
/// follow each other, all separated by spaces.
pub(super) fn runs(indices: impl Iterator<Item = u32>) -> String {
    use std::fmt::Write as _;

    let mut text = String::new();
    let mut end = |(start, length): (u32, u32)| {
        let space = if text.is_empty() { "" } else { " " };
        // writing to a string cannot fail
        let _ = write!(text, "{space}{start} {length}");
    };
    let mut run: Option<(u32, u32)> = None;
    for index in indices {
        run = match run {
            Some((start, length)) if start + length == index => Some((start, length + 1)),
            before => {
                before.into_iter().for_each(&mut end);
                Some((index, 1))
            }
        };
    }
    run.into_iter().for_each(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_starts_and_lengths() {
        let cases: [(&[u32], &str); 4] = [
            (&[], ""),
            (&[7], "7 1"),
            (&[0, 1, 2, 5, 8, 9], "0 3 5 1 8 2"),
            (&[u32::MAX - 1], "4294967294 1"),
        ];
        for (indices, wanted) in cases {
            assert_eq!(runs(indices.iter().copied()), wanted);
        }
    }
}
