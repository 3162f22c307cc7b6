//! Convolutions and what goes with them on the CPU, on plain slices: `[B, C, H, W]` row by row.
//!
//! Every convolution here is one of three functions: [`convolution`], [`transposed_convolution`] and
//! [`weight_gradient`]. A convolution gathers; its gradient with regard to the input scatters.
//! A transposed convolution scatters; its gradient with regard to the input gathers. The gradient
//! with regard to the weights is the same function for both.
//!
//! None of them builds the matrix of patches that others multiply by. Maps are copied with their
//! padding, row_tile by row_tile, into planes that lie flat in memory, so that a patch is a list of
//! offsets ([`flat`]) and the innermost loop ([`simd`]) reads whole vectors of neighbouring pixels.

mod adam;
mod convolution;
mod flat;
mod norm;
mod pack;
mod pool;
mod recall;
mod row_tile;
mod scratch;
mod simd;
mod transposed_convolution;
mod weight_gradient;
mod winograd;

pub use adam::{AdamStep, adam};
pub use convolution::convolution;
pub use norm::{
    NormGradients, NormStatistics, leaky_relu_backward, norm_activation, norm_activation_backward,
    norm_activation_train,
};
pub use pool::{max_pool, max_pool_backward};
pub use recall::{Recall, recall};
pub use transposed_convolution::transposed_convolution;
pub use weight_gradient::{channel_sums, weight_gradient};

/// A square window that moves over a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Side of the window.
    pub kernel: usize,
    /// Step from one position to the next.
    pub stride: usize,
    /// Zeros around the map on each side.
    pub padding: usize,
}

impl Window {
    /// Positions along an axis of `size` values: what a convolution makes of it.
    pub const fn positions(self, size: usize) -> usize {
        (size + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// What a transposed convolution makes of an axis with `size` positions.
    pub const fn span(self, size: usize) -> usize {
        (size - 1) * self.stride + self.kernel - 2 * self.padding
    }
}

/// `[B, C, H, W]`.
pub type Shape = [usize; 4];
