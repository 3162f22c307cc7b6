//! The gradients of several batches as one: the effect of a large batch in the memory of a small
//! one.

use std::collections::HashMap;

use burn::module::{Module, Param};
use burn::tensor::{Gradients, Tensor};

use crate::model::parameters::{ParameterVisitor, visit_parameters};

/// Sums of gradients by parameter name, flattened, until an optimizer moves.
#[derive(Debug, Clone, Default)]
pub(super) struct GradientSums {
    sums: HashMap<String, Tensor<1>>,
    pub(super) batches: usize,
}

impl GradientSums {
    /// Adds the gradients of one batch.
    pub(super) fn add<M: Module>(&mut self, module: &M, gradients: Gradients) {
        self.batches += 1;
        let sums = &mut self.sums;
        visit_parameters(module, &mut Add { sums, gradients });
    }

    /// The mean over all batches of the parameter's gradient, if it has one; it is gone then.
    pub(super) fn take_mean(&mut self, name: &str) -> Option<Tensor<1>> {
        let sum = self.sums.remove(name)?;
        Some(match self.batches {
            1 => sum,
            batches => sum.div_scalar(batches as f64),
        })
    }
}

struct Add<'a> {
    sums: &'a mut HashMap<String, Tensor<1>>,
    gradients: Gradients,
}

impl ParameterVisitor for Add<'_> {
    fn visit<const D: usize>(&mut self, name: &str, param: &Param<Tensor<D>>) {
        // Running statistics have none.
        let Some(gradient) = param.val().grad_remove(&mut self.gradients) else {
            return;
        };
        let gradient: Tensor<1> = gradient.reshape([-1]);
        let sum = match self.sums.remove(name) {
            Some(sum) => sum + gradient,
            None => gradient,
        };
        self.sums.insert(name.to_owned(), sum);
    }
}
