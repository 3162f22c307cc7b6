//! Planes that lie flat: rows one behind the other with their padding between them.
//!
//! A map with row stride S has the pixel (y, x) at y·S + x. The window's value (dy, dx) of *all*
//! positions is then the same plane from dy·S + dx on. Zeros between the rows serve as the right
//! padding of one and the left padding of the next; results that fall on them are thrown away.

/// How maps `[C, H, W]` are laid out flat, each channel as `split`² planes: plane (a, b) has the
/// values whose padded coordinates leave the remainders a and b when divided by `split`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flat {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    /// 1, or the stride of the window that reads the planes.
    pub split: usize,
    /// Zeros before the first value of a row and of a column, in values of the map.
    pub padding: usize,
    /// Values from one row of a plane to the next.
    pub stride: usize,
}

impl Flat {
    pub(super) const fn planes(&self) -> usize {
        self.channels * self.split * self.split
    }

    /// Writes `rows` rows of every plane, from row `first` on, to `planes`: plane i starts at
    /// i·`plane_stride`.
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
                // The first column of the plane that holds a value of the map.
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

    /// 2×3, with one zero before each row and column.
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
    fn one_zero_parts_the_rows_of_a_flat_map() {
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
        assert!(behind.is_nan(), "written behind the last row");
    }

    #[test]
    fn a_strip_begins_in_the_middle_of_the_map() {
        let mut plane = [f32::NAN; 8];
        flat(1, 4).copy(&MAP, &mut plane, 8, 2, 2);
        assert_eq!(plane, [0.0, 4.0, 5.0, 6.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_window_of_stride_two_finds_every_second_value_side_by_side() {
        let mut planes = [f32::NAN; 24];
        flat(2, 3).copy(&MAP, &mut planes, 6, 0, 2);
        #[rustfmt::skip]
        assert_eq!(planes, [
            // Even rows of the padded map: even columns, odd ones.
            0.0, 0.0, 0.0,  0.0, 5.0, 0.0,
            0.0, 0.0, 0.0,  4.0, 6.0, 0.0,
            // Odd rows.
            0.0, 2.0, 0.0,  0.0, 0.0, 0.0,
            1.0, 3.0, 0.0,  0.0, 0.0, 0.0,
        ]);
    }

    #[test]
    fn a_stride_of_three_steps_over_two_values() {
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
