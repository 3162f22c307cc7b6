//! The methods of [`Kernels`] as functions of Burn's [`Tensor`].

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use super::{AdamStep, AddressingRule, Kernels, Window};

/// Convolution of maps `[B, I, H, W]` with weights `[O, I, k, k]` and bias `[O]`, then a leaky ReLU
/// with `slope` for negative values: 0 is a plain ReLU, 1 is the identity.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::kernel::{Window, convolve};
///
/// let device = Device::flex();
/// let window = Window { kernel: 2, stride: 1, padding: 0 };
/// let x = Tensor::<4>::from_floats([[[[1.0, 2.0, 3.0], [4.0, 5.0, 9.0]]]], &device);
/// let weight = Tensor::<4>::from_floats([[[[1.0, 0.0], [0.0, -1.0]]]], &device);
/// let bias = Tensor::<1>::from_floats([5.0], &device);
/// // 1 − 5 + 5 = 1, and 2 − 9 + 5 = −2, which the leaky ReLU halves.
/// let y = convolve(x, weight, bias, window, 0.5);
/// assert_eq!(y.dims(), [1, 1, 1, 2]);
/// assert_eq!(y.into_data().try_to_vec::<f32>().unwrap(), [1.0, -1.0]);
/// ```
pub fn convolve(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    window: Window,
    slope: f32,
) -> Tensor<4> {
    let [x, weight, bias] = [
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    ];
    Tensor::from_dispatch(Dispatch::convolve(x, weight, bias, window, slope))
}

/// Transposed convolution of maps `[B, I, h, w]` with weights `[I, O, k, k]` and bias `[O]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::kernel::{Window, convolve_transposed};
///
/// let device = Device::flex();
/// let window = Window { kernel: 2, stride: 2, padding: 0 };
/// let x = Tensor::<4>::from_floats([[[[2.0, 3.0]]]], &device);
/// let weight = Tensor::<4>::from_floats([[[[1.0, 10.0], [100.0, 1000.0]]]], &device);
/// let y = convolve_transposed(x, weight, Tensor::zeros([1], &device), window);
/// assert_eq!(y.dims(), [1, 1, 2, 4]);
/// let expected = [2.0, 20.0, 3.0, 30.0, 200.0, 2000.0, 300.0, 3000.0];
/// assert_eq!(y.into_data().try_to_vec::<f32>().unwrap(), expected);
/// ```
pub fn convolve_transposed(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    window: Window,
) -> Tensor<4> {
    let [x, weight, bias] = [
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    ];
    Tensor::from_dispatch(Dispatch::convolve_transposed(x, weight, bias, window))
}

/// Batch normalization of `[B, C, H, W]` with given statistics `[C]`, then a leaky ReLU.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::kernel::normalize;
///
/// let device = Device::flex();
/// let channel = |value: f32| Tensor::<1>::from_floats([value], &device);
/// let x = Tensor::<4>::from_floats([[[[3.0, 7.0]]]], &device);
/// let line = [channel(10.0), channel(1.0)]; // γ and β
/// let statistics = [channel(5.0), channel(4.0)]; // mean and variance
/// let y = normalize(x, line, statistics, 0.0, 0.0);
/// // 10·(3 − 5)/√4 + 1 = −9 becomes 0, and 10·(7 − 5)/√4 + 1 is 11.
/// assert_eq!(y.into_data().try_to_vec::<f32>().unwrap(), [0.0, 11.0]);
/// ```
pub fn normalize(
    x: Tensor<4>,
    [gamma, beta]: [Tensor<1>; 2],
    [mean, variance]: [Tensor<1>; 2],
    epsilon: f32,
    slope: f32,
) -> Tensor<4> {
    let [gamma, beta, mean, variance] = [gamma, beta, mean, variance].map(Tensor::into_dispatch);
    let normal = Dispatch::normalize(
        x.into_dispatch(),
        gamma,
        beta,
        mean,
        variance,
        epsilon,
        slope,
    );
    Tensor::from_dispatch(normal)
}

/// The parameters of [`normalize_train`] beside its tensors.
///
/// ```
/// use daad::kernel::NormOptions;
///
/// // As in PyTorch, followed by a plain ReLU.
/// let options = NormOptions { epsilon: 1e-5, momentum: 0.1, slope: 0.0 };
/// assert!(options.momentum < 1.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormOptions {
    /// Added to the variance, so that it is not zero.
    pub epsilon: f32,
    /// The weight of the batch's statistics in the new running statistics.
    pub momentum: f32,
    /// The slope of the leaky ReLU for negative values: 0 is a plain ReLU, 1 is the identity.
    pub slope: f32,
}

/// The results of [`normalize_train`].
///
/// ```
/// use burn::tensor::{Device, Distribution, Tensor};
/// use daad::kernel::{NormOptions, Normalized, normalize_train};
///
/// let device = Device::flex();
/// let x = Tensor::<4>::random([2, 3, 8, 8], Distribution::Default, &device);
/// let line = [Tensor::ones([3], &device), Tensor::zeros([3], &device)];
/// let running = [Tensor::zeros([3], &device), Tensor::ones([3], &device)];
/// let options = NormOptions { epsilon: 1e-5, momentum: 0.1, slope: 0.0 };
/// let Normalized { output, running: [mean, variance] } = normalize_train(x, line, running, options);
/// assert_eq!(output.dims(), [2, 3, 8, 8]);
/// assert_eq!((mean.dims(), variance.dims()), ([3], [3]));
/// ```
#[derive(Debug, Clone)]
pub struct Normalized {
    /// The normalized maps, `[B, C, H, W]`.
    pub output: Tensor<4>,
    /// The new running mean and variance, `[C]`, without a gradient.
    pub running: [Tensor<1>; 2],
}

/// Batch normalization of `[B, C, H, W]` with the statistics of the batch, then a leaky ReLU. γ and
/// β are `[C]`, like the `running` mean and variance, which move towards those of the batch. As in
/// PyTorch, the running variance moves towards the unbiased variance of the batch. A batch with a
/// single value per channel has no unbiased variance; its biased variance of 0 is used instead.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::kernel::{NormOptions, normalize_train};
///
/// let device = Device::flex();
/// let channel = |value: f32| Tensor::<1>::from_floats([value], &device);
/// let x = Tensor::<4>::from_floats([[[[3.0, 7.0]]]], &device);
/// let line = [channel(1.0), channel(0.0)]; // γ and β
/// let running = [channel(0.0), channel(1.0)]; // mean and variance
/// let options = NormOptions { epsilon: 1e-5, momentum: 0.5, slope: 1.0 };
/// let normalized = normalize_train(x, line, running, options);
/// let y = normalized.output.into_data().try_to_vec::<f32>().unwrap();
/// assert!((y[0] + 1.0).abs() < 1e-4 && (y[1] - 1.0).abs() < 1e-4);
/// // Of the batch, the mean is 5 and the unbiased variance 8.
/// let [mean, variance] = normalized.running.map(|values| values.into_scalar::<f32>());
/// assert_eq!((mean, variance), (2.5, 4.5));
/// ```
pub fn normalize_train(
    x: Tensor<4>,
    [gamma, beta]: [Tensor<1>; 2],
    [mean, variance]: [Tensor<1>; 2],
    options: NormOptions,
) -> Normalized {
    let [gamma, beta, mean, variance] = [gamma, beta, mean, variance].map(Tensor::into_dispatch);
    let (output, _, _, mean, variance) =
        Dispatch::normalize_train(x.into_dispatch(), gamma, beta, mean, variance, options);
    Normalized {
        output: Tensor::from_dispatch(output),
        running: [mean, variance].map(Tensor::from_dispatch),
    }
}

/// Maximum over 2×2 pixels with stride 2: `[B, C, H, W]` to `[B, C, H/2, W/2]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::kernel::max_pool;
///
/// let x = Tensor::<4>::from_floats([[[[1.0, 2.0], [4.0, 3.0]]]], &Device::flex());
/// let largest: f32 = max_pool(x).into_scalar();
/// assert_eq!(largest, 4.0);
/// ```
pub fn max_pool(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::max_pool(x.into_dispatch()))
}

/// Maps `[B, C, H, W]` and `[B, D, H, W]` to `[B, C + D, H, W]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::kernel::concatenate;
///
/// let device = Device::flex();
/// let (first, second) = (Tensor::zeros([1, 2, 4, 4], &device), Tensor::ones([1, 3, 4, 4], &device));
/// assert_eq!(concatenate(first, second).dims(), [1, 5, 4, 4]);
/// ```
pub fn concatenate(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    let [first, second] = [first, second].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::concatenate(first, second))
}

/// The weights of a convolution, `[O, I, k, k]`, or of a transposed convolution, `[I, O, k, k]`, in
/// the memory layout that its kernel reads. This is for networks whose weights no longer change.
///
/// ```
/// use burn::tensor::{Device, Distribution, Tensor};
/// use daad::kernel::arranged;
///
/// let weight = Tensor::<4>::random([8, 4, 3, 3], Distribution::Default, &Device::flex());
/// let is_transposed = false;
/// // Shape and values stay the same.
/// assert_eq!(arranged(weight.clone(), is_transposed).into_data(), weight.into_data());
/// ```
pub fn arranged(weight: Tensor<4>, transposed: bool) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::arranged(weight.into_dispatch(), transposed))
}

/// The product of matrices `[M, K]` and `[K, N]`; it has no gradient.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::kernel::matmul;
///
/// let device = Device::flex();
/// let lhs = Tensor::<2>::from_floats([[1.0, 2.0], [3.0, 4.0]], &device);
/// let rhs = Tensor::<2>::from_floats([[1.0], [10.0]], &device);
/// assert_eq!(matmul(lhs, rhs).into_data().try_to_vec::<f32>().unwrap(), [21.0, 43.0]);
/// ```
pub fn matmul(lhs: Tensor<2>, rhs: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::matmul(lhs.into_dispatch(), rhs.into_dispatch()))
}

/// The mean of the squared differences of two tensors of the same shape.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::kernel::squared_error;
///
/// let device = Device::flex();
/// let x = Tensor::<1>::from_floats([1.0, 5.0], &device);
/// let y = Tensor::<1>::from_floats([1.0, 2.0], &device);
/// assert_eq!(squared_error(x, y).into_scalar::<f32>(), 4.5);
/// ```
pub fn squared_error<const D: usize>(x: Tensor<D>, y: Tensor<D>) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::squared_error(
        x.into_dispatch(),
        y.into_dispatch(),
    ))
}

/// Maps `[B, C, H, W]` in the memory layout that the kernels read, for maps that several kernels
/// read. It has no gradient.
#[cfg(feature = "learn")]
pub(crate) fn arranged_maps(maps: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::arranged_maps(maps.into_dispatch()))
}

/// The mean of log(1 + e^(sign·x)) over the logits x, `[B]`. This is the cross-entropy for the
/// label "real" if the sign is −1, and for "fake" if it is 1.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::kernel::logistic_loss;
///
/// let undecided = Tensor::<1>::zeros([4], &Device::flex());
/// let loss: f32 = logistic_loss(undecided.clone(), -1.0).into_scalar();
/// assert!((loss - 2f32.ln()).abs() < 1e-6);
/// let sure: f32 = logistic_loss(undecided + 20.0, -1.0).into_scalar();
/// assert!(sure < 1e-6);
/// ```
pub fn logistic_loss(logits: Tensor<1>, sign: f32) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::logistic_loss(logits.into_dispatch(), sign))
}

/// The answers of a memory: queries `[Q, D]` to weighted sums of the items `[N, D]`, `[Q, D]`. The
/// selection of the dropped items has no gradient.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::kernel::{AddressingRule, answer};
///
/// let device = Device::flex();
/// let rule = AddressingRule { min_norm: 1e-8, temperature: 1.0, cut: 0.5, renormalize: true };
/// let items = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 1.0]], &device);
/// let queries = Tensor::<2>::from_floats([[3.0, 1.0]], &device);
/// // The second item has a weight below the cut and is dropped.
/// let answers = answer(queries, items, rule).into_data().try_to_vec::<f32>().unwrap();
/// assert_eq!(answers, [1.0, 0.0]);
/// ```
pub fn answer(queries: Tensor<2>, items: Tensor<2>, rule: AddressingRule) -> Tensor<2> {
    let [queries, items] = [queries, items].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::answer(queries, items, rule))
}

/// The addressing weights of a memory, `[Q, N]`, from the dot products of queries and items,
/// `[Q, N]`, and the sums of the squares of each query, `[Q, 1]`, and of each item, `[1, N]`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::kernel::{AddressingRule, address, matmul};
///
/// let device = Device::flex();
/// let rule = AddressingRule { min_norm: 1e-8, temperature: 1.0, cut: 0.5, renormalize: true };
/// let items = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 1.0]], &device);
/// let queries = Tensor::<2>::from_floats([[3.0, 1.0]], &device);
/// let products = matmul(queries.clone(), items.clone().transpose());
/// let squares = |rows: Tensor<2>| (rows.clone() * rows).sum_dim(1);
/// let weights = address(products, squares(queries), squares(items).transpose(), rule);
/// assert_eq!(weights.into_data().try_to_vec::<f32>().unwrap(), [1.0, 0.0]);
/// ```
pub fn address(
    products: Tensor<2>,
    queries: Tensor<2>,
    items: Tensor<2>,
    rule: AddressingRule,
) -> Tensor<2> {
    let [products, queries, items] = [products, queries, items].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::address(products, queries, items, rule))
}

/// One step of Adam for many parameters: see [`adam`]. Each parameter has its state (the values and
/// both running means) and one or several gradients, which are added up.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::kernel::{AdamStep, adam, adam_all};
///
/// let device = Device::flex();
/// # let step = AdamStep { beta_1: 0.9, beta_2: 0.999, step_size: 0.1, second_scale: 1.0, epsilon: 1e-8 };
/// let ones = || Tensor::<4>::ones([2, 3, 1, 1], &device);
/// let moved = adam_all(vec![[ones(), ones(), ones()]], vec![vec![ones(), ones()]], step);
/// let expected = adam([ones(), ones(), ones()], ones() + ones(), step);
/// assert_eq!(moved[0].clone().map(Tensor::into_data), expected.map(Tensor::into_data));
/// ```
///
/// # Panics
///
/// If the numbers of gradient lists and states differ, or a list is empty.
pub fn adam_all(
    states: Vec<[Tensor<4>; 3]>,
    gradients: Vec<Vec<Tensor<4>>>,
    step: AdamStep,
) -> Vec<[Tensor<4>; 3]> {
    assert_eq!(states.len(), gradients.len());
    #[cfg(all(feature = "gpu", feature = "learn"))]
    if let Some(moved) = adam_on_gpu(&states, &gradients, step) {
        return moved;
    }
    let parameters = states.into_iter().zip(gradients);
    let moved = parameters.map(|(state, gradients)| {
        let sum = gradients.into_iter().reduce(|sum, gradient| sum + gradient);
        adam(state, sum.expect("a gradient"), step)
    });
    moved.collect()
}

/// [`adam_all`] in few launches; None if the tensors are not on a GPU.
#[cfg(all(feature = "gpu", feature = "learn"))]
fn adam_on_gpu(
    states: &[[Tensor<4>; 3]],
    gradients: &[Vec<Tensor<4>>],
    step: AdamStep,
) -> Option<Vec<[Tensor<4>; 3]>> {
    use burn::backend::Cube;
    let on_gpu = |tensor: &Tensor<4>| tensor.clone().try_into_primitive::<Cube>().ok();
    let mut states_there = Vec::new();
    for [value, first, second] in states {
        states_there.push([on_gpu(value)?, on_gpu(first)?, on_gpu(second)?]);
    }
    let gradients = gradients.iter().map(|all| all.iter().map(on_gpu).collect());
    let gradients: Option<Vec<Vec<_>>> = gradients.collect();
    let moved = super::gpu::adam(states_there, gradients?, step);
    let moved = moved
        .into_iter()
        .map(|state| state.map(Tensor::from_primitive::<Cube>));
    Some(moved.collect())
}

/// One step of Adam. Takes the values, the running means of the gradients and of the squared
/// gradients, and the gradient, all of one shape. Returns the new values and means.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use daad::kernel::{AdamStep, adam};
///
/// let device = Device::flex();
/// // The first step at a learning rate of 0.1.
/// let (beta_1, beta_2) = (0.9f32, 0.999f32);
/// let step = AdamStep {
///     beta_1,
///     beta_2,
///     step_size: 0.1 / (1.0 - beta_1),
///     second_scale: 1.0 / (1.0 - beta_2).sqrt(),
///     epsilon: 1e-8,
/// };
/// let [value, first, second] = [1.0, 0.0, 0.0].map(|it| Tensor::<1>::from_floats([it], &device));
/// let gradient = Tensor::<1>::from_floats([5.0], &device);
/// let [value, _, _] = adam([value, first, second], gradient, step);
/// assert!((value.into_scalar::<f32>() - 0.9).abs() < 1e-5);
/// ```
pub fn adam<const D: usize>(
    [value, first, second]: [Tensor<D>; 3],
    gradient: Tensor<D>,
    step: AdamStep,
) -> [Tensor<D>; 3] {
    let [value, first, second] = [value, first, second].map(Tensor::into_dispatch);
    let (value, first, second) =
        Dispatch::adam(value, first, second, gradient.into_dispatch(), step);
    [value, first, second].map(Tensor::from_dispatch)
}
