//! Parameters with initial zeros, before their values are loaded or drawn.
//!
//! NOTE: Burn's initializers are not used. One of them is the orthogonal one, because of which a
//! browser would download matrix products, scattering and masks for every number type.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Shape, Tensor};

/// A parameter of zeros, which takes no memory until it is read.
pub(super) fn zeros<const D: usize>(shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    let init = move |device: &Device, require_grad: bool| {
        let zeros = Tensor::zeros(shape, device);
        if require_grad {
            zeros.require_grad()
        } else {
            zeros
        }
    };
    let shape = Shape::from(shape);
    Param::uninitialized(ParamId::new(), init, device.clone(), true, shape)
}

/// The module with random parameters and running statistics, all above zero, to test with.
#[cfg(test)]
pub(crate) fn drawn<M: burn::module::Module>(module: M) -> M {
    struct Draw;
    impl burn::module::ModuleMapper for Draw {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let any = burn::tensor::Distribution::Uniform(0.1, 1.0);
            let tensor = Tensor::random(param.lazy_shape(), any, &param.lazy_device());
            let id = param.id;
            param.transform_for_load(tensor, id)
        }
    }
    module.map(&mut Draw)
}
