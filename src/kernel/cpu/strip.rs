//! The work of a convolution in pieces that fit into the cache and go to the threads.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::flat::Flat;
use super::pack::Packed;
use super::scratch::{Scratch, at_least, with_scratch};
use super::simd::{self, Tile, channel_block, slack, tile_width};
use crate::kernel::parallel;

/// How many values of planes a strip may have: about what a core's own cache holds.
const BUDGET: usize = 128 * 1024;

/// Small maps are put together until a strip has so many pixels.
const PIXELS: usize = 512;

/// A strip's images are limited so that there are at least as many strips as this.
const LEAST_STRIPS: usize = 4;

/// How many columns of the weights are applied before the next block of output channels has its
/// turn: the pixels they touch stay in the first-level cache.
const COLUMNS: usize = 288;
/// With fewer input channels than these, all their values are one list of taps.
const FEW: usize = 8;
/// Pixels that are worked on before the next ones have their turn, at least.
const GROUP: usize = 16;

/// Offset of one value of a window in the planes of one channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tap {
    /// Which of the channel's planes.
    pub plane: usize,
    pub row: usize,
    pub column: usize,
}

/// Some rows of some images.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strip {
    pub image: usize,
    pub images: usize,
    pub row: usize,
    pub rows: usize,
}

impl Strip {
    /// Cuts `batch` images of `rows` rows of `stride` values into strips of about `pixels`.
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
        let mut strips = Vec::new();
        for image in (0..batch).step_by(images_each) {
            for row in (0..rows).step_by(rows_each) {
                strips.push(Self {
                    image,
                    images: images_each.min(batch - image),
                    row,
                    rows: rows_each.min(rows - row),
                });
            }
        }
        strips
    }
}

/// What becomes of the results on their way out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Finish<'a> {
    /// Added, by channel.
    pub bias: Option<&'a [f32]>,
    /// Slope of a leaky rectifier below zero.
    pub slope: Option<f32>,
}

/// A convolution over flat planes, with its results spread over a map: results of channel
/// (c, a, b), where a and b are less than `spread`, are the pixels (spread·y + a, spread·x + b)
/// of channel c.
pub(super) struct Plan {
    pub batch: usize,
    pub input: Flat,
    pub taps: Vec<Tap>,
    /// Rows and columns of results.
    pub rows: usize,
    pub columns: usize,
    pub spread: usize,
    /// Results before the map's first row and column.
    pub lead: usize,
    /// `[C, H, W]` of the map.
    pub output: [usize; 3],
}

impl Plan {
    /// Where the values of a window lie in a channel's planes.
    pub(super) fn taps(&self, plane_stride: usize) -> Vec<u32> {
        let offset =
            |tap: &Tap| tap.plane * plane_stride + tap.row * self.input.stride + tap.column;
        self.taps.iter().map(|tap| offset(tap) as u32).collect()
    }

    /// Planes of one channel.
    fn planes(&self) -> usize {
        self.input.split * self.input.split
    }

    /// Input channels that are applied before the next block of output channels has its turn.
    fn channels_each(&self) -> usize {
        (COLUMNS / self.taps.len()).max(1)
    }

    /// Channel and tap of every column of the weights, in the order in which they are applied.
    pub(super) fn columns(&self) -> impl Iterator<Item = (usize, usize)> {
        let (channels, each) = (self.input.channels, self.channels_each());
        (0..channels).step_by(each).flat_map(move |first| {
            let group = first..channels.min(first + each);
            (0..self.taps.len())
                .flat_map(move |tap| group.clone().map(move |channel| (channel, tap)))
        })
    }

    /// How many rows a window reaches down.
    pub(super) fn reach(&self) -> usize {
        self.taps.iter().map(|tap| tap.row).max().unwrap_or(0)
    }

    /// Rows of the map that a strip makes.
    fn output_rows(&self, strip: &Strip) -> Range<usize> {
        let height = self.output[1];
        let at = |row: usize| (row * self.spread).saturating_sub(self.lead).min(height);
        let end = if strip.row + strip.rows == self.rows {
            height
        } else {
            at(strip.row + strip.rows)
        };
        at(strip.row)..end
    }

    pub(super) fn run(&self, input: &[f32], weights: &Packed, finish: Finish) -> Vec<f32> {
        let [channels, ..] = self.output;
        assert_eq!(
            input.len(),
            self.batch * self.input.channels * self.input.height * self.input.width
        );
        assert_eq!(weights.columns, self.input.channels * self.taps.len());
        assert_eq!(weights.rows, channels * self.spread * self.spread);
        let depth = self.input.planes() + weights.rows;
        let pixels = (BUDGET / depth).max(PIXELS);
        let strips = Strip::cut(
            self.batch,
            self.rows,
            self.input.stride,
            pixels,
            self.batch / LEAST_STRIPS,
        );

        self.share_out(strips, |share| {
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

    /// Has `work` fill the rows of every strip, in parallel. They come by image and channel. The
    /// strips cover all rows, in order; all but the last have the same number of images. Where
    /// there are fewer of them than threads, the output channels are shared out too, in whole
    /// blocks; what a pixel becomes does not depend on that.
    pub(super) fn share_out(
        &self,
        strips: Vec<Strip>,
        work: impl Fn(Share) + Sync + Send,
    ) -> Vec<f32> {
        let [channels, height, width] = self.output;
        let mut output = vec![0.0; self.batch * channels * height * width];
        let in_a_group = strips.iter().take_while(|strip| strip.image == 0).count();
        let images_each = strips[0].images;
        let of_a_strip = parallel::threads().div_ceil(strips.len());
        let channels_each = (channels.div_ceil(of_a_strip)).next_multiple_of(channel_block());
        let of_a_strip = channels.div_ceil(channels_each);
        let share = |strip, first| Share {
            strip,
            outputs: first..channels.min(first + channels_each),
            maps: Vec::new(),
        };
        let firsts = || (0..channels).step_by(channels_each);
        let mut shares: Vec<_> = (strips.iter())
            .flat_map(|&strip| firsts().map(move |first| share(strip, first)))
            .collect();
        for (index, mut map) in output.chunks_exact_mut(height * width).enumerate() {
            let group = index / channels / images_each;
            let first = group * in_a_group * of_a_strip + index % channels / channels_each;
            let shares = shares[first..].iter_mut().step_by(of_a_strip);
            for share in shares.take(in_a_group) {
                let rows = self.output_rows(&share.strip).len();
                let (part, rest) = map.split_at_mut(rows * width);
                share.maps.push(part);
                map = rest;
            }
        }
        parallel::for_each(shares, work);
        output
    }
}

/// What one thread makes at a time: some channels of a strip.
pub(super) struct Share<'a> {
    pub strip: Strip,
    /// The channels.
    pub outputs: Range<usize>,
    /// Their rows of the strip, by image and channel.
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
            strip,
            outputs,
            maps,
        } = share;
        let stride = plan.input.stride;
        let segment = (strip.rows + plan.reach()) * stride;
        let plane_stride = strip.images * segment + stride + slack();
        let planes = at_least(&mut scratch.input, plan.input.planes() * plane_stride);
        prepare(&plan.input, &strip, input, planes, segment, plane_stride);

        let out_stride = strip.images * segment + slack();
        let of_a_channel = plan.spread * plan.spread;
        let out_rows = (outputs.len() * of_a_channel).next_multiple_of(weights.block);
        let first_panel = outputs.start * of_a_channel / weights.block;
        let results = at_least(&mut scratch.output, out_rows * out_stride);
        let pixels = (strip.images - 1) * segment + (strip.rows - 1) * stride + plan.columns;
        let mut taps = plan.taps(plane_stride);
        let of_a_chunk = plan.channels_each() * taps.len() * weights.block;
        let mut channel_stride = plan.planes() * plane_stride;
        let chunk_planes = plan.channels_each() * channel_stride;
        if plan.input.channels < FEW {
            let channels = 0..plan.input.channels;
            let of_a_tap = |tap| {
                let at = move |channel| (channel * channel_stride) as u32 + tap;
                channels.clone().map(at)
            };
            taps = taps.into_iter().flat_map(of_a_tap).collect();
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
                    let tile = Tile::new(weights, &taps, input, channel_stride, chunk > 0);
                    tile.run(simd, results, out_stride, range.clone());
                }
            }
        }
        write(
            plan, &strip, outputs, results, segment, out_stride, finish, maps,
        );
    }
}

/// Lays the strip's rows out flat, image behind image, with zeros behind the last.
#[inline(always)]
pub(super) fn prepare(
    flat: &Flat,
    strip: &Strip,
    input: &[f32],
    planes: &mut [f32],
    segment: usize,
    plane_stride: usize,
) {
    let size = flat.channels * flat.height * flat.width;
    for image in 0..strip.images {
        let map = &input[(strip.image + image) * size..][..size];
        flat.copy(
            map,
            &mut planes[image * segment..],
            plane_stride,
            strip.row,
            segment / flat.stride,
        );
    }
    for plane in planes.chunks_exact_mut(plane_stride).take(flat.planes()) {
        plane[strip.images * segment..].fill(0.0);
    }
}

#[expect(clippy::too_many_arguments, reason = "the operands of the last step")]
#[inline(always)]
fn write(
    plan: &Plan,
    strip: &Strip,
    outputs: Range<usize>,
    results: &[f32],
    segment: usize,
    out_stride: usize,
    finish: Finish,
    maps: Vec<&mut [f32]>,
) {
    let [_, _, width] = plan.output;
    let Plan { spread, lead, .. } = *plan;
    let rows = plan.output_rows(strip);
    for (index, map) in maps.into_iter().enumerate() {
        let (image, channel) = (index / outputs.len(), index % outputs.len());
        let bias = finish
            .bias
            .map_or(0.0, |bias| bias[outputs.start + channel]);
        for (y, row) in rows.clone().zip(map.chunks_exact_mut(width)) {
            let (at, a) = ((y + lead) / spread - strip.row, (y + lead) % spread);
            for b in 0..spread {
                let plane = (channel * spread + a) * spread + b;
                let start = plane * out_stride + image * segment + at * plan.input.stride;
                // The first pixel of the row whose results lie in this plane.
                let first = (b + spread - lead % spread) % spread;
                let skip = (first + lead) / spread;
                let source = &results[start + skip..];
                if spread == 1 {
                    row.iter_mut()
                        .zip(source)
                        .for_each(|(pixel, &value)| *pixel = value + bias);
                } else {
                    let pixels = row.get_mut(first..).unwrap_or_default();
                    pixels
                        .iter_mut()
                        .step_by(spread)
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
