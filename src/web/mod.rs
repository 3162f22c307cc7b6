//! The wasm-bindgen interface: the part of the library that the page's worker can use.
//!
//! It is built once for each engine, and the page loads the build of the engine that it uses.

use std::rc::Rc;

use js_sys::{Array, Float32Array, Object, Reflect, Uint8ClampedArray};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use image::RgbImage;

use crate::detector::{BlockPlace, InspectedBlock, InspectedItem, Inspector};
use crate::image::only_part_read;
use crate::model::{Division, MemoryPlacement, ModelConfig};
use crate::nn::DivisionRate;
use crate::score::{Range, RawScore};
use crate::weights::Provenance;
use crate::{Detection, Detector, Error};

#[cfg_attr(feature = "webgpu", path = "webgpu.rs")]
#[cfg_attr(not(feature = "webgpu"), path = "cpu.rs")]
mod device;
#[cfg(feature = "threads")]
pub mod threads;
#[cfg(feature = "learn")]
pub mod training;

/// The initialization, which runs once when the module is loaded.
#[wasm_bindgen(start)]
fn start() {
    // The hook has an effect only in builds with the precompiled standard library. If the standard
    // library is built with the program, panics have no messages.
    console_error_panic_hook::set_once();
    // An error of a shader that does not compile is only logged, so without a logger it would be
    // lost. At a second start the logger is set already; that error can be ignored.
    let _ = console_log::init_with_level(log::Level::Error);
}

/// Scores an image with an untrained model, before the first real model is loaded.
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
    detector: Rc<Detector>,
}

/// The feature maps of one image, kept for inspection.
#[wasm_bindgen(js_name = Inspector)]
pub struct WebInspector {
    detector: Rc<Detector>,
    inspector: Inspector,
}

#[wasm_bindgen(js_class = Detector)]
impl WebDetector {
    /// Reads a model file onto the engine's device.
    ///
    /// # Errors
    ///
    /// Where the bytes are not a model, or the device is not available or computes wrong values.
    pub async fn load(model: Vec<u8>) -> Result<WebDetector, JsError> {
        let detector = device::detector(&model).await;
        let detector = detector.map_err(|error| js_error(&error))?;
        Ok(Self {
            detector: Rc::new(detector),
        })
    }

    /// The model's configuration, calibration and provenance, as a plain object.
    ///
    /// # Errors
    ///
    /// Where they cannot be converted to a plain object.
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
            raw_scores: &calibration.normal_raw_scores,
            reconstruction: calibration.fusion.reconstruction,
            alignment: calibration.fusion.alignment,
            provenance: &card.provenance,
        };
        let serializer = serde_wasm_bindgen::Serializer::json_compatible();
        Ok(info.serialize(&serializer)?)
    }

    /// Scores the bytes of an image file; returns a plain object.
    ///
    /// # Errors
    ///
    /// Where the bytes are not an image, or the device fails.
    pub async fn detect(&self, image: Vec<u8>) -> Result<JsValue, JsError> {
        let detection = self.detector.detect(&image).await;
        self.answer(detection, only_part_read(&image))
    }

    /// Scores the pixels of a canvas: RGBA, row by row, of any size. Transparent pixels are drawn
    /// on white. Returns the same as `detect`.
    ///
    /// # Errors
    ///
    /// Where the pixels do not have this size, or the device fails.
    #[wasm_bindgen(js_name = detectPixels)]
    pub async fn detect_pixels(
        &self,
        pixels: Vec<u8>,
        width_px: u32,
        height_px: u32,
    ) -> Result<JsValue, JsError> {
        let image = crate::image::from_rgba(pixels, width_px, height_px);
        let image = image.map_err(|error| js_error(&error))?;
        let detection = self.detector.detect_image(image).await;
        self.answer(detection, None)
    }

    /// Encodes an image for inspection: RGBA pixels of the model's size, such as `input` of what
    /// `detect` returns.
    ///
    /// # Errors
    ///
    /// Where the pixels do not have this size, or the size is not the model's.
    pub fn inspector(
        &self,
        pixels: Vec<u8>,
        width_px: u32,
        height_px: u32,
    ) -> Result<WebInspector, JsError> {
        let image = crate::image::from_rgba(pixels, width_px, height_px);
        let image = image.map_err(|error| js_error(&error))?;
        let inspector = self.detector.inspector(&image);
        Ok(WebInspector {
            detector: Rc::clone(&self.detector),
            inspector: inspector.map_err(|error| js_error(&error))?,
        })
    }
}

#[wasm_bindgen(js_class = Inspector)]
impl WebInspector {
    /// Inspects one block of the image. Returns a plain object, or null if there is no memory at
    /// this scale.
    ///
    /// # Errors
    ///
    /// Where there is no such block, or the device fails.
    pub async fn block(
        &self,
        scale: usize,
        row: usize,
        column: usize,
        strongest: usize,
    ) -> Result<JsValue, JsError> {
        let place = BlockPlace {
            scale,
            row,
            column,
            channel: 0,
        };
        let block = self.detector.inspect(&self.inspector, place, strongest);
        let block = block.await.map_err(|error| js_error(&error))?;
        Ok(block.map_or(JsValue::NULL, |block| inspected(&block).into()))
    }
}

impl WebDetector {
    /// `note` is what the visitor should know of the file.
    fn answer(
        &self,
        detection: crate::Result<Detection>,
        note: Option<&str>,
    ) -> Result<JsValue, JsError> {
        let detection = detection.map_err(|error| js_error(&error))?;
        let threshold = self.detector.card().calibration.threshold;
        let object = self.to_object(&detection, threshold);
        set(&object, "note", note.unwrap_or_default().into());
        Ok(object.into())
    }

    fn to_object(&self, detection: &Detection, threshold: f64) -> Object {
        let object = Object::new();
        let prediction = &detection.prediction;
        let alignment = prediction.raw.alignment.map_or(JsValue::NULL, Into::into);
        set(&object, "score", detection.anomaly_score.into());
        set(
            &object,
            "reconstruction_score",
            prediction.raw.reconstruction.into(),
        );
        set(&object, "alignment_score", alignment);
        set(&object, "threshold", threshold.into());
        set(&object, "anomalous", detection.is_anomalous.into());
        set(&object, "width_px", detection.input.width().into());
        set(&object, "height_px", detection.input.height().into());
        set(&object, "input", rgba(&detection.input).into());
        set(
            &object,
            "reconstruction",
            rgba(&prediction.reconstruction).into(),
        );
        let map = Float32Array::from(prediction.error_map.as_slice());
        set(&object, "error_map", map.into());
        set(
            &object,
            "heat_map",
            rgba(&self.detector.heat_map(detection)).into(),
        );
        object
    }
}

fn inspected(block: &InspectedBlock) -> Object {
    let object = Object::new();
    let addressing = &block.addressing;
    set(&object, "dim", block.dim.into());
    set(&object, "count", addressing.weights.len().into());
    set(&object, "temperature", block.temperature.into());
    set(&object, "survivors", addressing.survivors().into());
    set(
        &object,
        "effective_items",
        addressing.effective_items().into(),
    );
    set(&object, "weight_sum", addressing.weight_sum().into());
    set(&object, "likeness", block.likeness.into());
    set(&object, "width_px", block.query.width().into());
    set(&object, "height_px", block.query.height().into());
    set(&object, "query", rgba(&block.query).into());
    set(&object, "answer", rgba(&block.answer).into());
    let items: Array = block.items.iter().map(inspected_item).collect();
    set(&object, "items", items.into());
    let similarities = Float32Array::from(addressing.similarities.as_slice());
    set(&object, "similarities", similarities.into());
    object
}

fn inspected_item(item: &InspectedItem) -> Object {
    let object = Object::new();
    set(&object, "index", item.index.into());
    set(&object, "similarity", item.similarity.into());
    set(&object, "weight", item.weight.into());
    set(&object, "picture", rgba(&item.picture).into());
    object
}

fn set(object: &Object, name: &str, value: JsValue) {
    // Setting a property of a fresh plain object cannot fail.
    let _ = Reflect::set(object, &name.into(), &value);
}

#[derive(Serialize)]
struct Info<'a> {
    system: String,
    parameters: f64,
    #[serde(flatten)]
    config: &'a ModelConfig,
    memory_items: usize,
    /// The division into blocks; None if no map is divided into blocks that are large enough to
    /// see.
    division: Option<DivisionRate>,
    gamma: f64,
    threshold: f64,
    false_alarm_rate: f64,
    scores: &'a [f64],
    /// R and L of each of these images and of its mirror images.
    raw_scores: &'a [Vec<RawScore>],
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

/// The pixels of an image as RGBA, which a canvas can show.
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
