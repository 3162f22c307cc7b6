//! The gradients of a network by parameter name. The gradients of several batches can be added,
//! which gives the effect of a large batch with the memory of a small one.

use std::collections::HashMap;
use std::ops::Add;

use burn::module::{Module, Param};
use burn::tensor::{Gradients, Tensor};

use crate::model::parameters::{ParameterVisitor, visit_parameters};

/// A gradient for every parameter that has one, flattened.
#[derive(Debug, Clone, Default)]
pub struct NetworkGradients(HashMap<String, Tensor<1>>);

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
    pub(super) fn take(&mut self, name: &str) -> Option<Tensor<1>> {
        self.0.remove(name)
    }

    /// Divides these gradients, a sum over `batches` batches, by `batches`.
    pub(super) fn mean(self, batches: usize) -> Self {
        if batches == 1 {
            return self;
        }
        let divide = |(name, sum): (String, Tensor<1>)| (name, sum.div_scalar(batches as f64));
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
    found: HashMap<String, Tensor<1>>,
}

impl ParameterVisitor for Collect {
    fn visit<const D: usize>(&mut self, name: &str, param: &Param<Tensor<D>>) {
        // Running statistics have no gradient.
        if let Some(gradient) = param.val().grad_remove(&mut self.gradients) {
            self.found.insert(name.to_owned(), gradient.reshape([-1]));
        }
    }
}
