//! Building blocks: the convolution block, the division into blocks, and the block-wise memory.

mod batch_norm;
mod conv_block;
mod division;
mod memory;

pub use batch_norm::BatchNorm;
pub use conv_block::{ConvBlock, ConvBlockConfig};
pub use division::{DivisionRate, assemble, divide};
pub use memory::{MemoryBank, MemoryBankConfig};
