//! Flat planes: the rows of a map one after the other in one slice, with zero padding between them.
//!
//! A map with row stride S has the pixel (y, x) at index y·S + x. The kernel offset (dy, dx) is
//! therefore the same shift dy·S + dx for all window positions, so a whole row of positions can be
//! read as one contiguous slice. The zeros between two rows are the right padding of the first and
//! the left padding of the second. Results at the indices of these zeros are computed but not used.

/// Layout of maps `[C, H, W]` as flat planes. Each channel becomes `split`² planes: plane (a, b)
/// holds the values whose padded row and column have the remainders a and b modulo `split`. A
/// window with stride `split` then reads contiguous values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flat {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    /// Stride of the window that reads the planes; 1 if each channel is one plane.
    pub split: usize,
    /// Zeros before the first row and the first column, counted in pixels of the map.
    pub padding: usize,
    /// Distance from one row of a plane to the next, in values.
    pub stride: usize,
}

impl Flat {
    pub(super) const fn planes(&self) -> usize {
        self.channels * self.split * self.split
    }

    /// Copies `rows` rows of every plane of `image`, from row `first` on, to `planes`. Plane i
    /// starts at index i·`plane_stride`.
    pub(super) fn copy(
        &self,
        image: &[f32],
        planes: &mut [f32],
        plane_stride: usize,
        first: usize,
        rows: usize,
    ) {
        let Self {
            height,
            width,
            split,
            padding,
            stride,
            ..
        } = *self;
        for (channel, map) in image.chunks_exact(height * width).enumerate() {
            for (phase, (a, b)) in (0..split)
                .flat_map(|a| (0..split).map(move |b| (a, b)))
                .enumerate()
            {
                let start = (channel * split * split + phase) * plane_stride;
                let plane = &mut planes[start..][..rows * stride];
                // Number of padding columns in this plane.
                let skip = padding.saturating_sub(b).div_ceil(split);
                let from = skip * split + b - padding;
                let count = (width - from.min(width)).div_ceil(split).min(stride - skip);
                for (row, target) in plane.chunks_exact_mut(stride).enumerate() {
                    let y = (first + row) * split + a;
                    if y < padding || y - padding >= height {
                        target.fill(0.0);
                        continue;
                    }
                    let source = &map[(y - padding) * width..][..width];
                    target[..skip].fill(0.0);
                    let (values, rest) = target[skip..].split_at_mut(count);
                    match split {
                        1 => values.copy_from_slice(&source[from..][..count]),
                        2 => every_second(values, &source[from..]),
                        _ => (values.iter_mut().zip(source[from..].iter().step_by(split)))
                            .for_each(|(value, &pixel)| *value = pixel),
                    }
                    rest.fill(0.0);
                }
            }
        }
    }
}

fn every_second(values: &mut [f32], source: &[f32]) {
    let mut pairs = source.chunks_exact(2);
    let mut values = values.iter_mut();
    for (pair, value) in pairs.by_ref().zip(values.by_ref()) {
        *value = pair[0];
    }
    if let (Some(value), Some(&pixel)) = (values.next(), pairs.remainder().first()) {
        *value = pixel;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[1, 2, 3]`; the layouts below have a padding of 1.
    const MAP: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

    fn flat(split: usize, stride: usize) -> Flat {
        Flat {
            channels: 1,
            height: 2,
            width: 3,
            split,
            padding: 1,
            stride,
        }
    }

    #[test]
    fn one_zero_separates_the_rows_of_a_flat_map() {
        let mut plane = [f32::NAN; 17];
        flat(1, 4).copy(&MAP, &mut plane, 17, 0, 4);
        let [rows @ .., behind] = plane;
        #[rustfmt::skip]
        assert_eq!(rows, [
            0.0, 0.0, 0.0, 0.0,
            0.0, 1.0, 2.0, 3.0,
            0.0, 4.0, 5.0, 6.0,
            0.0, 0.0, 0.0, 0.0,
        ]);
        assert!(behind.is_nan(), "written past the last row");
    }

    #[test]
    fn a_row_tile_begins_in_the_middle_of_the_map() {
        let mut plane = [f32::NAN; 8];
        flat(1, 4).copy(&MAP, &mut plane, 8, 2, 2);
        assert_eq!(plane, [0.0, 4.0, 5.0, 6.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn with_split_two_every_second_value_is_contiguous() {
        let mut planes = [f32::NAN; 24];
        flat(2, 3).copy(&MAP, &mut planes, 6, 0, 2);
        #[rustfmt::skip]
        assert_eq!(planes, [
            // Even rows of the padded map: the plane of even columns, then that of odd columns.
            0.0, 0.0, 0.0,  0.0, 5.0, 0.0,
            0.0, 0.0, 0.0,  4.0, 6.0, 0.0,
            // Odd rows, likewise.
            0.0, 2.0, 0.0,  0.0, 0.0, 0.0,
            1.0, 3.0, 0.0,  0.0, 0.0, 0.0,
        ]);
    }

    #[test]
    fn with_split_three_every_third_value_is_contiguous() {
        let mut planes = [f32::NAN; 18];
        flat(3, 2).copy(&MAP, &mut planes, 2, 0, 1);
        #[rustfmt::skip]
        assert_eq!(planes, [
            0.0, 0.0,  0.0, 0.0,  0.0, 0.0,
            0.0, 3.0,  1.0, 0.0,  2.0, 0.0,
            0.0, 6.0,  4.0, 0.0,  5.0, 0.0,
        ]);
    }
}
