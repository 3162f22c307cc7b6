//! What a training step, and judging an image, launch on a GPU, without running it: how many kernels,
//! and the time that they would take on an NVIDIA H200 by a simple model. The test has a process of its
//! own: while it counts, no kernel of the process runs.

#![cfg(feature = "webgpu")]
#![expect(clippy::print_stdout, reason = "the tables are read by people")]
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
use daad::kernel::{Launch, launches_of};
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

/// What `work` launches. None of it is run.
struct Work {
    /// All launches.
    counts: Counts,
    /// Those of our kernels, and what each of them has to do.
    launches: Vec<Launch>,
}

fn work(work: impl FnOnce()) -> Work {
    let observer = Arc::new(Launches {
        thread: thread::current().id(),
        counts: Mutex::default(),
    });
    let dry_run = DryRun::new();
    let observation = LaunchObservation::new(observer.clone());
    let launches = launches_of(PLANE, work);
    drop(observation);
    drop(dry_run);
    let counts = observer.counts.lock().unwrap().clone();
    Work { counts, launches }
}

impl Work {
    fn count(&self) -> usize {
        self.counts.values().sum()
    }

    /// Seconds on an H200. Burn's own kernels count as launches that do nothing: they are few, and
    /// their tensors are small.
    fn seconds(&self) -> f64 {
        let ours: f64 = self.launches.iter().map(seconds).sum();
        ours + self.count() as f64 * LAUNCH
    }

    fn flops(&self) -> f64 {
        self.launches.iter().map(|launch| launch.flops as f64).sum()
    }

    fn bytes(&self) -> f64 {
        self.launches.iter().map(|launch| launch.bytes as f64).sum()
    }

    /// A line for each of our kernels, and one for the rest.
    fn print(&self, what: &str) {
        println!(
            "\n{what}: {} launches, {:.1} ms",
            self.count(),
            1e3 * self.seconds()
        );
        println!("| kernel | launches | GFLOP | GB | fewest threads | most steps | ms |");
        println!("|---|---|---|---|---|---|---|");
        let mut kernels: BTreeMap<&str, Vec<&Launch>> = BTreeMap::new();
        for launch in &self.launches {
            kernels.entry(launch.kernel).or_default().push(launch);
        }
        let time = |launches: &[&Launch]| -> f64 {
            let all: f64 = launches.iter().map(|launch| seconds(launch)).sum();
            all + launches.len() as f64 * LAUNCH
        };
        let mut kernels: Vec<_> = kernels.into_iter().collect();
        kernels.sort_by(|(_, a), (_, b)| time(b).total_cmp(&time(a)));
        for (kernel, launches) in kernels {
            let sum = |value: fn(&Launch) -> usize| -> f64 {
                launches.iter().map(|launch| value(launch) as f64).sum()
            };
            println!(
                "| {kernel} | {} | {:.1} | {:.2} | {} | {} | {:.2} |",
                launches.len(),
                1e-9 * sum(|launch| launch.flops),
                1e-9 * sum(|launch| launch.bytes),
                launches.iter().map(|launch| launch.units).min().unwrap(),
                launches.iter().map(|launch| launch.steps).max().unwrap(),
                1e3 * time(&launches),
            );
        }
        let rest = self.count() - self.launches.len();
        println!(
            "| Burn's | {rest} | | | | | {:.2} |",
            1e3 * rest as f64 * LAUNCH
        );
    }
}

/// Threads of a plane (warp) of NVIDIA's GPUs.
const PLANE: usize = 32;

/// Of an NVIDIA H200: operations a second in f32, bytes a second of its memory and of its first-level
/// caches, and the threads that it needs to reach the first.
const FLOPS: f64 = 67e12;
const MEMORY: f64 = 4.3e12;
const CACHE: f64 = 29.6e12;
const THREADS: f64 = 60e3;

/// Seconds that a step of a loop takes at least, and a launch.
const STEP: f64 = 30e-9;
const LAUNCH: f64 = 5e-6;

/// The time of a launch is that of what takes longest: to compute, to move values between memory and
/// processor, to read them in the processor (16 bytes a vector), or to take one step after the other.
fn seconds(launch: &Launch) -> f64 {
    let busy = (launch.units as f64 / THREADS).min(1.0);
    let compute = launch.flops as f64 / (FLOPS * busy);
    let memory = launch.bytes as f64 / MEMORY;
    let cache = 16.0 * launch.loads as f64 * launch.units as f64 / (CACHE * busy);
    let steps = launch.steps as f64 * STEP;
    compute.max(memory).max(cache).max(steps)
}

/// A network with or without a discriminator of the same width.
fn config(width: usize, adversarial: bool) -> ModelConfig {
    ModelConfig {
        base_width: width,
        adversarial: adversarial.then_some(AdversarialConfig {
            base_width: width,
            features: 100,
        }),
        ..ModelConfig::default()
    }
}

/// One training step of eight images of 256×256 pixels.
fn training_step(device: &Device, width: usize, adversarial: bool) -> Work {
    let device = device.clone().autodiff();
    let step = |state: TrainState| {
        let images = Tensor::zeros([8, 3, 256, 256], &device);
        let gradients = state.gradients(images, &Objective::default());
        state.apply(gradients, 1e-4)
    };
    let mut state = None;
    // The first step also makes what later ones keep.
    work(|| {
        let model = config(width, adversarial).init(&device).unwrap();
        state = Some(step(TrainState::new(model)));
    });
    work(|| drop(step(state.take().unwrap())))
}

/// Judging one image of 256×256 pixels.
fn judging(device: &Device, width: usize, adversarial: bool) -> Work {
    let mut inference = None;
    work(|| {
        let model = config(width, adversarial).init(device).unwrap();
        inference = Some(Inference::new(&model, device, adversarial));
    });
    let image = RgbImage::new(256, 256);
    // What the kernels would have computed is missing, so it does not matter what is read.
    work(|| drop(pollster::block_on(inference.unwrap().predict(&[&image]))))
}

/// Fails if a kernel is made so that a large GPU would wait for it.
fn assert_parallel(work: &Work) {
    let flops = work.flops();
    for launch in &work.launches {
        assert!(launch.steps <= 4096, "one step after the other: {launch:?}");
        let is_small = (launch.flops as f64) < 0.01 * flops;
        assert!(
            is_small || launch.units >= 16_384,
            "few threads: {launch:?}"
        );
    }
}

/// The ceilings of the counts, and of the bytes of DAAD+, are what was reached: each change that needs
/// less lowers them. The others are the aims.
#[test]
fn few_launches_and_little_time() {
    let Some(adapter) = adapters().first() else {
        return;
    };
    for (adversarial, most_for_step, most_for_image, most_bytes) in
        [(false, 337, 74, 6e9), (true, 517, 90, 7.2e9)]
    {
        for (width, most_ms) in [(16, 25.0), (64, 110.0)] {
            let system = if adversarial { "DAAD+" } else { "DAAD" };
            let step = training_step(&adapter.device, width, adversarial);
            let image = judging(&adapter.device, width, adversarial);
            step.print(&format!("training step of 8 images, {system}, w = {width}"));
            image.print(&format!("judging an image, {system}, w = {width}"));
            for (work, most) in [(&step, most_for_step), (&image, most_for_image)] {
                assert!(work.count() <= most, "at most {most}: {:?}", work.counts);
            }
            assert_parallel(&step);
            assert!(1e3 * step.seconds() <= most_ms, "at most {most_ms} ms");
            // Maps and weights grow with the width.
            let most_bytes = most_bytes * (width as f64 / 16.0).powi(2);
            assert!(step.bytes() <= most_bytes, "{} bytes", step.bytes());
        }
    }
}
