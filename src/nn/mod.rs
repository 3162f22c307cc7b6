//! Building blocks: the division into blocks and the block-wise memory.
//!
//! ```
//! use burn::tensor::{Device, Distribution, Tensor};
//! use daad::nn::{DivisionRate, MemoryBankConfig, assemble, divide};
//!
//! # fn main() -> daad::Result<()> {
//! let rate = DivisionRate::square(4); // 4 × 4 blocks over all channels
//! let maps = Tensor::<4>::random([2, 8, 16, 16], Distribution::Default, &Device::flex());
//! let blocks = divide(maps.clone(), rate);
//! assert_eq!(blocks.dims(), [2, 16, 8 * 4 * 4]); // [B, Q, D]
//! assert_eq!(assemble(blocks, rate, [8, 16, 16]).dims(), maps.dims());
//!
//! let config = MemoryBankConfig {
//!     items: 50,
//!     dim: rate.block_dim([8, 16, 16])?,
//!     rate,
//!     temperature: 1.0,
//!     renormalize: false,
//! };
//! let bank = config.init(&Device::flex());
//! assert_eq!(bank.forward(maps).dims(), [2, 8, 16, 16]); // every block is replaced
//! # Ok(())
//! # }
//! ```

mod addressing;
mod batch_norm;
mod conv_block;
mod convolution;
mod division;
pub(crate) mod memory;
mod parameter;

pub use addressing::Addressing;
pub(crate) use batch_norm::BatchNorm;
pub(crate) use conv_block::{ConvBlock, ConvBlockConfig};
pub(crate) use convolution::{Convolution, TransposedConvolution};
pub use division::{DivisionRate, assemble, divide};
pub use memory::{MemoryBank, MemoryBankConfig};

#[cfg(test)]
pub(crate) use parameter::drawn;
