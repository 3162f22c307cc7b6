//! The gradients of a network by parameter name. The gradients of several batches can be added,
//! which gives the effect of a large batch with the memory of a small one.

use std::collections::HashMap;
use std::ops::Add;

use burn::module::{Module, Param};
use burn::tensor::{Gradients, Tensor};

use crate::model::parameters::{ParameterVisitor, visit_parameters};

/// The gradients of every parameter that has at least one, with four axes: see [`with_four_axes`].
/// The gradient of a parameter is the sum of its list; the optimizer computes this sum in the same
/// pass as its step.
#[derive(Debug, Clone, Default)]
pub(super) struct NetworkGradients(HashMap<String, Vec<Tensor<4>>>);

/// The tensor with axes of length 1 appended until it has four. Four axes, not one, because the
/// weights of a convolution have four, and a GPU would copy them to flatten them.
///
/// # Panics
///
/// If there are more than four axes.
pub(super) fn with_four_axes<const D: usize>(tensor: Tensor<D>) -> Tensor<4> {
    let mut shape = [1; 4];
    shape[..D].copy_from_slice(&tensor.dims());
    tensor.reshape(shape)
}

impl NetworkGradients {
    /// Takes the gradients of the parameters of several copies of a module that took part in the
    /// same backward pass.
    pub(super) fn of<M: Module, const N: usize>(copies: [&M; N], gradients: Gradients) -> Self {
        let mut collect = Collect {
            gradients,
            found: HashMap::new(),
        };
        for copy in copies {
            visit_parameters(copy, &mut collect);
        }
        Self(collect.found)
    }

    /// The gradients of one parameter; None if it has no gradient.
    pub(super) fn take(&mut self, name: &str) -> Option<Vec<Tensor<4>>> {
        self.0.remove(name)
    }

    /// Divides these gradients, a sum over `batches` batches, by `batches`.
    pub(super) fn mean(self, batches: usize) -> Self {
        if batches == 1 {
            return self;
        }
        let divide = |sum: Tensor<4>| sum.div_scalar(batches as f64);
        let means = self.0.into_iter();
        let means = means.map(|(name, list)| (name, list.into_iter().map(divide).collect()));
        Self(means.collect())
    }
}

impl Add for NetworkGradients {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        for (name, list) in other.0 {
            let sums = match self.0.remove(&name) {
                Some(sums) => sums.into_iter().zip(list).map(|(a, b)| a + b).collect(),
                None => list,
            };
            self.0.insert(name, sums);
        }
        self
    }
}

struct Collect {
    gradients: Gradients,
    found: HashMap<String, Vec<Tensor<4>>>,
}

impl ParameterVisitor for Collect {
    fn visit<const D: usize>(&mut self, name: &str, param: &Param<Tensor<D>>) {
        // Running statistics have no gradient.
        if let Some(gradient) = param.val().grad_remove(&mut self.gradients) {
            let list = self.found.entry(name.to_owned()).or_default();
            list.push(with_four_axes(gradient));
        }
    }
}
