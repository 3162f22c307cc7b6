//! The objects that a host can refer to: buffers and results by their address, models by a handle.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use burn::tensor::Device;
use image::RgbImage;

use crate::image::{from_rgba, to_rgba};
use crate::{Detection, Detector, Error};

/// The result for one image, which the host reads from memory. The result and the data behind its
/// pointers are valid until `daad_result_free`.
#[repr(C)]
#[derive(Debug)]
pub struct DaadResult {
    /// The anomaly score: about 0 to 1 for normal images, higher for anomalous ones.
    pub score: f64,
    /// The model's threshold; the image is anomalous where the score lies above it.
    pub threshold: f64,
    /// The reconstruction score R.
    pub reconstruction_score: f64,
    /// The alignment score L; NaN where the model has none.
    pub alignment_score: f64,
    /// How much the image as a whole differs from the good images: above 1 the score is
    /// meaningless.
    pub unfamiliarity: f64,
    /// 1 for an anomalous image, else 0.
    pub anomalous: u32,
    /// The width of the three images below, which is the model's, in pixels.
    pub width: u32,
    /// The height of the three images, in pixels.
    pub height: u32,
    /// `width`·`height` errors, row by row.
    pub error_map: *const f32,
    /// The error map in colours, RGBA, row by row.
    pub heat_map: *const u8,
    /// The reconstruction, RGBA, row by row.
    pub reconstruction: *const u8,
}

/// A result, together with the data that it points to.
#[expect(dead_code, reason = "the vectors are read by the host alone")]
struct Kept {
    result: Box<DaadResult>,
    error_map: Vec<f32>,
    heat_map: Vec<u8>,
    reconstruction: Vec<u8>,
}

/// All objects that were returned to the host and not freed yet. Errors are messages: those of the
/// library, or those about a wrong call.
#[derive(Default)]
pub(super) struct Session {
    /// Buffers by address. They are vectors, not boxes, because the host writes into them.
    buffers: BTreeMap<usize, Vec<u8>>,
    detectors: BTreeMap<u32, Detector>,
    /// The last handle. Each handle is used only once.
    latest: u32,
    results: BTreeMap<usize, Kept>,
    pub(super) error: String,
}

impl Session {
    pub(super) fn allocate(&mut self, len: usize) -> Result<*mut u8, String> {
        if len == 0 {
            return Err("a buffer has at least one byte".to_owned());
        }
        let mut buffer = Vec::new();
        let reserved = buffer.try_reserve_exact(len);
        reserved.map_err(|_| format!("not enough memory: there are no {len} bytes left"))?;
        buffer.resize(len, 0);
        let address = buffer.as_mut_ptr();
        self.buffers.insert(address.addr(), buffer);
        Ok(address)
    }

    pub(super) fn free(&mut self, address: usize) {
        self.buffers.remove(&address);
    }

    pub(super) fn load(&mut self, address: usize, len: usize) -> Result<u32, String> {
        let bytes = self.bytes(address, len)?;
        let detector = Detector::from_bytes(bytes, &Device::flex()).map_err(sentence)?;
        let next = self.latest.checked_add(1);
        self.latest = next.ok_or("no more models can be loaded")?;
        self.detectors.insert(self.latest, detector);
        Ok(self.latest)
    }

    pub(super) fn close(&mut self, handle: u32) {
        self.detectors.remove(&handle);
    }

    pub(super) fn detect(
        &mut self,
        handle: u32,
        address: usize,
        len: usize,
    ) -> Result<*const DaadResult, String> {
        let image = self.detector(handle)?.prepare(self.bytes(address, len)?);
        self.score(handle, image.map_err(sentence)?)
    }

    pub(super) fn detect_pixels(
        &mut self,
        handle: u32,
        address: usize,
        width: u32,
        height: u32,
    ) -> Result<*const DaadResult, String> {
        let len = 4 * u128::from(width) * u128::from(height);
        // A length that does not fit into `usize` is larger than any buffer, so it is refused in
        // the same way.
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let pixels = self.bytes(address, len)?.to_vec();
        let image = from_rgba(pixels, width, height).map_err(sentence)?;
        self.score(handle, image)
    }

    pub(super) fn free_result(&mut self, address: usize) {
        self.results.remove(&address);
    }

    fn score(&mut self, handle: u32, image: RgbImage) -> Result<*const DaadResult, String> {
        let detector = self.detector(handle)?;
        let detection = ready(detector.detect_image(image)).map_err(sentence)?;
        let kept = Kept::new(detector, detection);
        let address: *const DaadResult = &raw const *kept.result;
        self.results.insert(address.addr(), kept);
        Ok(address)
    }

    fn detector(&self, handle: u32) -> Result<&Detector, String> {
        let detector = self.detectors.get(&handle);
        detector.ok_or_else(|| {
            format!("{handle} is the handle of no model; daad_load returns one, until daad_close")
        })
    }

    fn bytes(&self, address: usize, len: usize) -> Result<&[u8], String> {
        let buffer = self.buffers.get(&address).ok_or_else(|| {
            format!(
                "{address} is the address of no buffer; daad_alloc returns one, until daad_free"
            )
        })?;
        let bytes = buffer.get(..len);
        bytes.ok_or_else(|| format!("the buffer has {} bytes, not {len}", buffer.len()))
    }
}

impl Kept {
    fn new(detector: &Detector, detection: Detection) -> Self {
        let heat_map = to_rgba(&detector.heat_map(&detection));
        let prediction = detection.prediction;
        let reconstruction = to_rgba(&prediction.reconstruction);
        let error_map = prediction.error_map;
        let result = Box::new(DaadResult {
            score: detection.anomaly_score,
            threshold: detector.card().calibration.threshold,
            reconstruction_score: prediction.raw.reconstruction,
            alignment_score: prediction.raw.alignment.unwrap_or(f64::NAN),
            unfamiliarity: detection.unfamiliarity,
            anomalous: detection.is_anomalous.into(),
            width: detection.input.width(),
            height: detection.input.height(),
            error_map: error_map.as_ptr(),
            heat_map: heat_map.as_ptr(),
            reconstruction: reconstruction.as_ptr(),
        });
        Self {
            result,
            error_map,
            heat_map,
            reconstruction,
        }
    }
}

/// The value of a future that is ready at once, as all futures on the CPU are.
fn ready<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Error::Device("the CPU is not done yet".to_owned())),
    }
}

fn sentence(error: Error) -> String {
    error.to_string()
}
