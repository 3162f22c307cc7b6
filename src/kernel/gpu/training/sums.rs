//! Sums over the rows of a matrix on GPUs. Each pass replaces some neighbouring rows by their sum,
//! until one row is left. The order of additions is fixed, so the result is the same to the bit in
//! every run. The rounding error grows with the rows of a pass, not with all rows.

use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::reshape;
use burn_cubecl::tensor::CubeTensor;

use crate::kernel::gpu::launches::{Launch, bytes, list};
use crate::kernel::gpu::layout::{channels_last, contiguous, dims, empty, units, vector};

/// Most rows that a unit (thread) adds up in one pass. A launch costs about as much time as this
/// many additions one after the other, so fewer passes of more rows would take longer.
const MOST: usize = 128;

/// The rows that each unit of the next pass over `rows` rows adds up: the same number in all passes
/// that are left, and as few passes as [`MOST`] allows.
pub(super) fn rows_each(rows: usize) -> usize {
    let mut passes = 1;
    while MOST.pow(passes) < rows {
        passes += 1;
    }
    (rows as f64).powf(1.0 / f64::from(passes)).ceil() as usize
}

/// Maps `[B, C, H, W]` to the sum of each channel, `[C]`.
pub(super) fn channel_sums(maps: CubeTensor) -> CubeTensor {
    let maps = channels_last(maps);
    let [batch, height, width, channels] = dims(&maps);
    let rows = batch * height * width;
    sum_rows(reshape(maps, [rows, channels].into()))
}

/// Sums `[R, C]` over the rows: `[C]`.
pub(super) fn sum_rows(x: CubeTensor) -> CubeTensor {
    let [_, columns] = dims(&x);
    reshape(sum_to(x, 1), [columns].into())
}

/// Sums neighbouring rows of `[R, C]` until a single pass is left: `[R', C]`.
pub(super) fn sum_to_last_pass(x: CubeTensor) -> CubeTensor {
    sum_to(x, MOST)
}

/// Sums neighbouring rows of `[R, C]` until there are at most so many: `[R', C]`.
fn sum_to(mut x: CubeTensor, most: usize) -> CubeTensor {
    let [mut rows, columns] = dims(&x);
    while rows > most {
        let input = contiguous(x);
        let each = rows_each(rows);
        rows = rows.div_ceil(each);
        x = empty(&input, [rows, columns]);
        let client = input.client.clone();
        let vectors = columns / vector(columns);
        list(|| Launch {
            kernel: "sum",
            units: rows * vectors,
            flops: rows * each * columns,
            bytes: bytes([&input, &x]),
            loads: each,
            steps: each,
        });
        let (count, dim) = units(&client, rows * vectors);
        // SAFETY: the kernel writes within the output and reads within the input.
        #[expect(unsafe_code, reason = "checked, every access would be slower")]
        unsafe {
            sum_kernel::launch_unchecked(
                &client,
                count,
                dim,
                vector(columns),
                input.into_tensor_arg(),
                x.clone().into_tensor_arg(),
                each,
            );
        }
    }
    x
}

/// Input `[R, C]`, output `[R', C]`: every output row is the sum of `each` input rows.
#[cube(launch_unchecked)]
fn sum_kernel<N: Size>(
    input: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    each: usize,
) {
    let vectors = input.shape(1) / input.vector_size();
    let (piece, vector) = (ABSOLUTE_POS / vectors, ABSOLUTE_POS % vectors);
    if piece >= output.shape(0) {
        terminate!();
    }
    let first = piece * each;
    let mut sum = Vector::zeroed();
    for row in first..min(first + each, input.shape(0)) {
        sum += input[row * vectors + vector];
    }
    output[piece * vectors + vector] = sum;
}
