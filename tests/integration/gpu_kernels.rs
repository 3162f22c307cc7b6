//! Our kernels on the GPUs of this machine, software ones among them, against those on the CPU.

use burn::tensor::{Device, Tensor};
use daad::kernel::{self, Window};
use daad::train::adapters;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::kernels::{SLOPES, WINDOWS, assert_close, random, values, window};

/// The GPUs; where the test script has brought one along it must be there.
fn devices() -> Vec<(String, Device)> {
    let adapters = adapters();
    let is_promised = std::env::var_os("DAAD_TEST_GPU").is_some();
    assert!(!is_promised || !adapters.is_empty(), "no GPU was found");
    let named = |adapter: daad::train::Adapter| (adapter.name, adapter.device);
    adapters.into_iter().map(named).collect()
}

struct Layer {
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
}

impl Layer {
    /// `[B, H, W]` maps of some channels, weights `[a, b, k, k]` and bias `[outputs]`.
    fn random(
        rng: &mut ChaCha8Rng,
        [batch, height, width]: [usize; 3],
        [inputs, outputs]: [usize; 2],
        weight: [usize; 4],
    ) -> Self {
        // Every other one as a view of something else.
        let x = if rng.random() {
            random(rng, [batch, inputs, height, width])
        } else {
            random(rng, [batch + 1, width, height, inputs])
                .narrow(0, 1, batch)
                .permute([0, 3, 2, 1])
        };
        Self {
            x: x.inner(),
            weight: random(rng, weight).inner(),
            bias: random(rng, [outputs]).inner(),
        }
    }

    fn assert_same(
        &self,
        devices: &[(String, Device)],
        what: &str,
        run: impl Fn(Tensor<4>, Tensor<4>, Tensor<1>) -> Tensor<4>,
    ) {
        let Self { x, weight, bias } = self;
        let expected = values(run(x.clone(), weight.clone(), bias.clone()));
        for (name, device) in devices {
            // The view goes over as a view.
            let x = x.clone().permute([0, 3, 2, 1]).to_device(device);
            let (weight, bias) = (weight.clone().to_device(device), bias.clone());
            let got = run(x.permute([0, 3, 2, 1]), weight, bias.to_device(device));
            assert_close(&format!("{what} on {name}"), &values(got), &expected);
        }
    }
}

#[test]
fn a_convolution_is_that_of_the_cpu() {
    let devices = devices();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for round in 0..3 * WINDOWS.len() {
        let window = WINDOWS[round % WINDOWS.len()];
        let slope = SLOPES[round / WINDOWS.len() % SLOPES.len()];
        let least = (window.kernel - 2 * window.padding).max(1);
        let batch = rng.random_range(1..=3);
        let [height, width] = [(); 2].map(|()| least + rng.random_range(0..12));
        let size = [batch, height, width];
        let channels = [(); 2].map(|()| rng.random_range(1..=12));
        let [inputs, outputs] = channels;
        let kernel = window.kernel;
        let layer = Layer::random(&mut rng, size, channels, [outputs, inputs, kernel, kernel]);
        layer.assert_same(
            &devices,
            &format!("{window:?} on {size:?}, {channels:?} channels, slope {slope}"),
            |x, weight, bias| kernel::convolve(x, weight, bias, window, slope),
        );
    }
}

#[test]
fn a_transposed_convolution_is_that_of_the_cpu() {
    let devices = devices();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for round in 0..16 {
        let side = 1 + round % 4;
        let window: Window = window(side, side, 0);
        let size = [(); 3].map(|()| rng.random_range(1..=9));
        let channels = [(); 2].map(|()| rng.random_range(1..=12));
        let [inputs, outputs] = channels;
        let layer = Layer::random(&mut rng, size, channels, [inputs, outputs, side, side]);
        layer.assert_same(
            &devices,
            &format!("transposed {window:?} on {size:?}, {channels:?} channels"),
            |x, weight, bias| kernel::convolve_transposed(x, weight, bias, window),
        );
    }
}

#[test]
fn a_rectifier_passes_on_what_is_no_number() {
    let window = window(1, 1, 0);
    for (name, device) in devices() {
        let x = Tensor::from_floats([[[[f32::NAN, -1.0]]]], &device);
        let (weight, bias) = (
            Tensor::ones([1, 1, 1, 1], &device),
            Tensor::zeros([1], &device),
        );
        let got = values(kernel::convolve(x, weight, bias, window, 0.0));
        assert!(got[0].is_nan() && got[1] == 0.0, "{got:?} on {name}");
    }
}
