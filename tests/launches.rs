//! How many kernels a training step launches on a GPU, counted without running them. It has a process
//! of its own: while it counts, no kernel of the process runs.

#![cfg(feature = "vulkan")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use burn::tensor::{Device, Tensor};
use burn_cubecl::cubecl::dry_run::DryRun;
use burn_cubecl::cubecl::logging::{LaunchObservation, LaunchObserver};

use daad::device::adapters;
use daad::learn::{Objective, TrainState};
use daad::model::{AdversarialConfig, ModelConfig};

/// Launches of one thread, by the kernel's name: an observer is told those of the whole process.
struct Launches {
    thread: ThreadId,
    counts: Mutex<BTreeMap<&'static str, usize>>,
}

impl LaunchObserver for Launches {
    fn launched(&self, kernel: &'static str) {
        if thread::current().id() == self.thread {
            *self
                .counts
                .lock()
                .expect("no panic")
                .entry(kernel)
                .or_default() += 1;
        }
    }
}

/// The kernels that `work` launches, and how often; none of them is run.
fn launches(work: impl FnOnce()) -> BTreeMap<&'static str, usize> {
    let launches = Arc::new(Launches {
        thread: thread::current().id(),
        counts: Mutex::default(),
    });
    let dry_run = DryRun::new();
    let observation = LaunchObservation::new(launches.clone());
    work();
    drop(observation);
    drop(dry_run);
    let counts = launches.counts.lock().unwrap();
    counts.clone()
}

/// The counts for one training step of eight images of 256×256 pixels.
fn of_a_step(device: &Device, adversarial: bool) -> BTreeMap<&'static str, usize> {
    let device = device.clone().autodiff();
    let config = ModelConfig {
        base_width: 16,
        adversarial: adversarial.then_some(AdversarialConfig {
            base_width: 16,
            features: 100,
        }),
        ..ModelConfig::default()
    };
    let step = |state: TrainState| {
        let images = Tensor::zeros([8, 3, 256, 256], &device);
        let gradients = state.gradients(images, &Objective::default());
        state.apply(gradients, 1e-4)
    };
    let mut state = None;
    // The first step also makes what later ones keep.
    launches(|| {
        state = Some(step(TrainState::new(config.init(&device).unwrap())));
    });
    launches(|| drop(step(state.take().unwrap())))
}

/// The ceilings are what was reached; each change that needs fewer lowers them.
#[test]
fn a_training_step_launches_few_kernels() {
    for adapter in adapters() {
        for (adversarial, most) in [(false, 560), (true, 854)] {
            let counts = of_a_step(&adapter.device, adversarial);
            let all: usize = counts.values().sum();
            let mut lines: Vec<_> = counts.iter().collect();
            lines.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
            for (kernel, count) in lines {
                println!("{count:5} {kernel}");
            }
            println!("{all:5} of {}, discriminator: {adversarial}", adapter.name);
            assert!(all <= most, "{all} launches, at most {most}");
        }
    }
}
