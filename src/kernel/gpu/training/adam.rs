//! Adam on GPUs: one launch for many parameters, in one pass over them, because memory bandwidth
//! limits it.
//!
//! The values and moments of these parameters lie in one buffer, of which the returned tensors are
//! views. The next step recognizes it and needs no buffer for each of them.

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

/// Most gradients that a launch reads, if the device gives a kernel so many buffers.
const GRADIENTS: usize = 16;

/// Buffers that a launch has beside the gradients: the parameters before and after it, and the shapes.
const OTHERS: usize = 3;

/// Most values of the parameters of a launch, unless one has more: it limits the size of buffers.
const VALUES: usize = 8 << 20;

/// Units (threads) of a cube. A buffer's parts are multiples of it.
const UNITS: usize = padded(1);

/// A parameter, in the order of axes in which its gradient is stored.
struct Parameter {
    /// The values and the running means of gradients and of squared gradients.
    state: [CubeTensor; 3],
    gradients: Vec<CubeTensor>,
    /// The order of axes, and the shape in this order.
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

/// One step of Adam. Takes the values, the running means of gradients and of squared gradients, and
/// the gradients, of which there may be several, of each parameter. Returns the new values and means.
///
/// The results are stored in the gradient's order of axes. The gradients of convolutions have the
/// order that the convolutions read, so after the first step no weights are copied into it.
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

/// A step of parameters that have `each` gradients.
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

/// The buffer of a step before, if it holds these parameters.
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

/// State and next state of each parameter follow one another, each `[3, P]`, where P is the number of
/// its values, in `counts`, or more: values, means of gradients, means of squared gradients. Each
/// parameter has `each` of the gradients, of which the sum is taken.
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
