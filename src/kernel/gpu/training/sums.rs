//! Sums over the rows of a matrix on GPUs. The units (threads) of a cube (workgroup) add up some rows
//! each, and then their sums, in shared memory. The order of additions is fixed, so the result is the
//! same to the bit in every run, and the rounding error grows with the rows of a unit, not with all
//! rows.

use burn_cubecl::cubecl::{self, calculate_cube_count_elemwise, prelude::*};
use burn_cubecl::ops::reshape;
use burn_cubecl::tensor::CubeTensor;

use crate::kernel::gpu::launches::{Launch, bytes, list};
use crate::kernel::gpu::layout::{channels_last, contiguous, dims, empty, vector};

/// Units of a cube: more than a browser allows are never needed.
const UNITS: usize = 256;

/// Vectors of a row that a cube adds up side by side at least: they are next to each other in memory.
const ACROSS: usize = 4;

/// Least and most rows that a unit adds up. A launch costs about as much time as the most, so two
/// launches with fewer rows would take longer.
const LEAST: usize = 8;
const MOST: usize = 128;

/// Units that keep a large GPU busy.
const ENOUGH: usize = 64 * 1024;

/// How cubes divide the rows of a matrix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Division {
    /// Rows of the matrix.
    pub(super) rows: usize,
    /// Pieces of the rows, each with cubes of its own.
    pub(super) pieces: usize,
    /// Most rows of a unit.
    pub(super) each: usize,
    /// How the units of a cube share its work.
    pub(super) shares: Shares,
    /// Cubes that a piece needs for all vectors of a row.
    cubes: usize,
}

impl Division {
    /// Of so many rows of so many vectors, which a unit reads `times` times. There is a single piece
    /// if that does not take too long. Otherwise, the pieces can be added up in a second launch with a
    /// single piece.
    pub(super) fn new(rows: usize, vectors: usize, times: usize) -> Self {
        let most_lanes = 1 << (UNITS / vectors.min(ACROSS)).ilog2();
        let lanes = rows.div_ceil(LEAST).next_power_of_two().min(most_lanes);
        let across = vectors.min(UNITS / lanes);
        let most = MOST / times;
        let mut each = rows.div_ceil(lanes);
        if each > most {
            each = (rows * vectors / ENOUGH).clamp(LEAST, most);
            each = each.max(rows.div_ceil(lanes * lanes * MOST));
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

/// How the units of a cube share its work: all lanes of a vector take turns at the rows of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shares {
    /// Vectors of a row that a cube adds up side by side.
    pub(super) across: usize,
    /// Units that share a vector, a power of two.
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

/// What a unit has to do, see [`Division`].
#[derive(CubeType)]
pub(super) struct Place {
    /// The vector of the rows.
    pub(super) vector: usize,
    /// The piece of the rows.
    pub(super) piece: usize,
    /// The first row, and how many the unit has to read, which are as far apart as there are lanes.
    pub(super) first: usize,
    pub(super) turns: usize,
    /// Whether this is the unit of its vector and piece that writes the result.
    pub(super) writes: bool,
}

/// The place of this unit, for so many `rows` and `vectors` of a matrix.
#[cube]
pub(super) fn place(rows: usize, vectors: usize, each: usize, #[comptime] shares: Shares) -> Place {
    let cubes = vectors.div_ceil(shares.across);
    let unit = UNIT_POS as usize;
    let lane = unit / shares.across;
    let vector = CUBE_POS % cubes * shares.across + unit % shares.across;
    let piece = CUBE_POS / cubes;
    let first = piece * each * shares.lanes + lane;
    let end = min((piece + 1) * each * shares.lanes, rows);
    // There may be more units than vectors and rows; they all have to meet in `add_up`.
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

/// The sum of the values of all units of a vector, in every one of them.
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
        // The next sum may be in the same memory.
        sync_cube();
    }
    sum
}
