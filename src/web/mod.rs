//! The wasm-bindgen facade: what the page's worker sees of the library, and nothing else.
//!
//! It is built once for each engine, and the page loads the one that it uses.

use js_sys::{Float32Array, Object, Reflect, Uint8ClampedArray};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use image::RgbImage;

use crate::model::{Division, MemoryPlacement, ModelConfig};
use crate::nn::DivisionRate;
use crate::score::Range;
use crate::weights::Provenance;
use crate::{Detection, Detector, Error};

#[cfg_attr(feature = "webgpu", path = "webgpu.rs")]
#[cfg_attr(not(feature = "webgpu"), path = "cpu.rs")]
mod device;
#[cfg(feature = "threads")]
pub mod threads;

/// Runs once, when the module is loaded.
#[wasm_bindgen(start)]
fn start() {
    // Of use only where the standard library is not built along: with it, panics have no words.
    console_error_panic_hook::set_once();
    // A shader that does not compile is only ever logged; without this it would be lost.
    // A second start finds the logger set already, which is fine.
    let _ = console_log::init_with_level(log::Level::Error);
}

/// Judges an image with a model that knows nothing, before the first real model is here.
///
/// # Errors
///
/// Where the device fails.
#[cfg(not(feature = "webgpu"))]
#[wasm_bindgen(js_name = warmUp)]
pub async fn warm_up() -> Result<(), JsError> {
    let warm = device::warm_up().await;
    warm.map_err(|error| js_error(&error))
}

/// A model on a device.
#[wasm_bindgen(js_name = Detector)]
pub struct WebDetector {
    detector: Detector,
}

#[wasm_bindgen(js_class = Detector)]
impl WebDetector {
    /// Reads a model file onto the engine's device.
    ///
    /// # Errors
    ///
    /// Where the bytes are no model, or the device cannot be had or computes something else.
    pub async fn load(model: Vec<u8>) -> Result<WebDetector, JsError> {
        let detector = device::detector(&model).await;
        let detector = detector.map_err(|error| js_error(&error))?;
        Ok(Self { detector })
    }

    /// The model's configuration, calibration and provenance, as a plain object.
    ///
    /// # Errors
    ///
    /// Where they cannot be written as one.
    pub fn info(&self) -> Result<JsValue, JsError> {
        let card = self.detector.card();
        let config = &card.config;
        let calibration = &card.calibration;
        let info = Info {
            system: config.system_name(),
            parameters: config.parameter_count() as f64,
            config,
            memory_items: config.memory.items,
            division: divided(config),
            gamma: calibration.fusion.gamma,
            threshold: calibration.threshold,
            false_alarm_rate: calibration.false_alarm_rate,
            scores: &calibration.normal_scores,
            reconstruction: calibration.fusion.reconstruction,
            alignment: calibration.fusion.alignment,
            provenance: &card.provenance,
        };
        let serializer = serde_wasm_bindgen::Serializer::json_compatible();
        Ok(info.serialize(&serializer)?)
    }

    /// Judges an image file's bytes; gives a plain object.
    ///
    /// # Errors
    ///
    /// Where the bytes are no image, or the device fails.
    pub async fn detect(&self, image: Vec<u8>) -> Result<JsValue, JsError> {
        let detection = self.detector.detect(&image).await;
        let detection = detection.map_err(|error| js_error(&error))?;
        let card = self.detector.card();
        Ok(self
            .to_object(&detection, card.calibration.threshold)
            .into())
    }
}

impl WebDetector {
    fn to_object(&self, detection: &Detection, threshold: f64) -> Object {
        let object = Object::new();
        let set = |name: &str, value: JsValue| {
            // Setting a property of a fresh plain object cannot fail.
            let _ = Reflect::set(&object, &name.into(), &value);
        };
        let examination = &detection.examination;
        let alignment = examination.raw.alignment.map_or(JsValue::NULL, Into::into);
        set("score", detection.anomaly_score.into());
        set(
            "reconstruction_score",
            examination.raw.reconstruction.into(),
        );
        set("alignment_score", alignment);
        set("threshold", threshold.into());
        set("anomalous", detection.is_anomalous.into());
        set("width_px", detection.input.width().into());
        set("height_px", detection.input.height().into());
        set("input", rgba(&detection.input).into());
        set("reconstruction", rgba(&examination.reconstruction).into());
        let map = Float32Array::from(examination.error_map.as_slice());
        set("error_map", map.into());
        set("heat_map", rgba(&self.detector.heat_map(detection)).into());
        object
    }
}

#[derive(Serialize)]
struct Info<'a> {
    system: String,
    parameters: f64,
    #[serde(flatten)]
    config: &'a ModelConfig,
    memory_items: usize,
    /// None where no map is divided into blocks that an eye could follow.
    division: Option<DivisionRate>,
    gamma: f64,
    threshold: f64,
    false_alarm_rate: f64,
    scores: &'a [f64],
    reconstruction: Range,
    alignment: Option<Range>,
    provenance: &'a Provenance,
}

fn divided(config: &ModelConfig) -> Option<DivisionRate> {
    match (config.memory.placement, config.memory.division) {
        (MemoryPlacement::Everywhere, Division::Blocks(rate)) => Some(rate),
        _ => None,
    }
}

/// What a canvas takes.
fn rgba(image: &RgbImage) -> Uint8ClampedArray {
    let mut bytes = vec![255; image.pixels().len() * 4];
    for (opaque, pixel) in bytes.chunks_exact_mut(4).zip(image.pixels()) {
        opaque[..3].copy_from_slice(&pixel.0);
    }
    Uint8ClampedArray::from(bytes.as_slice())
}

fn js_error(error: &Error) -> JsError {
    JsError::new(&error.to_string())
}
