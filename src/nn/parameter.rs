//! Parameters and running statistics with initial zeros or ones, before their values are loaded or
//! drawn.
//!
//! NOTE: Burn's initializers are not used, because they contain the orthogonal initializer; with
//! it, a browser would download matrix products, scattering and masks for every number type. Burn's
//! random parameter ids are not used either, because a WebAssembly module would then ask its host
//! for random numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use burn::module::{Module, ModuleMapper, Param, ParamId, RunningState};
use burn::tensor::{Device, Shape, Tensor};

/// A parameter of zeros, which takes no memory until it is read.
pub(super) fn zeros<const D: usize>(shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    constant(shape, device, |shape, device| Tensor::zeros(shape, device))
}

/// A parameter of ones, which takes no memory until it is read.
pub(super) fn ones<const D: usize>(shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    constant(shape, device, |shape, device| Tensor::ones(shape, device))
}

/// A running statistic that starts with `value`.
pub(super) fn running<const D: usize>(value: Tensor<D>) -> RunningState<Tensor<D>> {
    RunningState::with_id(new_id(), value)
}

/// Replaces the value of a running statistic and of all its clones.
///
/// NOTE: `RunningState::update` is not used. It averages the values of all threads even if there is
/// only one, and on a GPU this costs one launch for each statistic and step.
pub(super) fn set(state: &RunningState<Tensor<1>>, value: Tensor<1>) {
    struct Set(Tensor<1>);
    impl ModuleMapper for Set {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let value = self.0.clone().reshape(param.lazy_shape());
            Param::initialized(param.id, value)
        }
    }
    drop(state.clone().map(&mut Set(value)));
}

fn constant<const D: usize>(
    shape: [usize; D],
    device: &Device,
    make: fn([usize; D], &Device) -> Tensor<D>,
) -> Param<Tensor<D>> {
    let init = move |device: &Device, require_grad: bool| {
        let values = make(shape, device);
        if require_grad {
            values.require_grad()
        } else {
            values
        }
    };
    let shape = Shape::from(shape);
    Param::uninitialized(new_id(), init, device.clone(), true, shape)
}

/// An id that is unique in this process; ids are not stored in files.
fn new_id() -> ParamId {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed).into()
}

/// The module with random positive parameters and running statistics, for tests.
#[cfg(test)]
pub(crate) fn drawn<M: Module>(module: M) -> M {
    struct Draw;
    impl ModuleMapper for Draw {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let any = burn::tensor::Distribution::Uniform(0.1, 1.0);
            let tensor = Tensor::random(param.lazy_shape(), any, &param.lazy_device());
            let id = param.id;
            param.transform_for_load(tensor, id)
        }
    }
    module.map(&mut Draw)
}
