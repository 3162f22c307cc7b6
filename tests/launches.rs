//! How many kernels a training step, and judging an image, launch on a GPU, counted without running
//! them. It has a process of its own: while it counts, no kernel of the process runs.

#![cfg(feature = "vulkan")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use burn::tensor::{Device, Tensor};
use burn_cubecl::cubecl::dry_run::DryRun;
use burn_cubecl::cubecl::logging::{LaunchObservation, LaunchObserver};
use image::RgbImage;

use daad::detector::Inference;
use daad::device::adapters;
use daad::learn::{Objective, TrainState};
use daad::model::{AdversarialConfig, ModelConfig};

/// Launches by the kernel's name.
type Counts = BTreeMap<&'static str, usize>;

/// Launches of one thread, by the kernel's name: an observer is told those of the whole process.
struct Launches {
    thread: ThreadId,
    counts: Mutex<Counts>,
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
fn launches(work: impl FnOnce()) -> Counts {
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

/// A network of width 16, with or without a discriminator of the same width.
fn config(adversarial: bool) -> ModelConfig {
    ModelConfig {
        base_width: 16,
        adversarial: adversarial.then_some(AdversarialConfig {
            base_width: 16,
            features: 100,
        }),
        ..ModelConfig::default()
    }
}

/// The counts for one training step of eight images of 256×256 pixels.
fn of_a_step(device: &Device, adversarial: bool) -> Counts {
    let device = device.clone().autodiff();
    let step = |state: TrainState| {
        let images = Tensor::zeros([8, 3, 256, 256], &device);
        let gradients = state.gradients(images, &Objective::default());
        state.apply(gradients, 1e-4)
    };
    let mut state = None;
    // The first step also makes what later ones keep.
    launches(|| {
        let model = config(adversarial).init(&device).unwrap();
        state = Some(step(TrainState::new(model)));
    });
    launches(|| drop(step(state.take().unwrap())))
}

/// The counts for judging one image of 256×256 pixels.
fn of_an_image(device: &Device, adversarial: bool) -> Counts {
    let mut inference = None;
    launches(|| {
        let model = config(adversarial).init(device).unwrap();
        inference = Some(Inference::new(&model, device, adversarial));
    });
    let image = RgbImage::new(256, 256);
    // What the kernels would have computed is missing, so it does not matter what is read.
    launches(|| drop(pollster::block_on(inference.unwrap().predict(&[&image]))))
}

/// The ceilings are what was reached; each change that needs fewer lowers them.
#[test]
fn few_kernels_are_launched() {
    for adapter in adapters() {
        for (adversarial, of_step, of_image) in [(false, 537, 78), (true, 831, 94)] {
            let step = of_a_step(&adapter.device, adversarial);
            let image = of_an_image(&adapter.device, adversarial);
            for (what, counts, most) in [("a step", step, of_step), ("an image", image, of_image)] {
                let all: usize = counts.values().sum();
                let mut lines: Vec<_> = counts.iter().collect();
                lines.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
                for (kernel, count) in lines {
                    println!("{count:5} {kernel}");
                }
                let name = &adapter.name;
                println!("{all:5} for {what} on {name}, discriminator: {adversarial}");
                assert!(all <= most, "{all} launches for {what}, at most {most}");
            }
        }
    }
}
