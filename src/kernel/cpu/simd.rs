//! The innermost loops. Each computes a small tile of results whose sums stay in vector registers.

use std::iter::{Zip, zip};
use std::ops::Range;
use std::slice::{ChunksExact, Iter};

use pulp::{Arch, Simd, WithSimd};

/// Output channels of a [`Tile`]: as many as leave enough registers for the pixels.
pub(super) const fn block<S: Simd>() -> usize {
    if S::F32_LANES >= 16 { WIDE } else { NARROW }
}

const WIDE: usize = 8;
const NARROW: usize = 4;

/// Largest number of pixel vectors in a tile.
const VECTORS: usize = 3;

/// Pixels in a tile. V8 (the browser's compiler) has 15 registers for the sums, the pixels, a
/// weight and a product. With 4 × 3 vectors of sums it spills registers to memory; 4 × 2 are 1.4
/// times as fast (see benches/README.md).
pub(super) const fn tile_width<S: Simd>() -> usize {
    let vectors = if S::F32_LANES >= 8 { VECTORS } else { 2 };
    vectors * S::F32_LANES
}

/// Runs `job` with the widest vector instructions that this processor supports.
pub(super) fn dispatch<J: WithSimd>(job: J) -> J::Output {
    Arch::new().dispatch(job)
}

/// Runs `work`, a closure that is inlined, in a function of its own.
///
/// A browser optimizes whole functions while they run. Large ones take it long, and during that
/// time the first image shares the cores with the compiler.
#[inline(never)]
pub(super) fn apart<S: Simd, R>(simd: S, work: impl FnOnce() -> R) -> R {
    struct Apart<F>(F);
    impl<F: FnOnce() -> R, R> WithSimd for Apart<F> {
        type Output = R;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _simd: S) -> R {
            (self.0)()
        }
    }
    simd.vectorize(Apart(work))
}

/// N rows of `values`, which start `stride` values apart, as `count` vectors each.
///
/// NOTE: with `std::array::from_fn`, the compiler calls a function for each row, which takes as
/// long as the work on a short row.
#[inline(always)]
pub(super) fn vectors<S: Simd, const N: usize>(
    mut values: &[f32],
    stride: usize,
    count: usize,
) -> [&[S::f32s]; N] {
    let mut rows: [&[S::f32s]; N] = [&[]; N];
    for row in &mut rows {
        *row = &S::as_simd_f32s(values).0[..count];
        values = values.get(stride..).unwrap_or_default();
    }
    rows
}

/// The same as [`vectors`], but mutable.
#[inline(always)]
pub(super) fn vectors_mut<'a, S: Simd, const N: usize>(
    mut values: &'a mut [f32],
    stride: usize,
    count: usize,
) -> [&'a mut [S::f32s]; N]
where
    [&'a mut [S::f32s]; N]: Default,
{
    let mut rows = <[&mut [S::f32s]; N]>::default();
    for row in &mut rows {
        let (first, rest) = values.split_at_mut(stride.min(values.len()));
        *row = &mut S::as_mut_simd_f32s(first).0[..count];
        values = rest;
    }
    rows
}

/// The value of [`block`] for this processor.
pub(super) fn channel_block() -> usize {
    struct Block;
    impl WithSimd for Block {
        type Output = usize;
        fn with_simd<S: Simd>(self, _simd: S) -> usize {
            block::<S>()
        }
    }
    dispatch(Block)
}

/// `output[c][p] (+)= Σ weights[t][i][c] · input[i][offsets[t] + p]`, summed over the kernel
/// offsets t and the input channels i, for a block of output channels c and a range of contiguous
/// pixels p.
///
/// The last vector is always computed and stored whole, even if fewer pixels are wanted. Planes
/// therefore need room for [`slack`] more values.
pub(super) struct Tile<'a> {
    /// `[offsets, channels, block]`.
    weights: &'a [f32],
    /// Number of weights for one kernel offset.
    weights_per_offset: usize,
    /// Index in a channel's planes at which each kernel offset reads for pixel 0.
    offsets: &'a [u32],
    /// The planes of each channel.
    input: ChunksExact<'a, f32>,
    /// Whether the results are added to the values in `output` or replace them.
    accumulate: bool,
}

/// Number of values that a plane must have past its last pixel.
pub(super) const fn slack() -> usize {
    VECTORS * 16
}

impl<'a> Tile<'a> {
    /// `weights` are `[offsets, channels, block]`. The planes of one channel take `stride` values
    /// of `input`.
    pub(super) fn new(
        weights: &'a [f32],
        offsets: &'a [u32],
        input: &'a [f32],
        stride: usize,
        accumulate: bool,
    ) -> Self {
        Self {
            weights,
            weights_per_offset: weights.len() / offsets.len(),
            offsets,
            input: input.chunks_exact(stride),
            accumulate,
        }
    }

    /// Computes `pixels` for the block of output channels. Their planes start `stride` values apart
    /// in `output`.
    ///
    /// This is not inlined, because the compilers of browsers allocate registers well only in small
    /// functions.
    #[inline(never)]
    pub(super) fn run<S: Simd>(
        &self,
        simd: S,
        output: &mut [f32],
        stride: usize,
        pixels: Range<usize>,
    ) {
        simd.vectorize(Run {
            tile: self,
            output,
            stride,
            pixels,
        });
    }

    /// Iterates over the input channels: the weights for one kernel offset, and the channel's
    /// plane. Creating the iterator takes integer divisions, which are noticeable when there are
    /// few channels; in return, the loop needs no bounds checks.
    #[inline(always)]
    fn columns<const C: usize>(&self, offset: usize) -> Columns<'a, C> {
        let weights = &self.weights[offset * self.weights_per_offset..][..self.weights_per_offset];
        zip(weights.as_chunks::<C>().0, self.input.clone())
    }

    #[inline(always)]
    fn block<S: Simd, const C: usize>(
        &self,
        simd: S,
        output: &mut [f32],
        stride: usize,
        pixels: Range<usize>,
    ) {
        let first = self.columns::<C>(0);
        for start in pixels.clone().step_by(tile_width::<S>()) {
            let output = &mut output[start..];
            let first = first.clone();
            match (pixels.end - start).div_ceil(S::F32_LANES) {
                1 => self.tile::<S, C, 1>(simd, first, output, stride, start),
                2 => self.tile::<S, C, 2>(simd, first, output, stride, start),
                _ if tile_width::<S>() == 2 * S::F32_LANES => {
                    self.tile::<S, C, 2>(simd, first, output, stride, start);
                }
                _ => self.tile::<S, C, 3>(simd, first, output, stride, start),
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const C: usize, const V: usize>(
        &self,
        simd: S,
        first: Columns<'a, C>,
        output: &mut [f32],
        stride: usize,
        start: usize,
    ) {
        let width = V * S::F32_LANES;
        let mut sums = [[simd.splat_f32s(0.0); V]; C];
        if self.accumulate {
            for (c, sums) in sums.iter_mut().enumerate() {
                let row = &output[c * stride..][..width];
                sums.copy_from_slice(S::as_simd_f32s(row).0);
            }
        }
        if self.weights_per_offset == C {
            // One input channel: a plain loop over the kernel offsets is faster.
            let plane = self.input.clone().next().unwrap_or_default();
            for (weights, &offset) in zip(self.weights.as_chunks::<C>().0, self.offsets) {
                sums = add::<S, C, V>(
                    simd,
                    weights,
                    &plane[start + offset as usize..][..width],
                    sums,
                );
            }
        } else {
            let mut columns = first;
            for (index, &offset) in self.offsets.iter().enumerate() {
                if index > 0 {
                    columns = self.columns(index);
                }
                let at = start + offset as usize;
                for (weights, plane) in columns.clone() {
                    sums = add::<S, C, V>(simd, weights, &plane[at..][..width], sums);
                }
            }
        }
        for (c, sums) in sums.iter().enumerate() {
            let row = &mut output[c * stride..][..width];
            S::as_mut_simd_f32s(row).0.copy_from_slice(sums);
        }
    }
}

/// Adds the products of C weights and V vectors of pixels to `sums`.
#[inline(always)]
fn add<S: Simd, const C: usize, const V: usize>(
    simd: S,
    weights: &[f32; C],
    pixels: &[f32],
    mut sums: [[S::f32s; V]; C],
) -> [[S::f32s; V]; C] {
    let (pixels, _) = S::as_simd_f32s(pixels);
    for c in 0..C {
        let weight = simd.splat_f32s(weights[c]);
        for v in 0..V {
            sums[c][v] = simd.mul_add_e_f32s(weight, pixels[v], sums[c][v]);
        }
    }
    sums
}

type Columns<'a, const C: usize> = Zip<Iter<'a, [f32; C]>, ChunksExact<'a, f32>>;

struct Run<'a> {
    tile: &'a Tile<'a>,
    output: &'a mut [f32],
    stride: usize,
    pixels: Range<usize>,
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            tile,
            output,
            stride,
            pixels,
        } = self;
        if block::<S>() == WIDE {
            tile.block::<S, WIDE>(simd, output, stride, pixels);
        } else {
            tile.block::<S, NARROW>(simd, output, stride, pixels);
        }
    }
}

/// Rows of the left matrix in one [`dot_tile`].
pub(super) const DOT_ROWS: usize = 4;
/// Rows of the right matrix in one [`dot_tile`].
pub(super) const fn dot_columns<S: Simd>() -> usize {
    if S::F32_LANES >= 16 { 6 } else { 3 }
}

/// `Σₚ left[i·stride + p] · right[offsets[j] + p]` over p < `pixels`, for [`DOT_ROWS`] rows i and
/// `N` rows j. The sum runs to the end of the last whole vector, so the values past `pixels` must
/// be zero in one of the two matrices.
#[inline(always)]
pub(super) fn dot_tile<S: Simd, const N: usize>(
    simd: S,
    left: &[f32],
    stride: usize,
    right: &[f32],
    offsets: [u32; N],
    pixels: usize,
) -> [[f32; N]; DOT_ROWS] {
    // NOTE: no closures here: they would not be compiled with the vector instructions of `S`.
    let steps = pixels.div_ceil(S::F32_LANES);
    let length = steps * S::F32_LANES;
    let mut a: [&[S::f32s]; DOT_ROWS] = [&[]; DOT_ROWS];
    for (i, row) in a.iter_mut().enumerate() {
        *row = &S::as_simd_f32s(&left[i * stride..][..length]).0[..steps];
    }
    let mut b: [&[S::f32s]; N] = [&[]; N];
    for (row, offset) in b.iter_mut().zip(offsets) {
        *row = &S::as_simd_f32s(&right[offset as usize..][..length]).0[..steps];
    }
    let mut sums = [[simd.splat_f32s(0.0); N]; DOT_ROWS];
    for p in 0..steps {
        let mut columns = [simd.splat_f32s(0.0); N];
        for j in 0..N {
            columns[j] = b[j][p];
        }
        for i in 0..DOT_ROWS {
            let value = a[i][p];
            for j in 0..N {
                sums[i][j] = simd.mul_add_e_f32s(value, columns[j], sums[i][j]);
            }
        }
    }
    let mut dots = [[0.0; N]; DOT_ROWS];
    for i in 0..DOT_ROWS {
        for j in 0..N {
            dots[i][j] = simd.reduce_sum_f32s(sums[i][j]);
        }
    }
    dots
}

#[cfg(test)]
mod tests {
    use super::*;

    /// If pulp used scalar instructions instead of vector instructions, all results would still be
    /// right, and only the running time would show it. `./build.sh aarch64` runs this test for
    /// NEON.
    #[test]
    fn this_processor_has_vector_instructions() {
        struct Lanes;
        impl WithSimd for Lanes {
            type Output = usize;
            fn with_simd<S: Simd>(self, _simd: S) -> usize {
                S::F32_LANES
            }
        }
        assert!(dispatch(Lanes) >= 4);
    }
}
