//! Structural similarity of images (SSIM; Wang et al., "Image quality assessment: from error
//! visibility to structural similarity", 2004).

use burn::tensor::Tensor;

/// Side of the Gaussian windows.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::loss::{WINDOW_PX, structural_similarity};
///
/// let image = Tensor::<4>::zeros([1, 3, WINDOW_PX, WINDOW_PX], &Device::flex());
/// let similarity: f32 = structural_similarity(image.clone(), image).into_scalar();
/// assert!((similarity - 1.0).abs() < 1e-6);
/// ```
pub const WINDOW_PX: usize = 11;

/// Standard deviation of the window.
const SIGMA_PX: f64 = 1.5;

/// The width of the range of image values, [−1, 1].
const DATA_RANGE: f64 = 2.0;

/// (K₁·range)² and (K₂·range)², which prevent a division by zero in uniform windows.
const LUMINANCE: f64 = (0.01 * DATA_RANGE) * (0.01 * DATA_RANGE);
const CONTRAST: f64 = (0.03 * DATA_RANGE) * (0.03 * DATA_RANGE);

/// Mean structural similarity of images and reconstructions `[B, 3, H, W]` in [−1, 1]: 1 where
/// they are equal, lower where they differ.
///
/// Computed for each channel, over the windows that lie completely inside the image. This is an
/// extension: the paper compares single pixels only.
///
/// ```
/// use burn::tensor::{Device, Distribution, Tensor};
/// use daad::loss::structural_similarity;
///
/// let noise = Distribution::Uniform(-1.0, 1.0);
/// let images = Tensor::<4>::random([2, 3, 32, 32], noise, &Device::flex());
/// let similar = |other| structural_similarity(images.clone(), other).into_scalar::<f32>();
/// assert!((similar(images.clone()) - 1.0).abs() < 1e-4);
/// assert!(similar(images.clone() * 0.5) < 0.95);
/// ```
///
/// # Panics
///
/// If a side is shorter than [`WINDOW_PX`].
pub fn structural_similarity(images: Tensor<4>, reconstructions: Tensor<4>) -> Tensor<1> {
    let [batch, channels, height, width] = images.dims();
    assert!(
        height.min(width) >= WINDOW_PX,
        "expected {WINDOW_PX} pixels a side, got {height}×{width}"
    );
    let maps = |images: Tensor<4>| images.reshape([batch * channels, height, width]);
    let mean = |maps| mean_along(mean_along(maps, 1), 2);

    let (x, y) = (maps(images), maps(reconstructions));
    let (mean_x, mean_y) = (mean(x.clone()), mean(y.clone()));
    let (square_x, square_y) = (mean_x.clone().square(), mean_y.clone().square());
    let product = mean_x * mean_y;
    let squares = square_x + square_y;
    let variances = mean(x.clone().square() + y.clone().square()) - squares.clone();
    let covariance = mean(x * y) - product.clone();

    let likeness = (product.mul_scalar(2.0) + LUMINANCE) * (covariance.mul_scalar(2.0) + CONTRAST);
    let most = (squares + LUMINANCE) * (variances + CONTRAST);
    (likeness / most).mean()
}

/// The Gaussian mean at each position of the window along an axis.
///
/// NOTE: this adds up shifted maps instead of multiplying with a matrix of windows. GPUs round the
/// inputs of matrix products to ten bits, and a variance is a small difference of large means.
fn mean_along(maps: Tensor<3>, axis: usize) -> Tensor<3> {
    let places = maps.dims()[axis] - WINDOW_PX + 1;
    let shifted = window().into_iter().enumerate().map(|(offset, weight)| {
        let part = maps.clone().narrow(axis, offset, places);
        part.mul_scalar(weight)
    });
    let sum = shifted.reduce(|sum, part| sum + part);
    sum.expect("a window has pixels")
}

/// The values of the Gaussian at the window's pixels; their sum is 1.
fn window() -> [f64; WINDOW_PX] {
    let middle = (WINDOW_PX / 2) as f64;
    let at = |place: usize| (-0.5 * ((place as f64 - middle) / SIGMA_PX).powi(2)).exp();
    let sum: f64 = (0..WINDOW_PX).map(at).sum();
    std::array::from_fn(|place| at(place) / sum)
}
