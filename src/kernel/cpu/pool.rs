//! Maximum over 2×2 pixels with stride 2. If the height or width is odd, the last row or column is
//! ignored.

use super::Shape;
use crate::kernel::parallel;

/// `[B, C, H, W]` to `[B, C, H/2, W/2]`.
pub fn max_pool(maps: &[f32], [_, _, height, width]: Shape) -> Vec<f32> {
    let [rows, columns] = [height / 2, width / 2];
    let mut output = vec![0.0; maps.len() / (height * width) * rows * columns];
    let planes: Vec<_> = maps
        .chunks_exact(height * width)
        .zip(output.chunks_exact_mut(rows * columns))
        .collect();
    parallel::for_each(planes, |(map, output)| {
        for (pair, output) in map
            .chunks_exact(2 * width)
            .zip(output.chunks_exact_mut(columns))
        {
            let (upper, lower) = pair.split_at(width);
            for ((output, upper), lower) in output
                .iter_mut()
                .zip(upper.chunks_exact(2))
                .zip(lower.chunks_exact(2))
            {
                *output = larger(larger(upper[0], upper[1]), larger(lower[0], lower[1]));
            }
        }
    });
    output
}

/// The larger value, or NaN if one of them is NaN, as in PyTorch. Written as a comparison, because
/// that is compiled to vector instructions on every target and `f32::max` is not.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a >= b || a.is_nan() { a } else { b }
}

/// The gradient with respect to the input `maps` of [`max_pool`], given the `gradient` with respect
/// to its output. If several of the 2×2 pixels have the maximum, the first one gets the gradient,
/// as in PyTorch.
pub fn max_pool_backward(maps: &[f32], [_, _, height, width]: Shape, gradient: &[f32]) -> Vec<f32> {
    let [rows, columns] = [height / 2, width / 2];
    let mut output = vec![0.0; maps.len()];
    let planes: Vec<_> = (maps.chunks_exact(height * width))
        .zip(gradient.chunks_exact(rows * columns))
        .zip(output.chunks_exact_mut(height * width))
        .collect();
    parallel::for_each(planes, |((map, gradient), output)| {
        let rows = map
            .chunks_exact(2 * width)
            .zip(output.chunks_exact_mut(2 * width));
        for ((map, output), gradient) in rows.zip(gradient.chunks_exact(columns)) {
            let (upper, lower) = map.split_at(width);
            let (output_upper, output_lower) = output.split_at_mut(width);
            let outputs = output_upper
                .chunks_exact_mut(2)
                .zip(output_lower.chunks_exact_mut(2));
            let inputs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
            for (((upper, lower), (to_upper, to_lower)), &g) in inputs.zip(outputs).zip(gradient) {
                let [a, b, c, d] = [upper[0], upper[1], lower[0], lower[1]];
                // A pixel is the first maximum if every earlier one is smaller and no later one is
                // larger. Written without branches, so that it is compiled to vector instructions.
                let (top, bottom) = (a.max(b), c.max(d));
                let in_top = top >= bottom;
                let give = |here: bool| if here { g } else { 0.0 };
                to_upper[0] = give(in_top & (a >= b));
                to_upper[1] = give(in_top & (a < b));
                to_lower[0] = give(!in_top & (c >= d));
                to_lower[1] = give(!in_top & (c < d));
            }
        }
    });
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_passed_on() {
        for place in 0..4 {
            let mut maps = [1.0, 2.0, 3.0, 4.0];
            maps[place] = f32::NAN;
            assert!(max_pool(&maps, [1, 1, 2, 2])[0].is_nan(), "at {place}");
        }
    }

    #[test]
    fn the_gradient_goes_to_the_first_maximum_and_odd_edges_are_ignored() {
        #[rustfmt::skip]
        let maps = [
            1.0, 2.0,  7.0, 7.0,  9.0,
            2.0, 0.0,  7.0, 7.0,  9.0,

            0.0, 1.0,  5.0, 4.0,  9.0,
            1.0, 3.0,  5.0, 6.0,  9.0,

            9.0, 9.0,  9.0, 9.0,  9.0,
        ];
        let shape = [1, 1, 5, 5];
        assert_eq!(max_pool(&maps, shape), [2.0, 7.0, 3.0, 6.0]);
        #[rustfmt::skip]
        let expected = [
            0.0, 0.1,  0.2, 0.0,  0.0,
            0.0, 0.0,  0.0, 0.0,  0.0,

            0.0, 0.0,  0.0, 0.0,  0.0,
            0.0, 0.3,  0.0, 0.4,  0.0,

            0.0, 0.0,  0.0, 0.0,  0.0,
        ];
        let gradient = [0.1, 0.2, 0.3, 0.4];
        assert_eq!(max_pool_backward(&maps, shape, &gradient), expected);
    }
}
