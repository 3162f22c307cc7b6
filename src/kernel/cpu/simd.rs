//! The innermost loops: small tiles of results held in registers.

use pulp::{Arch, Simd, WithSimd};

/// Channels a tile of [`Tile`] has: as many as leave room for the pixels in the registers.
pub(super) const fn block<S: Simd>() -> usize {
    if S::F32_LANES >= 16 { WIDE } else { NARROW }
}

const WIDE: usize = 8;
const NARROW: usize = 4;

/// Vectors of pixels in a tile.
pub(super) const VECTORS: usize = 3;

/// Runs `job` with the widest vectors this processor has.
pub(super) fn dispatch<J: WithSimd>(job: J) -> J::Output {
    Arch::new().dispatch(job)
}

/// [`block`] of this processor.
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

/// `output[c][p] (+)= Σₖ weights[k][c] · input[offsets[k] + p]` for a block of channels and
/// `output[0].len()` pixels in a row.
///
/// `weights` is `[K, block]`. Pixels past the last whole vector are computed and stored too: the
/// planes behind `input` and `output` have room for [`slack`] values more.
pub(super) struct Tile<'a> {
    pub weights: &'a [f32],
    pub offsets: &'a [u32],
    pub input: &'a [f32],
    /// Whether `output` starts from what it holds rather than from zero.
    pub accumulate: bool,
}

/// Room a plane needs past its last pixel.
pub(super) const fn slack() -> usize {
    VECTORS * 16
}

impl Tile<'_> {
    /// `pixels` results from `start` on for the channels whose planes, `stride` apart, lie in `output`.
    #[inline(always)]
    pub(super) fn run<S: Simd>(
        &self,
        simd: S,
        output: &mut [f32],
        stride: usize,
        start: usize,
        pixels: usize,
    ) {
        let vectors = pixels.div_ceil(S::F32_LANES).min(VECTORS);
        if block::<S>() == WIDE {
            match vectors {
                1 => self.tile::<S, WIDE, 1>(simd, output, stride, start),
                2 => self.tile::<S, WIDE, 2>(simd, output, stride, start),
                _ => self.tile::<S, WIDE, 3>(simd, output, stride, start),
            }
        } else {
            match vectors {
                1 => self.tile::<S, NARROW, 1>(simd, output, stride, start),
                2 => self.tile::<S, NARROW, 2>(simd, output, stride, start),
                _ => self.tile::<S, NARROW, 3>(simd, output, stride, start),
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const C: usize, const V: usize>(
        &self,
        simd: S,
        output: &mut [f32],
        stride: usize,
        start: usize,
    ) {
        let width = V * S::F32_LANES;
        let mut sums = [[simd.splat_f32s(0.0); V]; C];
        if self.accumulate {
            for (c, sums) in sums.iter_mut().enumerate() {
                let row = &output[c * stride + start..][..width];
                sums.copy_from_slice(S::as_simd_f32s(row).0);
            }
        }
        let input = &self.input[start..];
        for (weights, &offset) in self.weights.chunks_exact(C).zip(self.offsets) {
            let (pixels, _) = S::as_simd_f32s(&input[offset as usize..][..width]);
            for c in 0..C {
                let weight = simd.splat_f32s(weights[c]);
                for v in 0..V {
                    sums[c][v] = simd.mul_add_e_f32s(weight, pixels[v], sums[c][v]);
                }
            }
        }
        for (c, sums) in sums.iter().enumerate() {
            let row = &mut output[c * stride + start..][..width];
            S::as_mut_simd_f32s(row).0.copy_from_slice(sums);
        }
    }
}

/// Rows of the left factor in a tile of [`dot_tile`].
pub(super) const DOT_ROWS: usize = 4;
/// Rows of the right factor in a tile of [`dot_tile`].
pub(super) const fn dot_columns<S: Simd>() -> usize {
    if S::F32_LANES >= 16 { 6 } else { 3 }
}

/// `Σₚ left[i·stride + p] · right[offsets[j] + p]` over `pixels` values, for [`DOT_ROWS`] rows i and
/// `N` rows j. `pixels` is rounded up to whole vectors: what lies behind must be zero in one factor.
#[inline(always)]
pub(super) fn dot_tile<S: Simd, const N: usize>(
    simd: S,
    left: &[f32],
    stride: usize,
    right: &[f32],
    offsets: [u32; N],
    pixels: usize,
) -> [[f32; N]; DOT_ROWS] {
    // Loops rather than closures: a closure is not compiled for the processor's vectors.
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
