//! The outputs of the network, read back once as plain arrays.

use crate::text::TextSpace;

/// The output of the last decoder layer: one proposed mask over superpoints per query.
#[derive(Clone, Debug, Default)]
pub struct Proposals {
    /// Number of superpoints S.
    pub superpoint_count: usize,
    /// The superpoint that each query started from, `(queries)`; no two queries share one.
    pub superpoint_of_query: Vec<u32>,
    /// Mask logits, row-major `(queries, S)`.
    pub masks: Vec<f32>,
    /// Probability that the query is an object, 0..=1, `(queries)`.
    pub object: Vec<f32>,
    /// Predicted IoU of the mask with its object, 0..=1, `(queries)`.
    pub iou: Vec<f32>,
    /// The space of the embeddings.
    pub space: TextSpace,
    /// Unit embeddings, row-major `(queries, width of the space)`.
    pub text: Vec<f32>,
    /// Scale on cosines between `text` and words before a softmax.
    pub logit_scale: f32,
}

/// The network's arrays are inconsistent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposalError {
    /// An array has the wrong length.
    #[error("the network's `{array}` has {found} values, {expected} were expected")]
    Length {
        /// Name of the array.
        array: &'static str,
        /// Length that follows from the number of queries and superpoints.
        expected: usize,
        /// Actual length.
        found: usize,
    },
    /// An array holds NaN or an infinity.
    #[error("the network's `{array}` is not finite at index {index}")]
    NotFinite {
        /// Name of the array.
        array: &'static str,
        /// Index of the first such value.
        index: usize,
    },
    /// A superpoint id is out of range, or two queries start from one superpoint.
    #[error(
        "query {query} starts from superpoint {superpoint}, which is taken or not below {superpoint_count}"
    )]
    QueryStart {
        /// Index of the query.
        query: usize,
        /// The superpoint it starts from.
        superpoint: u32,
        /// Number of superpoints.
        superpoint_count: usize,
    },
    /// The partition has a different number of superpoints than the network saw.
    #[error("the network was run on {network} superpoints, the scan has {scan}")]
    Superpoints {
        /// Number in the proposals.
        network: usize,
        /// Number in the partition of the scan.
        scan: usize,
    },
}

impl Proposals {
    /// Number of queries.
    pub fn queries(&self) -> usize {
        self.object.len()
    }

    /// The mask logits of one query, `(S)`.
    pub fn logits(&self, query: usize) -> &[f32] {
        &self.masks[query * self.superpoint_count..][..self.superpoint_count]
    }

    /// The embedding of one query.
    pub fn embedding(&self, query: usize) -> &[f32] {
        &self.text[query * self.space.width..][..self.space.width]
    }

    /// The query that started from each superpoint, `(S)`; `None` if there is none.
    pub fn query_of_superpoint(&self) -> Vec<Option<u32>> {
        let mut query_of_superpoint = vec![None; self.superpoint_count];
        for (query, &superpoint) in self.superpoint_of_query.iter().enumerate() {
            query_of_superpoint[superpoint as usize] = Some(query as u32);
        }
        query_of_superpoint
    }

    /// Checks every length, range and value for a scan with `superpoints` superpoints.
    ///
    /// # Errors
    /// The first [`ProposalError`] found.
    pub fn check(&self, superpoints: usize) -> Result<(), ProposalError> {
        if self.superpoint_count != superpoints {
            return Err(ProposalError::Superpoints {
                network: self.superpoint_count,
                scan: superpoints,
            });
        }
        let queries = self.queries();
        let lengths = [
            (
                "superpoint_of_query",
                queries,
                self.superpoint_of_query.len(),
            ),
            ("masks", queries * superpoints, self.masks.len()),
            ("iou", queries, self.iou.len()),
            ("text", queries * self.space.width, self.text.len()),
        ];
        for (array, expected, found) in lengths {
            if expected != found {
                return Err(ProposalError::Length {
                    array,
                    expected,
                    found,
                });
            }
        }
        for (array, values) in [
            ("masks", &self.masks),
            ("object", &self.object),
            ("iou", &self.iou),
            ("text", &self.text),
        ] {
            if let Some(index) = values.iter().position(|value| !value.is_finite()) {
                return Err(ProposalError::NotFinite { array, index });
            }
        }
        let mut taken = vec![false; superpoints];
        for (query, &superpoint) in self.superpoint_of_query.iter().enumerate() {
            match taken.get_mut(superpoint as usize) {
                Some(taken) if !*taken => *taken = true,
                _ => {
                    return Err(ProposalError::QueryStart {
                        query,
                        superpoint,
                        superpoint_count: superpoints,
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn two_queries() -> Proposals {
        Proposals {
            superpoint_count: 3,
            superpoint_of_query: vec![2, 0],
            masks: vec![0.0; 6],
            object: vec![0.5; 2],
            iou: vec![0.5; 2],
            space: TextSpace::default(),
            text: vec![0.0; 2 * TextSpace::default().width],
            logit_scale: 20.0,
        }
    }

    #[test]
    fn arrays_that_do_not_fit_together_are_named() {
        assert_eq!(two_queries().check(3), Ok(()));
        assert_eq!(
            two_queries().check(4),
            Err(ProposalError::Superpoints {
                network: 3,
                scan: 4
            })
        );
        let short = Proposals {
            masks: vec![0.0; 5],
            ..two_queries()
        };
        assert_eq!(
            short.check(3),
            Err(ProposalError::Length {
                array: "masks",
                expected: 6,
                found: 5
            })
        );
        let nan = Proposals {
            iou: vec![0.0, f32::NAN],
            ..two_queries()
        };
        assert_eq!(
            nan.check(3),
            Err(ProposalError::NotFinite {
                array: "iou",
                index: 1
            })
        );
        for start in [vec![1, 1], vec![0, 3]] {
            let clash = Proposals {
                superpoint_of_query: start,
                ..two_queries()
            };
            assert!(matches!(
                clash.check(3),
                Err(ProposalError::QueryStart { query: 1, .. })
            ));
        }
    }

    #[test]
    fn queries_are_found_from_their_superpoints() {
        assert_eq!(
            two_queries().query_of_superpoint(),
            [Some(1), None, Some(0)]
        );
    }
}
