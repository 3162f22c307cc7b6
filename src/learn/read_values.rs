//! Reads a network's values from its device without blocking, which a browser does not allow.

use burn::module::{Module, Param};
use burn::tensor::{DType, Tensor, TensorData, Transaction};

use crate::detector::execute;
use crate::error::Result;
use crate::model::parameters::{ParameterVisitor, visit_parameters};

/// Names and values (f32) of all parameters, in one transfer; the same as
/// [`values`](crate::model::parameters::values).
pub(super) async fn read_values<M: Module>(module: &M) -> Result<Vec<(String, TensorData)>> {
    let mut read = Read::default();
    visit_parameters(&module.valid(), &mut read);
    let values = execute(read.transaction).await?.into_iter();
    let values = values.map(|data| data.convert_dtype(DType::F32));
    Ok(read.names.into_iter().zip(values).collect())
}

#[derive(Default)]
struct Read {
    names: Vec<String>,
    transaction: Transaction,
}

impl ParameterVisitor for Read {
    fn visit<const D: usize>(&mut self, name: &str, param: &Param<Tensor<D>>) {
        self.names.push(name.to_owned());
        let before = std::mem::take(&mut self.transaction);
        self.transaction = before.register(param.val());
    }
}
