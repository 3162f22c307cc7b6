//! Every GPU of this machine compared with the CPU back end: scores and training.
//! Software GPUs are tested only if the test script provides one.

use burn::tensor::Device;
use daad::Detector;
use daad::dataset::{SyntheticImages, Texture};
use daad::device::{Adapter, adapters};
use daad::learn::{TrainConfig, check_training, finish, initialize};
use daad::model::{AdversarialConfig, ModelConfig};
use daad::weights::{Precision, Provenance};
use pollster::block_on;

#[test]
fn every_gpu_scores_and_trains_as_the_cpu_does() {
    let is_promised = std::env::var_os("DAAD_TEST_GPU").is_some();
    let meant = |adapter: &&Adapter| adapter.is_real || is_promised;
    for adapter in adapters().iter().filter(meant) {
        block_on(check_training(&adapter.device, true))
            .unwrap_or_else(|e| panic!("{}: {e}", adapter.name));
        let detector = Detector::from_bytes(&model_file(), &adapter.device).unwrap();
        block_on(detector.check_device()).unwrap_or_else(|e| panic!("{}: {e}", adapter.name));
    }
}

/// The paper's network, but narrow.
fn model_file() -> Vec<u8> {
    let model = ModelConfig {
        base_width: 8,
        adversarial: Some(AdversarialConfig {
            base_width: 8,
            ..AdversarialConfig::default()
        }),
        ..ModelConfig::default()
    };
    let config = TrainConfig {
        model,
        ..TrainConfig::default()
    };
    let cpu = Device::flex();
    let model = initialize(config.model.init(&cpu).unwrap(), 1);
    let images = SyntheticImages::new(Texture::Cloth, 256, 1).normal(1);
    let provenance = Provenance::default();
    let finished = block_on(finish(
        &model,
        &config,
        provenance,
        Precision::F16,
        &[&images[0].image],
        &cpu,
    ));
    finished.unwrap().bytes
}
