//! The gradients of a network by parameter name. The gradients of several batches can be added,
//! which gives the effect of a large batch with the memory of a small one.

use std::collections::HashMap;
use std::ops::Add;

use burn::module::{Module, Param};
use burn::tensor::{Gradients, Tensor};

use crate::model::parameters::{ParameterVisitor, visit_parameters};

/// A gradient for every parameter that has one, with four axes: see [`with_four_axes`].
#[derive(Debug, Clone, Default)]
pub(super) struct NetworkGradients(HashMap<String, Tensor<4>>);

/// The tensor with as many axes of length 1 at its end as it lacks. The weights of a convolution
/// have four axes already: to flatten them, a GPU would copy them.
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
    /// Collects the gradients of `module`'s parameters.
    pub(super) fn of<M: Module>(module: &M, gradients: Gradients) -> Self {
        let mut collect = Collect {
            gradients,
            found: HashMap::new(),
        };
        visit_parameters(module, &mut collect);
        Self(collect.found)
    }

    /// The gradient of one parameter, if it has one.
    pub(super) fn take(&mut self, name: &str) -> Option<Tensor<4>> {
        self.0.remove(name)
    }

    /// Divides these gradients, a sum over `batches` batches, by `batches`.
    pub(super) fn mean(self, batches: usize) -> Self {
        if batches == 1 {
            return self;
        }
        let divide = |(name, sum): (String, Tensor<4>)| (name, sum.div_scalar(batches as f64));
        Self(self.0.into_iter().map(divide).collect())
    }
}

impl Add for NetworkGradients {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        for (name, gradient) in other.0 {
            let sum = match self.0.remove(&name) {
                Some(sum) => sum + gradient,
                None => gradient,
            };
            self.0.insert(name, sum);
        }
        self
    }
}

struct Collect {
    gradients: Gradients,
    found: HashMap<String, Tensor<4>>,
}

impl ParameterVisitor for Collect {
    fn visit<const D: usize>(&mut self, name: &str, param: &Param<Tensor<D>>) {
        // Running statistics have no gradient.
        if let Some(gradient) = param.val().grad_remove(&mut self.gradients) {
            self.found.insert(name.to_owned(), with_four_axes(gradient));
        }
    }
}
