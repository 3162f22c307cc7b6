//! Training in the page, on the visitor's own images. It proceeds step by step, so that the page
//! can pause it.

use js_sys::{Array, Object, Uint8Array};
use serde::Deserialize;
use wasm_bindgen::prelude::*;

use crate::error::Error;
use crate::image::{Flips, resize};
use crate::learn::{InMemoryTraining, Schedule, StepReport, TrainConfig};
use crate::model::{Division, ModelConfig};
use crate::nn::DivisionRate;
use crate::score::Scoring;
use crate::weights::{Precision, Provenance};

use super::{device, from_js, js_error, photograph, rgba, set};

/// The settings that the page may choose; all other settings are as in the paper.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Plan {
    /// The shorter side; the other one follows the shape of the first image.
    size: usize,
    scales: usize,
    base_width: usize,
    memory_items: usize,
    division: usize,
    batch_size: usize,
    learning_rate: f64,
    flips: bool,
    shift: usize,
    false_alarm_rate: f64,
    seed: u64,
}

/// Extension: the error map is smoothed by a Gaussian of σ = 1/32 of the shorter side, and the
/// score is the maximum of the smoothed map. In the mean over the image, a small defect would have
/// little effect.
const SMOOTHING_SHARE: f64 = 1.0 / 32.0;

/// The share of the images that is held out. Visitors have few images, and a threshold from n
/// images supports no false-alarm rate below 1/(n + 1), so it is twice the default.
const HELD_OUT: f64 = 0.3;

impl Plan {
    /// The configuration for images of this width and height.
    fn config(&self, (width, height): (u32, u32)) -> TrainConfig {
        let mut model = ModelConfig {
            height_px: self.size,
            width_px: self.size,
            scales: self.scales,
            base_width: self.base_width,
            adversarial: None,
            ..ModelConfig::default()
        };
        model.memory.items = self.memory_items;
        model.memory.division = Division::Blocks(DivisionRate::square(self.division));
        TrainConfig {
            model: model.shaped_like(width, height),
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            // A run of minutes has few epochs, so the learning rate must fall until the end for the
            // weights to converge. The number of epochs depends on the time limit.
            schedule: Schedule::Cosine,
            flips: if self.flips { Flips::Both } else { Flips::None },
            shift_px: self.shift,
            held_out: HELD_OUT,
            false_alarm_rate: self.false_alarm_rate,
            alignment_score: false,
            scoring: Scoring {
                error_smoothing_px: self.size as f64 * SMOOTHING_SHARE,
                flips: Flips::None,
            },
            seed: self.seed,
            ..TrainConfig::default()
        }
    }
}

/// A DAAD that is trained in the page.
#[wasm_bindgen(js_name = Training)]
pub struct WebTraining {
    training: InMemoryTraining,
}

#[wasm_bindgen(js_class = Training)]
impl WebTraining {
    /// Begins a new run on normal images.
    ///
    /// # Errors
    ///
    /// If a setting of the plan is not allowed, an element is not an image (the error says which),
    /// or the device is not available or trains with other results than the CPU.
    pub async fn begin(plan: JsValue, images: &Array) -> Result<WebTraining, JsValue> {
        let plan: Plan = from_js(plan)?;
        let shape = match images.length() {
            0 => (1, 1),
            _ => photograph(&images.get(0))
                .map_err(|error| numbered(error, 0))?
                .image
                .dimensions(),
        };
        let config = plan.config(shape);
        config.validate().map_err(js_error)?; // before the images get the size that it asks for
        let (width_px, height_px) = (config.model.width_px as u32, config.model.height_px as u32);
        let images = images.iter().enumerate().map(|(index, image)| {
            let picture = photograph(&image).map_err(|error| numbered(error, index))?;
            // Resized immediately, because several images in full size would take much memory.
            Ok(resize(picture.image, width_px, height_px))
        });
        let images = images.collect::<Result<Vec<_>, JsValue>>()?;
        let device = device::for_training().await.map_err(js_error)?;
        let training = InMemoryTraining::new(config, images, &device);
        Ok(Self {
            training: training.map_err(js_error)?,
        })
    }

    /// The number of images to train on; the others are held out.
    #[wasm_bindgen(js_name = trainedOn, getter)]
    pub fn trained_on(&self) -> usize {
        self.training.trained_on()
    }

    /// The error of the mean of the training images. If the loss is not lower, the network has not
    /// learned to reconstruct single images.
    #[wasm_bindgen(js_name = meanImageError, getter)]
    pub fn mean_image_error(&self) -> f64 {
        self.training.mean_image_error()
    }

    /// The number of held-out images.
    #[wasm_bindgen(js_name = heldOut, getter)]
    pub fn held_out(&self) -> usize {
        self.training.held_out().len()
    }

    /// Trains on one batch. `share_done` is the share of the time that is over, from 0 to 1.
    /// Returns `{ loss, epochs }`.
    ///
    /// # Errors
    ///
    /// Where training diverges.
    pub async fn step(&mut self, share_done: f64) -> Result<Object, JsValue> {
        let report = self.training.step_by_time(share_done).await;
        let StepReport { losses, epochs } = report.map_err(js_error)?;
        let object = Object::new();
        set(&object, "loss", losses.reconstruction.into());
        set(&object, "epochs", epochs.into());
        Ok(object)
    }

    /// A held-out image, and its reconstruction by the current network.
    ///
    /// # Errors
    ///
    /// Where there is no such image.
    pub async fn rebuild(&self, index: usize) -> Result<Object, JsValue> {
        let image = self.training.held_out().get(index);
        let image = image
            .ok_or_else(|| js_error(Error::Config("there is no such held-out image".into())))?;
        let rebuilt = self.training.rebuild(image).await;
        let rebuilt = rebuilt.map_err(js_error)?;
        let object = Object::new();
        set(&object, "input", rgba(image).into());
        set(&object, "reconstruction", rgba(&rebuilt).into());
        set(&object, "width", image.width().into());
        set(&object, "height", image.height().into());
        Ok(object)
    }

    /// The model file of the current network, calibrated on the held-out images.
    ///
    /// # Errors
    ///
    /// Where a weight does not fit half precision.
    pub async fn finish(&self, data: String) -> Result<Uint8Array, JsValue> {
        let provenance = Provenance {
            data,
            device: device::NAME.into(),
            ..Provenance::default()
        };
        let finished = self.training.finish(provenance, Precision::F16).await;
        let finished = finished.map_err(js_error)?;
        Ok(Uint8Array::from(finished.bytes.as_slice()))
    }
}

/// The error of one of several images, with the image's number in its message.
fn numbered(error: JsValue, index: usize) -> JsValue {
    if let Some(error) = error.dyn_ref::<js_sys::Error>() {
        let message = String::from(error.message());
        error.set_message(&format!("image {}: {message}", index + 1));
    }
    error
}
