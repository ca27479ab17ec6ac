//! Average precision as the released evaluators compute it (spec/eval.md).
