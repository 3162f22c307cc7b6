//! Sums over the rows of a matrix on GPUs. Each unit (thread) of a cube (workgroup) adds up some
//! rows; then the cube adds up the sums of its units in shared memory. The order of additions is
//! fixed, so that every run gives the same bits. The rounding error grows with the number of rows
//! of a unit, not with the number of all rows.

use burn_cubecl::cubecl::{self, calculate_cube_count_elemwise, prelude::*};
use burn_cubecl::ops::reshape;
use burn_cubecl::tensor::CubeTensor;

use crate::kernel::gpu::launches::{Launch, bytes, list};
use crate::kernel::gpu::layout::{channels_last, contiguous, dims, empty, vector};

/// Maximum number of units of a cube; browsers allow at least this many.
const UNITS: usize = 256;

/// Minimum number of neighbouring vectors of a row that a cube adds up, because they are next to
/// each other in memory.
const ACROSS: usize = 4;

/// Minimum and maximum number of rows that a unit adds up. The maximum takes about as much time as
/// a launch, so with fewer rows, a second launch would cost more than it saves.
const LEAST: usize = 8;
const MOST: usize = 128;

/// Units that keep a large GPU busy.
const ENOUGH: usize = 64 * 1024;

/// How cubes divide the rows of a matrix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Division {
    /// Rows of the matrix.
    pub(super) rows: usize,
    /// Number of pieces into which the rows are divided. Each piece has its own cubes.
    pub(super) pieces: usize,
    /// Maximum number of rows of a unit.
    pub(super) each: usize,
    /// The division of a cube's work among its units.
    pub(super) shares: Shares,
    /// Number of cubes that a piece needs for all vectors of a row.
    cubes: usize,
}

impl Division {
    /// The division of a matrix with `rows` rows of `vectors` vectors, of which a unit reads each
    /// row `times` times. There is a single piece if that does not take too long. Otherwise, a
    /// second launch with a single piece adds up the pieces.
    pub(super) fn new(rows: usize, vectors: usize, times: usize) -> Self {
        let most_lanes = 1 << (UNITS / vectors.min(ACROSS)).ilog2();
        let lanes = rows.div_ceil(LEAST).next_power_of_two().min(most_lanes);
        let across = vectors.min(UNITS / lanes);
        let most = MOST / times;
        let mut each = rows.div_ceil(lanes);
        if each > most {
            each = (rows * vectors / ENOUGH).clamp(LEAST, most);
            each = each.max(rows.div_ceil(lanes * lanes * most));
        }
        Self {
            rows,
            pieces: rows.div_ceil(lanes * each),
            each,
            shares: Shares { across, lanes },
            cubes: vectors.div_ceil(across),
        }
    }

    /// Units of all cubes.
    pub(super) fn units(&self) -> usize {
        self.pieces * self.cubes * self.shares.units()
    }

    /// The launch size.
    pub(super) fn launch(&self, client: &Client) -> (CubeCount, CubeDim) {
        let dim = CubeDim::new_1d(self.shares.units() as u32);
        (
            calculate_cube_count_elemwise(client, self.units(), dim),
            dim,
        )
    }
}

/// The division of a cube's work among its units: the lanes of a vector read the rows of a piece in
/// turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shares {
    /// Number of neighbouring vectors of a row that a cube adds up.
    pub(super) across: usize,
    /// Number of units that share a vector; a power of two.
    pub(super) lanes: usize,
}

impl Shares {
    /// Units of a cube.
    fn units(&self) -> usize {
        self.across * self.lanes
    }
}

/// Maps `[B, C, H, W]` to the sum of each channel, `[C]`.
pub(super) fn channel_sums(maps: CubeTensor) -> CubeTensor {
    let maps = channels_last(maps);
    let [batch, height, width, channels] = dims(&maps);
    let rows = batch * height * width;
    sum_rows(reshape(maps, [rows, channels].into()))
}

/// Sums `[R, C]` over the rows: `[C]`.
pub(super) fn sum_rows(mut x: CubeTensor) -> CubeTensor {
    let [mut rows, columns] = dims(&x);
    let vectors = columns / vector(columns);
    while rows > 1 {
        let input = contiguous(x);
        let division = Division::new(rows, vectors, 1);
        rows = division.pieces;
        x = empty(&input, [rows, columns]);
        list(|| Launch {
            kernel: "sum",
            units: division.units(),
            flops: division.rows * columns,
            bytes: bytes([&input, &x]),
            loads: division.each,
            steps: division.each,
        });
        let client = input.client.clone();
        let (count, dim) = division.launch(&client);
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
                division.each,
                division.shares,
            );
        }
    }
    reshape(x, [columns].into())
}

/// Input `[R, C]`, output `[R', C]`: every output row is the sum of a piece of the input rows.
#[cube(launch_unchecked)]
fn sum_kernel<N: Size>(
    input: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    each: usize,
    #[comptime] shares: Shares,
) {
    let vectors = input.shape(1) / input.vector_size();
    let place = place(input.shape(0), vectors, each, shares);
    let mut sum = Vector::zeroed();
    for turn in 0..place.turns {
        sum += input[(place.first + turn * shares.lanes) * vectors + place.vector];
    }
    let sum = add_up(sum, shares);
    if place.writes && place.piece < output.shape(0) {
        output[place.piece * vectors + place.vector] = sum;
    }
}

/// The position of a unit in the matrix, see [`Division`].
#[derive(CubeType)]
pub(super) struct Place {
    /// The index of the vector within a row.
    pub(super) vector: usize,
    /// The index of the piece.
    pub(super) piece: usize,
    /// The first row, and the number of rows that the unit reads. These rows are as many rows apart
    /// as there are lanes.
    pub(super) first: usize,
    pub(super) turns: usize,
    /// Whether this is the unit of its vector and piece that writes the result.
    pub(super) writes: bool,
}

/// The position of this unit in a matrix with `rows` rows of `vectors` vectors.
#[cube]
pub(super) fn place(rows: usize, vectors: usize, each: usize, #[comptime] shares: Shares) -> Place {
    let cubes = vectors.div_ceil(shares.across);
    let unit = UNIT_POS as usize;
    let lane = unit / shares.across;
    let vector = CUBE_POS % cubes * shares.across + unit % shares.across;
    let piece = CUBE_POS / cubes;
    let first = piece * each * shares.lanes + lane;
    let end = min((piece + 1) * each * shares.lanes, rows);
    // There may be more units than vectors and rows, but all units must reach the barriers in
    // `add_up`.
    let is_inside = vector < vectors && first < end;
    let turns = select(is_inside, (end - first).div_ceil(shares.lanes), 0);
    Place {
        vector,
        piece,
        first,
        turns,
        writes: vector < vectors && lane == 0,
    }
}

/// The sum of the values of all units that share a vector; every unit gets the result.
#[cube]
pub(super) fn add_up<N: Size>(value: Vector<f32, N>, #[comptime] shares: Shares) -> Vector<f32, N> {
    let mut sum = value;
    if comptime!(shares.lanes > 1) {
        let unit = UNIT_POS as usize;
        let mut values =
            Shared::<[Vector<f32, N>]>::new_slice(comptime!(shares.across * shares.lanes));
        values[unit] = value;
        sync_cube();
        #[unroll]
        for halving in 0..comptime!(shares.lanes.ilog2() as usize) {
            let half = comptime!((shares.across * shares.lanes) >> (halving + 1));
            if unit < half {
                let other = values[unit + half];
                values[unit] += other;
            }
            sync_cube();
        }
        sum = values[unit % shares.across];
        // The next call may use the same shared memory.
        sync_cube();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_launch_adds_up_all_pieces() {
        for times in [1, 2] {
            for vectors in [1, 2, 3, 4, 16, 64] {
                for rows in (0..31).flat_map(|power| [1 << power, (1 << power) + 1, 3 << power]) {
                    let first = Division::new(rows, vectors, times);
                    let second = Division::new(first.pieces, vectors, times);
                    assert_eq!(second.pieces, 1, "{times} {vectors} {rows}: {first:?}");
                }
            }
        }
    }
}
