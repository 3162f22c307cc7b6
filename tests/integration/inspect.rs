//! The inspection of one block, with a DAAD+ and a sheet of the gallery.

use daad::Error;
use daad::detector::BlockPlace;
use image::{GenericImageView, RgbImage};
use pollster::block_on;

use crate::tiles::{SPLINTER, detector, sheet};

fn place(scale: usize, row: usize, column: usize) -> BlockPlace {
    BlockPlace {
        scale,
        row,
        column,
        channel: 0,
    }
}

/// The largest difference of two pictures, in values of 0 to 255.
fn difference(a: &RgbImage, b: &RgbImage) -> u8 {
    assert_eq!(a.dimensions(), b.dimensions());
    a.iter()
        .zip(b.iter())
        .map(|(a, b)| a.abs_diff(*b))
        .max()
        .unwrap()
}

#[test]
fn a_block_is_taken_apart_at_every_scale() {
    let detector = detector();
    let detection = block_on(detector.detect(&sheet(SPLINTER))).unwrap();
    let inspector = detector.inspector(&detection.input).unwrap();
    let side = detection.input.width() / 8;
    let rebuilt = detection
        .prediction
        .reconstruction
        .view(5 * side, 2 * side, side, side);
    let rebuilt = rebuilt.to_image();
    for scale in 0..4 {
        let block = block_on(detector.inspect(&inspector, place(scale, 2, 5), 5));
        let block = block.unwrap().unwrap();
        // With the memory's own answer in the block, the picture equals the network's
        // reconstruction.
        assert!(difference(&block.answer, &rebuilt) <= 1, "scale {scale}");
        assert_eq!(block.items.len(), 5);
        assert_eq!(block.temperature, 1.0);
        assert!(block.items.is_sorted_by(|a, b| a.weight >= b.weight));
        let addressing = &block.addressing;
        // Cosines without a temperature give flat weights: about half of the items are left, and no
        // weight is above 7.4/N.
        assert!(
            (50..500).contains(&addressing.survivors()),
            "{}",
            addressing.survivors()
        );
        assert!(addressing.effective_items() <= addressing.survivors() as f64 + 1e-6);
        assert!(block.items[0].weight < 7.4 / 500.0);
        assert!((-1.0..=1.0).contains(&block.likeness));
    }
}

#[test]
fn a_block_that_is_not_there_is_an_error() {
    let detector = detector();
    let inspector = detector
        .inspector(&daad::image::test_pattern(128, 128))
        .unwrap();
    for place in [place(4, 0, 0), place(0, 8, 0), place(0, 0, 8)] {
        let error = block_on(detector.inspect(&inspector, place, 1)).unwrap_err();
        assert!(matches!(error, Error::Config(_)), "{error}");
    }
}
