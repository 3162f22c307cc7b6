//! Adam on GPUs, in one pass over the parameters, because memory bandwidth limits it.

use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::tensor::CubeTensor;

use crate::kernel::AdamStep;
use crate::kernel::gpu::layout::{contiguous, dims, empty, units, vector};

/// One step of Adam. `tensors` are the values, the running means of gradients and of squared
/// gradients, and the gradient, all `[N]`. Returns the new values and means.
pub(in crate::kernel::gpu) fn adam(
    tensors: [CubeTensor; 4],
    step: AdamStep,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    let [value, first, second, gradient] = tensors.map(contiguous);
    let shape @ [length] = dims(&value);
    let outputs = [(); 3].map(|()| empty(&value, shape));
    let [next_value, next_first, next_second] = outputs.clone();
    let client = value.client.clone();
    let (count, dim) = units(&client, length / vector(length));
    // SAFETY: the kernel writes within the outputs and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        adam_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector(length),
            value.into_tensor_arg(),
            first.into_tensor_arg(),
            second.into_tensor_arg(),
            gradient.into_tensor_arg(),
            next_value.into_tensor_arg(),
            next_first.into_tensor_arg(),
            next_second.into_tensor_arg(),
            step.beta_1,
            step.beta_2,
            step.step_size,
            step.second_scale,
            step.epsilon,
        );
    }
    outputs.into()
}

/// All tensors are `[N]`.
#[cube(launch_unchecked)]
fn adam_kernel<N: Size>(
    value: &Tensor<Vector<f32, N>>,
    first: &Tensor<Vector<f32, N>>,
    second: &Tensor<Vector<f32, N>>,
    gradient: &Tensor<Vector<f32, N>>,
    next_value: &mut Tensor<Vector<f32, N>>,
    next_first: &mut Tensor<Vector<f32, N>>,
    next_second: &mut Tensor<Vector<f32, N>>,
    beta_1: f32,
    beta_2: f32,
    step_size: f32,
    second_scale: f32,
    epsilon: f32,
) {
    if ABSOLUTE_POS >= next_value.len() {
        terminate!();
    }
    let gradient = gradient[ABSOLUTE_POS];
    let squared = gradient * gradient;
    let first = first[ABSOLUTE_POS] * Vector::broadcast(beta_1)
        + gradient * Vector::broadcast(1.0 - beta_1);
    let second = second[ABSOLUTE_POS] * Vector::broadcast(beta_2)
        + squared * Vector::broadcast(1.0 - beta_2);
    let root = second.sqrt() * Vector::broadcast(second_scale) + Vector::broadcast(epsilon);
    next_value[ABSOLUTE_POS] = value[ABSOLUTE_POS] - first * Vector::broadcast(step_size) / root;
    next_first[ABSOLUTE_POS] = first;
    next_second[ABSOLUTE_POS] = second;
}
