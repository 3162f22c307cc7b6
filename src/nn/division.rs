//! Divide a feature map into blocks, and assemble blocks into a map again (Section 3.1).

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The number of blocks into which a map is divided along each axis: (rh, rw, rc) in the paper.
///
/// ```
/// use daad::nn::DivisionRate;
///
/// let rate = DivisionRate::square(8);
/// assert_eq!(rate, DivisionRate { height: 8, width: 8, channel: 1 });
/// assert_eq!(rate.blocks(), 64);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DivisionRate {
    /// Blocks along the height, rh.
    pub height: usize,
    /// Blocks along the width, rw.
    pub width: usize,
    /// Blocks along the channels, rc.
    pub channel: usize,
}

impl Default for DivisionRate {
    /// The paper's 8 × 8 × 1.
    fn default() -> Self {
        Self::square(8)
    }
}

impl DivisionRate {
    /// r × r × 1, the form all of the paper's experiments use.
    ///
    /// ```
    /// use daad::nn::DivisionRate;
    ///
    /// assert_eq!(DivisionRate::square(8), DivisionRate::default());
    /// ```
    pub const fn square(rate: usize) -> Self {
        Self {
            height: rate,
            width: rate,
            channel: 1,
        }
    }

    /// Q, the number of blocks (and so of queries) per map.
    ///
    /// ```
    /// use daad::nn::DivisionRate;
    ///
    /// assert_eq!(DivisionRate { height: 4, width: 2, channel: 3 }.blocks(), 24);
    /// ```
    pub const fn blocks(&self) -> usize {
        self.height * self.width * self.channel
    }

    /// D, the number of values in one block of a `[channels, height, width]` map.
    ///
    /// ```
    /// use daad::nn::DivisionRate;
    ///
    /// let rate = DivisionRate::square(8);
    /// assert_eq!(rate.block_dim([64, 128, 128])?, 64 * 16 * 16);
    /// let refused = rate.block_dim([64, 100, 100]); // 100 pixels are not 8 whole blocks
    /// assert!(matches!(refused, Err(daad::Error::Config(_))));
    /// # Ok::<(), daad::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where a rate is zero or does not divide its axis.
    pub fn block_dim(&self, [channels, height, width]: [usize; 3]) -> Result<usize> {
        let axes = [
            ("channel", self.channel, channels),
            ("height", self.height, height),
            ("width", self.width, width),
        ];
        for (axis, rate, size) in axes {
            if rate == 0 || !size.is_multiple_of(rate) {
                return Err(Error::Config(format!(
                    "division rate {rate} along the {axis} does not divide a feature map of \
                     {channels}×{height}×{width} (channels × height × width); use a smaller \
                     rate, fewer scales or a larger image"
                )));
            }
        }
        // On wasm32 the product of all three axes may overflow, so each axis is divided first.
        Ok(axes.iter().map(|(_, rate, size)| size / rate).product())
    }
}

/// Divides each map into equal blocks: `[B, C, H, W]` to queries `[B, Q, D]`.
///
/// Queries are ordered by channel block, then row, then column of blocks; inside a query the
/// order is channel, row, column.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::nn::{DivisionRate, divide};
///
/// let rows = [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]];
/// let map = Tensor::<4>::from_floats([[rows]], &Device::flex());
/// let rate = DivisionRate { height: 1, width: 2, channel: 1 };
/// let queries = divide(map, rate);
/// assert_eq!(queries.dims(), [1, 2, 4]);
/// let expected = [1.0, 2.0, 5.0, 6.0, 3.0, 4.0, 7.0, 8.0];
/// assert_eq!(queries.into_data().try_to_vec::<f32>().unwrap(), expected);
/// ```
///
/// # Panics
///
/// Where a rate does not divide its axis.
pub fn divide(map: Tensor<4>, rate: DivisionRate) -> Tensor<3> {
    let [batch, channels, height, width] = map.dims();
    let dim = rate
        .block_dim([channels, height, width])
        .expect("the rate divides the map");
    map.reshape([
        batch * rate.channel,
        channels / rate.channel,
        rate.height,
        height / rate.height,
        rate.width,
        width / rate.width,
    ])
    // [B·rc, C/rc, rh, H/rh, rw, W/rw] -> [B·rc, rh, rw, C/rc, H/rh, W/rw]
    .permute([0, 2, 4, 1, 3, 5])
    .reshape([batch, rate.blocks(), dim])
}

/// Puts blocks back in place: queries `[B, Q, D]` to maps `[B, C, H, W]`, the inverse of
/// [`divide`].
///
/// ```
/// use burn::tensor::{Device, Distribution, Tensor};
/// use daad::nn::{DivisionRate, assemble, divide};
///
/// let rate = DivisionRate { height: 4, width: 4, channel: 2 };
/// let map = Tensor::<4>::random([2, 6, 8, 12], Distribution::Default, &Device::flex());
/// let blocks = divide(map.clone(), rate);
/// assert_eq!(blocks.dims(), [2, 32, 3 * 2 * 3]);
/// assert_eq!(assemble(blocks, rate, [6, 8, 12]).into_data(), map.into_data());
/// ```
///
/// # Panics
///
/// Where the blocks do not make up a map of `[C, H, W]`.
pub fn assemble(
    blocks: Tensor<3>,
    rate: DivisionRate,
    [channels, height, width]: [usize; 3],
) -> Tensor<4> {
    let [batch, count, dim] = blocks.dims();
    assert_eq!(
        count * dim,
        channels * height * width,
        "expected blocks for a {channels}×{height}×{width} map, got {count} blocks of {dim}"
    );
    blocks
        .reshape([
            batch * rate.channel,
            rate.height,
            rate.width,
            channels / rate.channel,
            height / rate.height,
            width / rate.width,
        ])
        // [B·rc, rh, rw, C/rc, H/rh, W/rw] -> [B·rc, C/rc, rh, H/rh, rw, W/rw]
        .permute([0, 3, 1, 4, 2, 5])
        .reshape([batch, channels, height, width])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution, Int};

    #[test]
    fn divide_then_assemble_is_identity() {
        let device = Device::flex();
        for (rate, shape) in [
            ((1, 1, 1), [2, 3, 4, 6]),
            ((2, 3, 1), [2, 3, 4, 6]),
            ((4, 6, 3), [1, 3, 4, 6]),
            ((2, 1, 2), [3, 4, 2, 5]),
        ] {
            let rate = DivisionRate {
                height: rate.0,
                width: rate.1,
                channel: rate.2,
            };
            let map = Tensor::<4>::random(shape, Distribution::Default, &device);
            let blocks = divide(map.clone(), rate);
            assert_eq!(blocks.dims()[1], rate.blocks());
            let back = assemble(blocks, rate, [shape[1], shape[2], shape[3]]);
            assert_eq!(back.into_data(), map.into_data());
        }
    }

    #[test]
    fn a_block_holds_neighbouring_pixels() {
        let map = Tensor::<1, Int>::arange(0..16, &Device::flex())
            .float()
            .reshape([1, 1, 4, 4]);
        let blocks = divide(map, DivisionRate::square(2));
        let first = blocks.slice([0..1, 1..2]).into_data();
        // The block to the right of the first: columns 2 and 3 of rows 0 and 1.
        assert_eq!(first.try_to_vec::<f32>().unwrap(), [2.0, 3.0, 6.0, 7.0]);
    }

    #[test]
    fn a_rate_that_does_not_divide_is_named() {
        let error = DivisionRate::square(16).block_dim([8, 8, 8]).unwrap_err();
        assert!(error.to_string().contains("rate 16 along the height"));
    }
}
