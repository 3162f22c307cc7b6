//! Building blocks: convolutions, the division into blocks, and the block-wise memory.

mod addressing;
mod batch_norm;
mod conv_block;
mod convolution;
mod division;
pub(crate) mod memory;
mod parameter;

pub use addressing::Addressing;
pub use batch_norm::BatchNorm;
pub use conv_block::{ConvBlock, ConvBlockConfig};
pub use convolution::{Convolution, TransposedConvolution};
pub use division::{DivisionRate, assemble, divide};
pub use memory::{MemoryBank, MemoryBankConfig};

#[cfg(test)]
pub(crate) use parameter::drawn;
