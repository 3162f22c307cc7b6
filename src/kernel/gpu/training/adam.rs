//! Adam on GPUs: one launch for many parameters, in one pass over them, because memory bandwidth
//! limits it.
//!
//! The values and moments of these parameters are stored in one buffer, and the returned tensors
//! are views of it. The next step recognizes this buffer and uses it, instead of one buffer for
//! each tensor.

use burn::backend::TensorMetadata;
use burn::tensor::Shape;
use burn_cubecl::cubecl::{self, calculate_cube_count_elemwise, prelude::*};
use burn_cubecl::ops::{permute, reshape};
use burn_cubecl::tensor::CubeTensor;

use crate::kernel::AdamStep;
use crate::kernel::gpu::launches::{Launch, list, list_elementwise};
use crate::kernel::gpu::layout::{
    contiguous, empty, inverse, padded, stored_order, units, vector, view,
};

/// Maximum number of gradients that a launch reads; fewer if the device allows a kernel fewer
/// buffers.
const GRADIENTS: usize = 16;

/// Number of buffers of a launch beside the gradients: the parameters before and after it, and the
/// shapes.
const OTHERS: usize = 3;

/// Maximum number of parameter values in a launch, unless a single parameter has more. It limits
/// the size of buffers.
const VALUES: usize = 8 << 20;

/// Units (threads) of a cube. The parts of a buffer are multiples of this number.
const UNITS: usize = padded(1);

/// A parameter, with its axes permuted to the memory layout of its gradient.
struct Parameter {
    /// The values and the running means of gradients and of squared gradients.
    state: [CubeTensor; 3],
    gradients: Vec<CubeTensor>,
    /// The order of axes in the gradient's memory, and the shape in this order.
    order: Vec<usize>,
    shape: Shape,
}

impl Parameter {
    fn new(state: [CubeTensor; 3], gradients: Vec<CubeTensor>) -> Self {
        let order = stored_order(&gradients[0]);
        let turned = |tensor| permute(tensor, &order);
        let state = state.map(turned);
        Self {
            shape: state[0].shape(),
            state,
            gradients: gradients.into_iter().map(turned).map(contiguous).collect(),
            order,
        }
    }

    fn count(&self) -> usize {
        self.shape.num_elements()
    }
}

/// One step of Adam. For each parameter, takes the values, the running means of gradients and of
/// squared gradients, and one or several gradients. Returns the new values and means.
///
/// The results have the memory layout of the gradient. The gradients of convolutions have the
/// layout that the convolutions read, so after the first step no weights are copied into it.
pub(in crate::kernel) fn adam(
    states: Vec<[CubeTensor; 3]>,
    gradients: Vec<Vec<CubeTensor>>,
    step: AdamStep,
) -> Vec<[CubeTensor; 3]> {
    let parameters = states.into_iter().zip(gradients);
    let mut parameters = parameters
        .map(|(state, gradients)| Parameter::new(state, gradients))
        .peekable();
    let mut results = Vec::new();
    while let Some(first) = parameters.next() {
        let (each, mut values) = (first.gradients.len(), first.count());
        let buffers = first.state[0].client.properties().hardware.max_bindings as usize;
        let most = buffers.saturating_sub(OTHERS).min(GRADIENTS) / each;
        let mut group = vec![first];
        while group.len() < most {
            let next = parameters
                .next_if(|next| next.gradients.len() == each && values + next.count() <= VALUES);
            let Some(next) = next else { break };
            values += next.count();
            group.push(next);
        }
        results.extend(step_group(group, each, step));
    }
    results
}

/// A step for parameters that have `each` gradients.
fn step_group(group: Vec<Parameter>, each: usize, step: AdamStep) -> Vec<[CubeTensor; 3]> {
    let length: usize = group.iter().map(|one| padded(one.count())).sum();
    let state = shared_buffer(&group).unwrap_or_else(|| gathered(&group));
    let next = empty(&state, [3 * length]);
    let mut results = Vec::new();
    let (mut gradients, mut counts) = (SequenceArg::new(), SequenceArg::<usize>::new());
    let mut at = 0;
    for parameter in group {
        let count = parameter.count();
        let back = inverse(&parameter.order);
        results.push([0, 1, 2].map(|part| {
            let view = view(&next, at + part * padded(count), count);
            permute(reshape(view, parameter.shape.clone()), &back)
        }));
        at += 3 * padded(count);
        counts.push(count);
        for gradient in parameter.gradients {
            gradients.push(reshape(gradient, [count].into()).into_buffer_arg());
        }
    }
    list(|| Launch {
        kernel: "adam",
        units: length,
        flops: 12 * length,
        bytes: size_of::<f32>() * length * (6 + each),
        loads: 3 + each,
        steps: 1,
    });
    let client = state.client.clone();
    let dim = CubeDim::new_1d(UNITS as u32);
    // SAFETY: the kernel writes within the new buffer and reads within the rest.
    #[expect(unsafe_code, reason = "checked, every access would be slower")]
    unsafe {
        adam_kernel::launch_unchecked(
            &client,
            calculate_cube_count_elemwise(&client, length, dim),
            dim,
            state.into_tensor_arg(),
            next.into_tensor_arg(),
            gradients,
            counts,
            step.beta_1,
            step.beta_2,
            step.step_size,
            step.second_scale,
            step.epsilon,
            each,
        );
    }
    results
}

/// The buffer of an earlier step, if it holds exactly these parameters.
fn shared_buffer(group: &[Parameter]) -> Option<CubeTensor> {
    let first = &group[0].state[0].handle;
    let start = first.offset_start.unwrap_or(0);
    let mut at = 0;
    for parameter in group {
        for tensor in &parameter.state {
            let handle = &tensor.handle;
            let is_here = handle.memory.descriptor() == first.memory.descriptor()
                && handle.offset_start.unwrap_or(0) == start + at
                && tensor.is_contiguous();
            if !is_here {
                return None;
            }
            at += (padded(parameter.count()) * size_of::<f32>()) as u64;
        }
    }
    (first.size_in_used() >= at)
        .then(|| view(&group[0].state[0], 0, at as usize / size_of::<f32>()))
}

/// The parameters, copied into one buffer.
fn gathered(group: &[Parameter]) -> CubeTensor {
    let length: usize = group.iter().map(|one| 3 * padded(one.count())).sum();
    let buffer = empty(&group[0].state[0], [length]);
    let client = buffer.client.clone();
    let mut at = 0;
    for parameter in group {
        let count = parameter.count();
        for tensor in &parameter.state {
            let values = reshape(contiguous(tensor.clone()), [count].into());
            let place = view(&buffer, at, count);
            at += padded(count);
            list_elementwise("gather", count / vector(count), [&values, &place], 0);
            let (cubes, dim) = units(&client, count / vector(count));
            // SAFETY: the kernel writes within the output and reads within the input.
            #[expect(unsafe_code, reason = "checked, every access would be slower")]
            unsafe {
                copy_kernel::launch_unchecked(
                    &client,
                    cubes,
                    dim,
                    vector(count),
                    values.into_tensor_arg(),
                    place.into_tensor_arg(),
                );
            }
        }
    }
    buffer
}

#[cube(launch_unchecked)]
fn copy_kernel<N: Size>(input: &Tensor<Vector<f32, N>>, output: &mut Tensor<Vector<f32, N>>) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    output[ABSOLUTE_POS] = input[ABSOLUTE_POS];
}

/// The buffers `state` and `next` hold, for each parameter in turn, a part `[3, P]`: the values,
/// the means of gradients, and the means of squared gradients. P is the parameter's number of
/// values in `counts`, rounded up to a multiple of `UNITS`. The gradient of a parameter is the
/// sum of its `each` gradients.
#[cube(launch_unchecked)]
fn adam_kernel(
    state: &Tensor<f32>,
    next: &mut Tensor<f32>,
    gradients: &Sequence<Box<[f32]>>,
    counts: Sequence<usize>,
    beta_1: f32,
    beta_2: f32,
    step_size: f32,
    second_scale: f32,
    epsilon: f32,
    #[comptime] each: usize,
) {
    let mut begin = 0usize.runtime();
    #[unroll]
    for parameter in 0..counts.len() {
        let count = counts[parameter];
        let padded = count.div_ceil(UNITS) * UNITS;
        let index = ABSOLUTE_POS - begin;
        if ABSOLUTE_POS >= begin && index < count {
            let mut gradient = gradients[comptime!(parameter * each)][index];
            #[unroll]
            for other in 1..each {
                gradient += gradients[comptime!(parameter * each + other)][index];
            }
            let at = 3 * begin + index;
            let first = state[at + padded] * beta_1 + gradient * (1.0 - beta_1);
            let second = state[at + 2 * padded] * beta_2 + gradient * gradient * (1.0 - beta_2);
            let root = second.sqrt() * second_scale + epsilon;
            next[at] = state[at] - first * step_size / root;
            next[at + padded] = first;
            next[at + 2 * padded] = second;
        }
        begin += padded;
    }
}
