//! Adam on GPUs, in one pass over the parameters, because memory bandwidth limits it.

use std::cmp::Reverse;

use burn::backend::TensorMetadata;
use burn_cubecl::cubecl::{self, prelude::*};
use burn_cubecl::ops::{permute, reshape};
use burn_cubecl::tensor::CubeTensor;

use crate::kernel::AdamStep;
use crate::kernel::gpu::launches::list_elementwise;
use crate::kernel::gpu::layout::{contiguous, empty, units, vector};

/// One step of Adam. `tensors` are the values, the running means of gradients and of squared
/// gradients, and the gradient, all of one shape. Returns the new values and means.
///
/// The results are stored in the gradient's order of axes. The gradients of convolutions have the
/// order that the convolutions read, so after the first step no weights are copied into it.
pub(in crate::kernel::gpu) fn adam(
    tensors: [CubeTensor; 4],
    step: AdamStep,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    let [.., gradient] = &tensors;
    let order = stored_order(gradient);
    let tensors = tensors.map(|tensor| contiguous(permute(tensor, &order)));
    let shape = tensors[0].shape();
    let length = shape.num_elements();
    let [value, first, second, gradient] = tensors.map(|tensor| reshape(tensor, [length].into()));
    let outputs = [(); 3].map(|()| empty(&value, [length]));
    let [next_value, next_first, next_second] = outputs.clone();
    let client = value.client.clone();
    let [of_value, of_first, of_second] = &outputs;
    let moved = [
        &value, &first, &second, &gradient, of_value, of_first, of_second,
    ];
    list_elementwise("adam", length / vector(length), moved, 12);
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
    let back = inverse(&order);
    let outputs = outputs.map(|output| permute(reshape(output, shape.clone()), &back));
    outputs.into()
}

/// The axes of a tensor in the order in which they are stored: the last one changes fastest.
fn stored_order(tensor: &CubeTensor) -> Vec<usize> {
    let strides = tensor.meta.strides();
    let mut order: Vec<usize> = (0..strides.len()).collect();
    order.sort_by_key(|&axis| Reverse(strides[axis]));
    order
}

/// The permutation that takes `order` back.
fn inverse(order: &[usize]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..order.len()).collect();
    places.sort_by_key(|&axis| order[axis]);
    places
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
