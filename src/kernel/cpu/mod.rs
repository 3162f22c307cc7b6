//! The network's operations on the CPU. Maps are slices of `[B, C, H, W]` in row-major order.
//!
//! Three functions are enough for all convolutions and their gradients: [`convolution()`],
//! [`transposed_convolution()`] and [`weight_gradient()`]. The gradient of a convolution with
//! respect to its input is a transposed convolution, and the gradient of a transposed convolution
//! with respect to its input is a convolution. The gradient with respect to the weights is the same
//! function for both.
//!
//! None of them builds the matrix of patches (im2col), which would take k² times the memory of the
//! input. Instead, some rows at a time (a row tile, see `row_tile`) are copied with their padding
//! into flat planes (`flat`). There, each kernel offset is a shift of the whole plane, so the
//! innermost loop (`simd`) reads whole vectors of neighbouring pixels.

mod adam;
mod convolution;
mod flat;
mod matmul;
mod norm;
mod pack;
mod pool;
mod recall;
mod row_tile;
mod rows;
mod scratch;
mod simd;
mod squared_error;
mod transposed_convolution;
mod weight_gradient;
mod winograd;

pub use adam::{AdamStep, adam};
pub use convolution::convolution;
pub use matmul::{Matrix, matmul};
pub use norm::{
    NormGradients, NormStatistics, leaky_relu_backward, norm_activation, norm_activation_backward,
    norm_activation_train,
};
pub use pool::{max_pool, max_pool_backward};
pub use recall::{AddressingRule, Recall, recall};
pub use rows::{add_square_gradient, square_sums};
pub use squared_error::{squared_error, squared_error_backward};
pub use transposed_convolution::transposed_convolution;
pub use weight_gradient::{channel_sums, weight_gradient};

/// Geometry of a convolution: a square kernel that moves over a map.
///
/// ```
/// use daad::kernel::Window;
///
/// // It halves a map, and its transposed convolution doubles one.
/// let window = Window { kernel: 4, stride: 2, padding: 1 };
/// assert_eq!(window.positions(16), 8);
/// assert_eq!(window.span(8), 16);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Side of the kernel, in pixels.
    pub kernel: usize,
    /// Step from one position to the next, in pixels.
    pub stride: usize,
    /// Rows or columns of zeros on each side of the map.
    pub padding: usize,
}

impl Window {
    /// Single pixels.
    ///
    /// ```
    /// use daad::kernel::Window;
    ///
    /// assert_eq!(Window::POINT, Window { kernel: 1, stride: 1, padding: 0 });
    /// assert_eq!(Window::POINT.positions(16), 16);
    /// ```
    pub const POINT: Self = Self {
        kernel: 1,
        stride: 1,
        padding: 0,
    };

    /// Output size of a convolution along an axis whose input size is `size`.
    ///
    /// ```
    /// use daad::kernel::Window;
    ///
    /// let window = Window { kernel: 3, stride: 1, padding: 1 };
    /// assert_eq!(window.positions(16), 16);
    /// assert_eq!(Window { padding: 0, ..window }.positions(16), 14);
    /// ```
    pub const fn positions(self, size: usize) -> usize {
        (size + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Output size of a transposed convolution along an axis whose input size is `size`.
    ///
    /// ```
    /// use daad::kernel::Window;
    ///
    /// let window = Window { kernel: 2, stride: 2, padding: 0 };
    /// assert_eq!(window.span(8), 16);
    /// ```
    pub const fn span(self, size: usize) -> usize {
        (size - 1) * self.stride + self.kernel - 2 * self.padding
    }
}

/// Number of values that one task works on, in operations that use each value once.
const CHUNK: usize = 64 * 1024;

/// `[B, C, H, W]`.
pub type Shape = [usize; 4];
