//! Direct convolution in row tiles: each is small enough for a core's cache, and one thread works
//! on it at a time.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::flat::Flat;
use super::pack::Packed;
use super::scratch::{Scratch, at_least, with_scratch};
use super::simd::{self, Tile, channel_block, slack, tile_width};
use crate::kernel::parallel;

/// Largest number of plane values (input and output) in a row tile: 512 KiB of f32, about the size
/// of a core's second-level cache.
const BUDGET: usize = 128 * 1024;

/// Least size of a row tile, in pixels. If an image is smaller, several images are put into one row
/// tile.
const PIXELS: usize = 512;

/// A batch is divided into at least this many row tiles, if it has so many images, so that several
/// threads have work.
const LEAST_ROW_TILES: usize = 4;

/// Number of weight columns (input channel, kernel offset) that are applied to one block of output
/// channels before the next block. The pixels that they read then stay in the first-level cache.
const COLUMNS: usize = 288;
/// With fewer input channels than this, the channels are treated as additional kernel offsets of a
/// single channel, because the loop over so few channels is slow.
const FEW: usize = 8;
/// Least number of pixels for which all weights are applied before the next pixels.
const GROUP: usize = 16;

/// One of the k × k positions in the kernel, as an offset in the planes of one channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct KernelOffset {
    /// Index of the plane within the channel, see [`Flat`].
    pub plane: usize,
    pub row: usize,
    pub column: usize,
}

/// A range of rows in a range of images of the batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowTile {
    pub image: usize,
    pub images: usize,
    pub row: usize,
    pub rows: usize,
}

impl RowTile {
    /// Divides `batch` images of `rows` rows, each of `stride` values, into row tiles of about
    /// `pixels` values and at most `images` images.
    pub(super) fn cut(
        batch: usize,
        rows: usize,
        stride: usize,
        pixels: usize,
        images: usize,
    ) -> Vec<Self> {
        let rows_each = (pixels / stride).clamp(1, rows);
        let images_each = if rows_each < rows {
            1
        } else {
            (pixels / (rows * stride)).clamp(1, images.max(1))
        };
        let mut row_tiles = Vec::new();
        for image in (0..batch).step_by(images_each) {
            for row in (0..rows).step_by(rows_each) {
                row_tiles.push(Self {
                    image,
                    images: images_each.min(batch - image),
                    row,
                    rows: rows_each.min(rows - row),
                });
            }
        }
        row_tiles
    }
}

/// What is applied to the results before they are written to the output.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Finish<'a> {
    /// Added to each output channel, `[O]`.
    pub bias: Option<&'a [f32]>,
    /// Slope of a leaky ReLU for negative values; no activation if absent.
    pub slope: Option<f32>,
}

/// A convolution with stride 1 over flat planes, followed by a pixel shuffle (sub-pixel
/// convolution, Shi et al., 2016) with the factor r = `upscale`: result (y, x) of channel (c, a,
/// b), where a, b < r, becomes pixel (r·y + a, r·x + b) of output channel c. With r > 1 this is a
/// transposed convolution of stride r.
pub(super) struct Plan {
    pub batch: usize,
    pub input: Flat,
    pub offsets: Vec<KernelOffset>,
    /// Rows and columns of results, before the pixel shuffle.
    pub rows: usize,
    pub columns: usize,
    pub upscale: usize,
    /// Rows and columns that are cut off at the top and on the left after the pixel shuffle.
    pub crop: usize,
    /// `[C, H, W]` of the output map.
    pub output: [usize; 3],
}

impl Plan {
    /// The kernel offsets as indices in the planes of one channel, which start `plane_stride`
    /// values apart.
    pub(super) fn offsets(&self, plane_stride: usize) -> Vec<u32> {
        let index = |offset: &KernelOffset| {
            offset.plane * plane_stride + offset.row * self.input.stride + offset.column
        };
        self.offsets
            .iter()
            .map(|offset| index(offset) as u32)
            .collect()
    }

    /// Number of planes of one channel.
    fn planes(&self) -> usize {
        self.input.split * self.input.split
    }

    /// Number of input channels that are applied to one block of output channels before the next
    /// block, see [`COLUMNS`].
    fn channels_each(&self) -> usize {
        (COLUMNS / self.offsets.len()).max(1)
    }

    /// Input channel and index of the kernel offset for each column of the weights, in the order in
    /// which they are applied.
    pub(super) fn columns(&self) -> impl Iterator<Item = (usize, usize)> {
        let (channels, each) = (self.input.channels, self.channels_each());
        (0..channels).step_by(each).flat_map(move |first| {
            let group = first..channels.min(first + each);
            (0..self.offsets.len())
                .flat_map(move |offset| group.clone().map(move |channel| (channel, offset)))
        })
    }

    /// Number of rows that a window reaches below the row of its position.
    pub(super) fn reach(&self) -> usize {
        self.offsets
            .iter()
            .map(|offset| offset.row)
            .max()
            .unwrap_or(0)
    }

    /// Rows of the output map that come from `row_tile`.
    fn output_rows(&self, row_tile: &RowTile) -> Range<usize> {
        let height = self.output[1];
        let at = |row: usize| (row * self.upscale).saturating_sub(self.crop).min(height);
        let end = if row_tile.row + row_tile.rows == self.rows {
            height
        } else {
            at(row_tile.row + row_tile.rows)
        };
        at(row_tile.row)..end
    }

    pub(super) fn run(&self, input: &[f32], weights: &Packed, finish: Finish) -> Vec<f32> {
        let [channels, ..] = self.output;
        assert_eq!(
            input.len(),
            self.batch * self.input.channels * self.input.height * self.input.width
        );
        assert_eq!(weights.columns, self.input.channels * self.offsets.len());
        assert_eq!(weights.rows, channels * self.upscale * self.upscale);
        let depth = self.input.planes() + weights.rows;
        let pixels = (BUDGET / depth).max(PIXELS);
        let row_tiles = RowTile::cut(
            self.batch,
            self.rows,
            self.input.stride,
            pixels,
            self.batch / LEAST_ROW_TILES,
        );

        self.share_out(row_tiles, |share| {
            with_scratch(|scratch| {
                simd::dispatch(Job {
                    plan: self,
                    share,
                    input,
                    weights,
                    finish,
                    scratch,
                });
            });
        })
    }

    /// Calls `work` in parallel to fill the output rows of every row tile. The row tiles must cover
    /// all rows in order, and all but those of the last images must have the same number of images.
    /// If there are fewer row tiles than threads, the output channels are divided among the threads
    /// too, in whole blocks. The results do not depend on this division.
    pub(super) fn share_out(
        &self,
        row_tiles: Vec<RowTile>,
        work: impl Fn(Share) + Sync + Send,
    ) -> Vec<f32> {
        let [channels, height, width] = self.output;
        let mut output = vec![0.0; self.batch * channels * height * width];
        let in_a_group = row_tiles
            .iter()
            .take_while(|row_tile| row_tile.image == 0)
            .count();
        let images_each = row_tiles[0].images;
        let of_a_row_tile = parallel::threads().div_ceil(row_tiles.len());
        let channels_each = (channels.div_ceil(of_a_row_tile)).next_multiple_of(channel_block());
        let of_a_row_tile = channels.div_ceil(channels_each);
        let share = |row_tile, first| Share {
            row_tile,
            outputs: first..channels.min(first + channels_each),
            maps: Vec::new(),
        };
        let firsts = || (0..channels).step_by(channels_each);
        let mut shares: Vec<_> = (row_tiles.iter())
            .flat_map(|&row_tile| firsts().map(move |first| share(row_tile, first)))
            .collect();
        for (index, mut map) in output.chunks_exact_mut(height * width).enumerate() {
            let group = index / channels / images_each;
            let first = group * in_a_group * of_a_row_tile + index % channels / channels_each;
            let shares = shares[first..].iter_mut().step_by(of_a_row_tile);
            for share in shares.take(in_a_group) {
                let rows = self.output_rows(&share.row_tile).len();
                let (part, rest) = map.split_at_mut(rows * width);
                share.maps.push(part);
                map = rest;
            }
        }
        parallel::for_each(shares, work);
        output
    }
}

/// The part of the output that one call of the work fills: some channels of a row tile.
pub(super) struct Share<'a> {
    pub row_tile: RowTile,
    /// The output channels.
    pub outputs: Range<usize>,
    /// The row tile's rows of these channels, ordered by image, then channel.
    pub maps: Vec<&'a mut [f32]>,
}

struct Job<'a> {
    plan: &'a Plan,
    share: Share<'a>,
    input: &'a [f32],
    weights: &'a Packed,
    finish: Finish<'a>,
    scratch: &'a mut Scratch,
}

impl WithSimd for Job<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            plan,
            share,
            input,
            weights,
            finish,
            scratch,
        } = self;
        let Share {
            row_tile,
            outputs,
            maps,
        } = share;
        let stride = plan.input.stride;
        let segment = (row_tile.rows + plan.reach()) * stride;
        let plane_stride = row_tile.images * segment + stride + slack();
        let planes = at_least(&mut scratch.input, plan.input.planes() * plane_stride);
        simd::apart(
            simd,
            #[inline(always)]
            || prepare(&plan.input, &row_tile, input, planes, segment, plane_stride),
        );

        let out_stride = row_tile.images * segment + slack();
        let of_a_channel = plan.upscale * plan.upscale;
        let out_rows = (outputs.len() * of_a_channel).next_multiple_of(weights.block);
        let first_panel = outputs.start * of_a_channel / weights.block;
        let results = at_least(&mut scratch.output, out_rows * out_stride);
        let pixels = (row_tile.images - 1) * segment + (row_tile.rows - 1) * stride + plan.columns;
        let mut offsets = plan.offsets(plane_stride);
        let of_a_chunk = plan.channels_each() * offsets.len() * weights.block;
        let mut channel_stride = plan.planes() * plane_stride;
        let chunk_planes = plan.channels_each() * channel_stride;
        if plan.input.channels < FEW {
            let channels = 0..plan.input.channels;
            let of_all_channels = |offset| {
                let at = move |channel| (channel * channel_stride) as u32 + offset;
                channels.clone().map(at)
            };
            offsets = offsets.into_iter().flat_map(of_all_channels).collect();
            channel_stride = planes.len();
        }
        let group = tile_width::<S>().max(GROUP);
        for start in (0..pixels).step_by(group) {
            let range = start..pixels.min(start + group);
            for (chunk, input) in planes.chunks(chunk_planes).enumerate() {
                let results = results.chunks_exact_mut(weights.block * out_stride);
                for (panel, results) in weights.panels().skip(first_panel).zip(results) {
                    let end = panel.len().min((chunk + 1) * of_a_chunk);
                    let weights = &panel[chunk * of_a_chunk..end];
                    let tile = Tile::new(weights, &offsets, input, channel_stride, chunk > 0);
                    tile.run(simd, results, out_stride, range.clone());
                }
            }
        }
        simd::apart(
            simd,
            #[inline(always)]
            || {
                write(
                    plan, &row_tile, outputs, results, segment, out_stride, finish, maps,
                );
            },
        );
    }
}

/// Copies the input rows of a row tile into flat planes. In each plane the images follow one
/// another, `segment` values apart, and zeros follow the last image.
#[inline(always)]
pub(super) fn prepare(
    flat: &Flat,
    row_tile: &RowTile,
    input: &[f32],
    planes: &mut [f32],
    segment: usize,
    plane_stride: usize,
) {
    let size = flat.channels * flat.height * flat.width;
    for image in 0..row_tile.images {
        let map = &input[(row_tile.image + image) * size..][..size];
        flat.copy(
            map,
            &mut planes[image * segment..],
            plane_stride,
            row_tile.row,
            segment / flat.stride,
        );
    }
    for plane in planes.chunks_exact_mut(plane_stride).take(flat.planes()) {
        plane[row_tile.images * segment..].fill(0.0);
    }
}

#[expect(clippy::too_many_arguments, reason = "the operands of the last step")]
#[inline(always)]
fn write(
    plan: &Plan,
    row_tile: &RowTile,
    outputs: Range<usize>,
    results: &[f32],
    segment: usize,
    out_stride: usize,
    finish: Finish,
    maps: Vec<&mut [f32]>,
) {
    let [_, _, width] = plan.output;
    let Plan { upscale, crop, .. } = *plan;
    let rows = plan.output_rows(row_tile);
    for (index, map) in maps.into_iter().enumerate() {
        let (image, channel) = (index / outputs.len(), index % outputs.len());
        let bias = finish
            .bias
            .map_or(0.0, |bias| bias[outputs.start + channel]);
        for (y, row) in rows.clone().zip(map.chunks_exact_mut(width)) {
            let (at, a) = ((y + crop) / upscale - row_tile.row, (y + crop) % upscale);
            for b in 0..upscale {
                let plane = (channel * upscale + a) * upscale + b;
                let start = plane * out_stride + image * segment + at * plan.input.stride;
                // First column of the output row whose results lie in this plane.
                let first = (b + upscale - crop % upscale) % upscale;
                let skip = (first + crop) / upscale;
                let source = &results[start + skip..];
                if upscale == 1 {
                    row.iter_mut()
                        .zip(source)
                        .for_each(|(pixel, &value)| *pixel = value + bias);
                } else {
                    let pixels = row.get_mut(first..).unwrap_or_default();
                    pixels
                        .iter_mut()
                        .step_by(upscale)
                        .zip(source)
                        .for_each(|(pixel, &value)| *pixel = value + bias);
                }
            }
            if let Some(slope) = finish.slope {
                for pixel in row {
                    let low = slope * *pixel;
                    *pixel = if *pixel > 0.0 { *pixel } else { low };
                }
            }
        }
    }
}
