//! Block-wise memory: addressing by cosine similarity, shrinkage, read (Eq. 1 and 2).

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use crate::kernel::{self, AddressingRule, Recall};

use super::addressing::Addressing;
use super::division::{DivisionRate, assemble, divide};
use super::parameter::zeros;

/// The lower limit of norms. With it, an all-zero query, which is common after ReLU, has similarity
/// 0 to every item.
pub(crate) const MIN_NORM: f32 = 1e-8;

/// The relative distance of the shrinkage's limit below 1/N. Without it, rounding could drop every
/// item when all weights equal 1/N.
const SHRINKAGE_SLACK: f64 = 1e-4;

/// Configuration of a [`MemoryBank`].
///
/// ```
/// use burn::tensor::Device;
/// use daad::nn::{DivisionRate, MemoryBankConfig};
///
/// // As in the paper, for maps of 64 channels and 128×128 pixels.
/// let rate = DivisionRate::square(8);
/// let config = MemoryBankConfig {
///     items: 500,
///     dim: rate.block_dim([64, 128, 128])?,
///     rate,
///     temperature: 1.0,
///     renormalize: false,
/// };
/// let bank = config.init(&Device::flex());
/// # let _ = bank;
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MemoryBankConfig {
    /// N, the number of items.
    pub items: usize,
    /// D, the number of values of an item: those of one block.
    pub dim: usize,
    /// The number of blocks into which a map is divided.
    pub rate: DivisionRate,
    /// Extension, 1 in the paper: the temperature by which similarities are divided before the
    /// softmax.
    pub temperature: f64,
    /// Extension, off in the paper: whether the weights are normalized to sum to one after the
    /// shrinkage.
    pub renormalize: bool,
}

/// A memory of learned normal blocks `[N, D]`. Every block of a map is replaced by a mixture of
/// them.
///
/// ```
/// use burn::tensor::{Device, Distribution, Tensor};
/// use daad::nn::{DivisionRate, MemoryBankConfig};
///
/// let rate = DivisionRate::square(4);
/// let config = MemoryBankConfig {
///     items: 20,
///     dim: 8 * 2 * 2,
///     rate,
///     temperature: 1.0,
///     renormalize: false,
/// };
/// let bank = config.init(&Device::flex());
/// let maps = Tensor::random([2, 8, 8, 8], Distribution::Default, &Device::flex());
/// assert_eq!(bank.forward(maps).dims(), [2, 8, 8, 8]);
/// ```
#[derive(Module, Debug)]
pub struct MemoryBank {
    /// Memory items M, `[N, D]`.
    items: Param<Tensor<2>>,
    #[module(skip)]
    rate: DivisionRate,
    temperature: f64,
    renormalize: bool,
}

impl MemoryBankConfig {
    /// The bank on `device`, with all items zero.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use daad::model::parameters;
    /// use daad::nn::{DivisionRate, MemoryBankConfig};
    ///
    /// let rate = DivisionRate::square(2);
    /// let config = MemoryBankConfig {
    ///     items: 5,
    ///     dim: 12,
    ///     rate,
    ///     temperature: 1.0,
    ///     renormalize: false,
    /// };
    /// let bank = config.init(&Device::flex());
    /// assert_eq!(parameters::shapes(&bank), [("items".to_owned(), vec![5, 12])]);
    /// let answer = bank.forward(Tensor::ones([1, 3, 4, 4], &Device::flex()));
    /// assert_eq!(answer.max().into_scalar::<f32>(), 0.0);
    /// ```
    pub fn init(self, device: &Device) -> MemoryBank {
        MemoryBank {
            items: zeros([self.items, self.dim], device),
            rate: self.rate,
            temperature: self.temperature,
            renormalize: self.renormalize,
        }
    }
}

impl MemoryBank {
    /// Divides the maps into blocks, replaces every block by the memory's answer, and assembles the
    /// blocks: `[B, C, H, W]` to `[B, C, H, W]`.
    ///
    /// ```
    /// use std::collections::HashMap;
    ///
    /// use burn::tensor::{Device, Tensor, TensorData};
    /// use daad::model::parameters;
    /// use daad::nn::{DivisionRate, MemoryBankConfig};
    ///
    /// let device = Device::flex();
    /// let rate = DivisionRate::square(1);
    /// let config = MemoryBankConfig {
    ///     items: 2,
    ///     dim: 2,
    ///     rate,
    ///     temperature: 1.0,
    ///     renormalize: true,
    /// };
    /// let items = TensorData::from([[1.0f32, 0.0], [0.0, 1.0]]);
    /// let values = HashMap::from([("items".to_owned(), items)]);
    /// let bank = parameters::load(config.init(&device), values);
    /// // The map is one block of two values, nearer to the first item. The second one is dropped.
    /// let map = Tensor::<4>::from_floats([[[[3.0]], [[1.0]]]], &device);
    /// let answer = bank.forward(map).into_data().try_to_vec::<f32>().unwrap();
    /// assert!((answer[0] - 1.0).abs() < 1e-6 && answer[1] == 0.0);
    /// ```
    pub fn forward(&self, maps: Tensor<4>) -> Tensor<4> {
        let recall = Recall {
            blocks: [self.rate.channel, self.rate.height, self.rate.width],
            addressing: self.rule(),
        };
        kernel::recall(&maps, &self.items.val(), recall)
            .unwrap_or_else(|_| self.forward_by_operations(maps))
    }

    fn forward_by_operations(&self, maps: Tensor<4>) -> Tensor<4> {
        let [batch, channels, height, width] = maps.dims();
        let [_, dim] = self.items.dims();
        let queries = divide(maps, self.rate).reshape([batch * self.rate.blocks(), dim]);
        let answers = kernel::answer(queries, self.items.val(), self.rule());
        assemble(
            answers.reshape([batch, self.rate.blocks(), dim]),
            self.rate,
            [channels, height, width],
        )
    }

    fn rule(&self) -> AddressingRule {
        let [count, _] = self.items.dims();
        AddressingRule {
            min_norm: MIN_NORM,
            temperature: self.temperature as f32,
            cut: cut(count) as f32,
            renormalize: self.renormalize,
        }
    }

    /// The addressing weights w of one query `D` (Eq. 1 and the shrinkage below Eq. 2) over the
    /// bank's items `N·D`, both read back from the device: w = softmax(cos(q, mᵢ)); items with
    /// wᵢ < 1/N get zero.
    ///
    /// Without a temperature, as in the paper, the weights are flat: about half of the items
    /// survive, never just one.
    pub(crate) fn address_one(&self, query: &[f32], items: &[f32]) -> Addressing {
        let norm = |row: &[f32]| {
            let squared: f32 = row.iter().map(|value| value * value).sum();
            squared.sqrt().max(MIN_NORM)
        };
        let length = norm(query);
        let similarities: Vec<f32> = items
            .chunks_exact(query.len())
            .map(|item| {
                let dot: f32 = query.iter().zip(item).map(|(q, m)| q * m).sum();
                dot / (length * norm(item))
            })
            .collect();
        let temperature = self.temperature as f32;
        // Cosines are at most 1, so their exponential cannot overflow and needs no shift.
        let shift = match temperature {
            1.0 => 0.0,
            _ => similarities
                .iter()
                .copied()
                .fold(f32::NEG_INFINITY, f32::max),
        };
        let powers = similarities.iter();
        let powers = powers.map(|similarity| ((similarity - shift) / temperature).exp());
        let sum: f32 = powers.clone().sum();
        let cut = cut(similarities.len()) as f32;
        let kept = |weight: f32| if weight < cut { 0.0 } else { weight };
        let mut weights: Vec<f32> = powers.map(|power| kept(power / sum)).collect();
        if self.renormalize {
            let sum: f32 = weights.iter().sum();
            for weight in &mut weights {
                *weight /= sum;
            }
        }
        Addressing {
            similarities,
            weights,
        }
    }

    /// Memory items M, `[N, D]`.
    pub(crate) fn items(&self) -> Tensor<2> {
        self.items.val()
    }

    /// The temperature by which similarities are divided before the softmax; 1 in the paper.
    pub(crate) const fn temperature(&self) -> f64 {
        self.temperature
    }

    /// How maps are divided.
    pub(crate) const fn rate(&self) -> DivisionRate {
        self.rate
    }
}

/// The weight below which one of `count` items is dropped.
pub(crate) fn cut(count: usize) -> f64 {
    (1.0 - SHRINKAGE_SLACK) / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::TensorData;

    /// Test values that are the same on every run. With random values, a weight would sometimes lie
    /// so close to the shrinkage's limit that rounding decides whether it is dropped.
    fn waves<const D: usize>(shape: [usize; D], phase: f32, device: &Device) -> Tensor<D> {
        let count: usize = shape.iter().product();
        let wave = |index: usize| (12.9898 * index as f32 + phase).sin();
        let values: Vec<f32> = (0..count).map(wave).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    #[test]
    fn the_kernel_does_what_the_operations_do() {
        for (temperature, renormalize) in [(1.0, true), (0.05, false), (0.01, true), (4.0, false)] {
            let config = MemoryBankConfig {
                items: 50,
                dim: 3 * 2 * 5,
                rate: DivisionRate {
                    height: 3,
                    width: 2,
                    channel: 2,
                },
                temperature,
                renormalize,
            };
            let device = Device::flex();
            let bank = MemoryBank {
                items: Param::from_tensor(waves([config.items, config.dim], 1.0, &device)),
                ..config.init(&device)
            };
            let maps = waves([2, 6, 6, 10], 0.0, &device);
            let kernel = bank.forward(maps.clone()).into_data();
            // An autodiff device does not use the kernel, so the results of both ways can be
            // compared.
            let device = device.autodiff();
            let bank = MemoryBank {
                items: Param::from_tensor(bank.items.val().autodiff()),
                ..bank
            };
            let operations = bank.forward(maps.to_device(&device)).into_data();
            kernel.assert_approx_eq(&operations, burn::tensor::Tolerance::<f32>::absolute(1e-5));
        }
    }

    fn bank(items: Tensor<2>, temperature: f64, renormalize: bool) -> MemoryBank {
        MemoryBank {
            items: Param::from_tensor(items),
            rate: DivisionRate::square(1),
            temperature,
            renormalize,
        }
    }

    impl MemoryBank {
        /// The addressing weights as a device computes them: queries `[Q, D]` to weights `[Q, N]`.
        fn address(&self, queries: Tensor<2>) -> Tensor<2> {
            let items = self.items.val().transpose();
            let squares = |rows: Tensor<2>, dim: usize| (rows.clone() * rows).sum_dim(dim);
            let (of_queries, of_items) = (squares(queries.clone(), 1), squares(items.clone(), 0));
            kernel::address(
                kernel::matmul(queries, items),
                of_queries,
                of_items,
                self.rule(),
            )
        }
    }

    fn floats(tensor: Tensor<2>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn a_zero_query_addresses_all_items_equally() {
        let device = Device::flex();
        let items = waves([7, 5], 0.0, &device);
        for temperature in [1.0, 0.05] {
            let bank = bank(items.clone(), temperature, false);
            for weight in floats(bank.address(Tensor::zeros([1, 5], &device))) {
                assert!((weight - 1.0 / 7.0).abs() < 1e-6, "{weight}");
            }
        }
    }

    #[test]
    fn weights_below_one_in_n_are_dropped_and_the_rest_kept_as_they_are() {
        let device = Device::flex();
        let items = Tensor::from_floats([[1.0, 0.0], [-1.0, 0.0]], &device);
        let query = Tensor::<2>::from_floats([[3.0, 0.0]], &device);
        for temperature in [1.0, 0.5] {
            let plain = floats(bank(items.clone(), temperature, false).address(query.clone()));
            let expected = 1.0 / (1.0 + (-2.0f32 / temperature as f32).exp());
            assert!((plain[0] - expected).abs() < 1e-6 && plain[1] == 0.0);
        }
        let renormalized = floats(bank(items, 1.0, true).address(query));
        assert_eq!(renormalized, [1.0, 0.0]);
    }

    #[test]
    fn one_query_is_addressed_as_all_are() {
        let device = Device::flex();
        for (temperature, renormalize) in [(1.0, false), (1.0, true), (0.05, false), (0.01, true)] {
            let items = waves([40, 6], 0.0, &device);
            let query = waves([1, 6], 2.0, &device);
            let bank = bank(items.clone(), temperature, renormalize);
            let one = bank.address_one(&floats(query.clone()), &floats(items));
            for (one, all) in one.weights.iter().zip(floats(bank.address(query))) {
                assert!((one - all).abs() < 1e-5, "{one} {all}");
            }
        }
    }

    #[test]
    fn no_query_loses_every_item() {
        let device = Device::flex();
        let items = Tensor::<2>::ones([500, 16], &device);
        let queries = waves([64, 16], 0.0, &device);
        for temperature in [1.0, 0.01] {
            let weights = bank(items.clone(), temperature, false).address(queries.clone());
            for sum in floats(weights.sum_dim(1)) {
                assert!((sum - 1.0).abs() < 1e-4, "{sum}");
            }
        }
    }

    #[test]
    fn a_lower_temperature_leaves_fewer_items() {
        let device = Device::flex();
        let items = waves([100, 8], 0.0, &device);
        let query = floats(waves([1, 8], 2.0, &device));
        let effective = |temperature| {
            let bank = bank(items.clone(), temperature, false);
            bank.address_one(&query, &floats(items.clone()))
                .effective_items()
        };
        let (flat, sharp) = (effective(1.0), effective(0.05));
        assert!(sharp < 0.7 * flat, "{sharp} of {flat}");
    }

    #[cfg(feature = "learn")]
    #[test]
    fn gradients_at_a_temperature_are_the_slopes() {
        let device = Device::flex().autodiff();
        let (items, query) = (waves([5, 6], 0.0, &device), waves([1, 6], 2.0, &device));
        let onto = waves([1, 6], 4.0, &device);
        let loss = |items: Tensor<2>, query: Tensor<2>| {
            let bank = bank(items.clone(), 0.3, false);
            (kernel::answer(query, items, bank.rule()) * onto.clone()).sum()
        };
        let (items, query) = (items.require_grad(), query.require_grad());
        let gradients = loss(items.clone(), query.clone()).backward();
        let gradient = [&items, &query].map(|of| floats(of.grad(&gradients).unwrap()));
        let step = 1e-2f32;
        let slopes = |at: &Tensor<2>, loss: &dyn Fn(Tensor<2>) -> Tensor<1>| -> Vec<f32> {
            let values = floats(at.clone());
            let moved = |index: usize, by: f32| {
                let mut values = values.clone();
                values[index] += by;
                let values = TensorData::new(values, at.dims());
                loss(Tensor::from_data(values, &device)).into_scalar::<f32>()
            };
            let slope = |index| (moved(index, step) - moved(index, -step)) / (2.0 * step);
            (0..values.len()).map(slope).collect()
        };
        let slopes = [
            slopes(&items, &|moved| loss(moved, query.clone())),
            slopes(&query, &|moved| loss(items.clone(), moved)),
        ];
        for (gradient, slope) in gradient.concat().into_iter().zip(slopes.concat()) {
            assert!((gradient - slope).abs() < 5e-3, "{gradient} {slope}");
        }
    }
}
