//! The shaders that [`Tuning`] chooses between, each as a case with a name.

use burn::tensor::DType;
use segscape::ops::{SoftmaxRow, Tiles, Tuning};

use super::{masked_softmax, matmul, network, sparse_conv};
use crate::device::Subject;

/// The operation that a variant computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Matrix products.
    Product,
    /// The softmax of attention.
    Softmax,
    /// Sparse convolutions.
    Convolution,
    /// A whole network.
    Network,
}

/// One choice of a tuning, and the operation that shows it.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// The shader, and how it differs from the default.
    pub name: &'static str,
    /// The operation.
    pub operation: Operation,
    /// The tuning that chooses it.
    pub tuning: Tuning,
}

impl Variant {
    const fn new(name: &'static str, operation: Operation, tuning: Tuning) -> Self {
        Self {
            name,
            operation,
            tuning,
        }
    }
}

const DEFAULT: Tuning = Tuning {
    product: Tiles::Registers,
    softmax: SoftmaxRow::Thread,
    convolution: Tiles::Registers,
    split: false,
    storage: DType::F32,
};
const SHARED_PRODUCT: Tuning = Tuning {
    product: Tiles::Shared,
    ..DEFAULT
};
const WORKGROUP: Tuning = Tuning {
    softmax: SoftmaxRow::Workgroup,
    ..DEFAULT
};
const SUBGROUPS: Tuning = Tuning {
    softmax: SoftmaxRow::Subgroups,
    ..DEFAULT
};
const SHARED_CONVOLUTION: Tuning = Tuning {
    convolution: Tiles::Shared,
    ..DEFAULT
};
const SPLIT: Tuning = Tuning {
    split: true,
    ..DEFAULT
};
const F16: Tuning = Tuning {
    storage: DType::F16,
    ..DEFAULT
};
const SHARED_CONVOLUTION_F16: Tuning = Tuning {
    convolution: Tiles::Shared,
    ..F16
};

/// Every variant of every operation.
pub const VARIANTS: [Variant; 12] = [
    Variant::new("matmul", Operation::Product, DEFAULT),
    Variant::new("matmul of burn", Operation::Product, SHARED_PRODUCT),
    Variant::new("matmul, split", Operation::Product, SPLIT),
    Variant::new("masked_softmax", Operation::Softmax, DEFAULT),
    Variant::new("masked_softmax_shared", Operation::Softmax, WORKGROUP),
    Variant::new("masked_softmax_subgroups", Operation::Softmax, SUBGROUPS),
    Variant::new("sparse_conv", Operation::Convolution, DEFAULT),
    Variant::new(
        "sparse_conv_shared",
        Operation::Convolution,
        SHARED_CONVOLUTION,
    ),
    Variant::new("sparse_conv, split", Operation::Convolution, SPLIT),
    Variant::new("sparse_conv in f16", Operation::Convolution, F16),
    Variant::new(
        "sparse_conv_shared in f16",
        Operation::Convolution,
        SHARED_CONVOLUTION_F16,
    ),
    Variant::new("network in f16", Operation::Network, F16),
];

impl Variant {
    /// The feature that the variant needs and the device lacks, if there is one.
    pub fn lacks(&self, subject: &Subject) -> Option<&'static str> {
        let needs_subgroups = self.tuning.softmax == SoftmaxRow::Subgroups;
        let needs_f16 = self.tuning.storage == DType::F16;
        if needs_subgroups && !subject.subgroups {
            return Some("subgroups");
        }
        (needs_f16 && !subject.device.supports_dtype(DType::F16)).then_some("f16")
    }

    /// Returns descriptions of the failures of this variant, which `subject` uses from now on.
    pub async fn check(&self, subject: &Subject) -> Vec<String> {
        self.tuning.apply(&subject.device);
        let complaints = match (self.operation, self.tuning.storage) {
            (Operation::Product, _) => matmul::check(subject).await,
            (Operation::Softmax, _) => masked_softmax::check(subject).await,
            (Operation::Convolution, DType::F16) => sparse_conv::check_f16(subject).await,
            (Operation::Convolution, _) => sparse_conv::check_forward(subject).await,
            (Operation::Network, _) => network::check_f16(subject).await,
        };
        let named = |complaint| format!("{}: {complaint}", self.name);
        complaints.into_iter().map(named).collect()
    }
}
