//! Large photographs in tiles: a model of paper, on mosaics of the paper sheets in the gallery.

use std::fs;

use burn::tensor::Device;
use daad::detector::{Tile, TileSize};
use daad::image::{decode_original, test_pattern};
use daad::{Detector, Error, TileOptions, TiledDetection};
use image::{RgbImage, imageops};
use pollster::block_on;
use tempfile::TempDir;

use crate::common::{error, objects, of_repository, run, stdout};

/// Side of a sheet of the gallery and of the model's input.
const SHEET_PX: u32 = 128;

fn model_path() -> String {
    let path = of_repository("tests/models/daad_plus.safetensors");
    path.to_str().unwrap().to_owned()
}

pub(crate) fn detector() -> Detector {
    Detector::from_bytes(&fs::read(model_path()).unwrap(), &Device::flex()).unwrap()
}

pub(crate) fn sheet(name: &str) -> Vec<u8> {
    fs::read(of_repository("www/gallery/piped").join(format!("{name}.png"))).unwrap()
}

const CLEAN: [&str; 3] = [
    "PA_GLA01_TL_S_ND_10_3",
    "PA_FLR01_TL_S_ND_10_3",
    "PA_FLR02_TL_S_ND_11_2",
];
pub(crate) const SPLINTER: &str = "PA_GLA01_TL_S_D_02_2";

/// Clean sheets side by side, a defective one in column 2 and row 1.
fn mosaic(columns: u32, rows: u32) -> RgbImage {
    let mut mosaic = RgbImage::new(columns * SHEET_PX, rows * SHEET_PX);
    for row in 0..rows {
        for column in 0..columns {
            let name = match (column, row) {
                (2, 1) => SPLINTER,
                _ => CLEAN[(column + row) as usize % CLEAN.len()],
            };
            let image = decode_original(&sheet(name)).unwrap();
            let (x, y) = (column * SHEET_PX, row * SHEET_PX);
            imageops::replace(&mut mosaic, &image, i64::from(x), i64::from(y));
        }
    }
    mosaic
}

const SIDE_BY_SIDE: TileOptions = TileOptions {
    size: None,
    overlap: 0.0,
    error_map: false,
};

const WITH_MAP: TileOptions = TileOptions {
    error_map: true,
    ..SIDE_BY_SIDE
};

fn detect(detector: &Detector, image: &RgbImage, options: &TileOptions) -> TiledDetection {
    let mut scored = 0;
    let detection =
        block_on(detector.detect_tiles(image, options, |count| scored += count)).unwrap();
    assert_eq!(scored, detection.tiles.len());
    detection
}

#[test]
fn an_image_of_one_tile_is_judged_as_it_is_whole() {
    let detector = detector();
    let small = TileSize {
        width_px: 100,
        height_px: 90,
    };
    let enlarged = test_pattern(100, 90);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pattern.png");
    enlarged.save(&path).unwrap();
    let cases = [
        (sheet(SPLINTER), None),
        (
            sheet(CLEAN[0]),
            Some(TileSize {
                width_px: 999,
                height_px: 128,
            }),
        ),
        (fs::read(&path).unwrap(), None),
        (fs::read(&path).unwrap(), Some(small)),
    ];
    for (bytes, size) in cases {
        let whole = block_on(detector.detect(&bytes)).unwrap();
        let image = decode_original(&bytes).unwrap();
        for options in [SIDE_BY_SIDE, WITH_MAP] {
            let tiled = detect(&detector, &image, &TileOptions { size, ..options });
            assert_eq!(tiled.tiles.len(), 1);
            assert_eq!(tiled.anomaly_score, whole.anomaly_score);
            assert_eq!(tiled.is_anomalous, whole.is_anomalous);
            assert_eq!(tiled.tiles[0].raw, whole.prediction.raw);
            if image.dimensions() == (SHEET_PX, SHEET_PX) {
                let same = (tiled.error_map).is_none_or(|map| map == whole.prediction.error_map);
                assert!(same, "the map is another");
            }
        }
    }
}

#[test]
fn a_defect_is_found_where_it_is_and_nowhere_else() {
    let detector = detector();
    // 20 tiles: two full batches and a smaller one.
    let image = mosaic(5, 4);
    let detection = detect(&detector, &image, &WITH_MAP);
    assert_eq!(detection.tiles.len(), 20);
    let worst = detection.worst_first();
    let defective = Tile {
        x_px: 2 * SHEET_PX,
        y_px: SHEET_PX,
        width_px: SHEET_PX,
        height_px: SHEET_PX,
    };
    assert_eq!(worst[0].tile, defective);
    assert_eq!(worst[0].anomaly_score, detection.anomaly_score);
    assert!(detection.is_anomalous);
    let anomalous = worst.iter().filter(|tile| tile.is_anomalous).count();
    assert_eq!(anomalous, 1, "{worst:?}");

    // Each tile has the same score and map as its sheet alone.
    let alone = block_on(detector.detect(&sheet(SPLINTER))).unwrap();
    let error = (detection.anomaly_score / alone.anomaly_score - 1.0).abs();
    assert!(error < 1e-6, "off by {error}");
    let map = detection.error_map.as_ref().unwrap();
    let cut: Vec<f32> = (0..SHEET_PX * SHEET_PX)
        .map(|index| {
            let (x, y) = (2 * SHEET_PX + index % SHEET_PX, SHEET_PX + index / SHEET_PX);
            map[(y * detection.width_px + x) as usize]
        })
        .collect();
    let pairs = cut.iter().zip(&alone.prediction.error_map);
    for (tiled, whole) in pairs {
        assert!((tiled - whole).abs() < 1e-6, "{tiled} and {whole}");
    }
    let heat_map = detector.tiled_heat_map(&detection).unwrap();
    assert_eq!(heat_map.dimensions(), image.dimensions());
}

#[test]
fn a_defect_on_a_seam_is_seen_whole_by_a_tile_that_overlaps() {
    let detector = detector();
    // Paper without a defect, continued by mirroring at its edges, so that the mosaic has no
    // visible seams.
    let paper = decode_original(&sheet(CLEAN[0])).unwrap();
    let mut image = RgbImage::new(3 * SHEET_PX, SHEET_PX);
    for column in 0..3 {
        let sheet = match column {
            1 => imageops::flip_horizontal(&paper),
            _ => paper.clone(),
        };
        imageops::replace(&mut image, &sheet, i64::from(column * SHEET_PX), 0);
    }
    // A dark square of 24 pixels in the middle of the seam between the first two tiles.
    for y in 52..76 {
        for x in SHEET_PX - 12..SHEET_PX + 12 {
            image.put_pixel(x, y, image::Rgb([60, 50, 40]));
        }
    }
    let apart = detect(&detector, &image, &SIDE_BY_SIDE);
    let overlapping = detect(&detector, &image, &TileOptions::default());
    assert!(overlapping.is_anomalous);
    assert!(overlapping.anomaly_score > apart.anomaly_score);
    let worst = overlapping.worst_first()[0].tile;
    assert!(worst.x_px <= SHEET_PX - 12 && worst.x_px + worst.width_px >= SHEET_PX + 12);
}

#[test]
fn tiles_of_another_size_are_resized_and_their_maps_with_them() {
    let detector = detector();
    let image = imageops::resize(
        &mosaic(3, 2),
        3 * 200,
        2 * 200,
        imageops::FilterType::Triangle,
    );
    let size = TileSize {
        width_px: 200,
        height_px: 200,
    };
    let options = TileOptions {
        size: Some(size),
        ..WITH_MAP
    };
    let detection = detect(&detector, &image, &options);
    assert_eq!(detection.tiles.len(), 6);
    assert_eq!(detection.worst_first()[0].tile.x_px, 400);
    assert_eq!(detection.worst_first()[0].tile.y_px, 200);
    let map = detection.error_map.unwrap();
    assert_eq!(map.len(), 600 * 400);
    assert!(map.iter().all(|&error| error > 0.0), "a pixel was left out");
}

#[test]
fn what_cannot_be_cut_is_refused() {
    let detector = detector();
    let image = test_pattern(64, 64);
    let refused = |options: TileOptions| block_on(detector.detect_tiles(&image, &options, |_| {}));
    let none = TileSize {
        width_px: 0,
        height_px: 0,
    };
    let size = Some(none);
    let refusal = refused(TileOptions {
        size,
        ..SIDE_BY_SIDE
    });
    assert!(matches!(refusal, Err(Error::Config(_))));
    let overlap = 1.0;
    let refusal = refused(TileOptions {
        overlap,
        ..SIDE_BY_SIDE
    });
    assert!(matches!(refusal, Err(Error::Config(_))));
}

#[test]
fn the_command_line_names_the_worst_tiles_and_maps_the_whole_photograph() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    mosaic(4, 3).save(root.join("sheets.png")).unwrap();
    let model = model_path();
    let tiles = [
        "--model",
        &model,
        "--device",
        "cpu",
        "--tiles",
        "--tile-overlap",
        "0",
    ];
    let score = |extra: &[&str]| {
        let output = run(
            root,
            &[&["score", "sheets.png"][..], &tiles, extra].concat(),
        );
        assert!(output.status.success(), "{output:?}");
        (stdout(&output), String::from_utf8(output.stderr).unwrap())
    };
    let (said, warned) = score(&["--heat-maps", "maps"]);
    assert!(said.starts_with("anomalous"), "{said}");
    assert!(said.contains("at x 256, y 128 (128×128 pixels)"), "{said}");
    assert!(said.contains("1 of 12 tiles"), "{said}");
    assert!(warned.contains("false alarms add up"), "{warned}");
    let map = image::open(root.join("maps/sheets.heat.png")).unwrap();
    assert_eq!((map.width(), map.height()), (512, 384));

    let (said, _) = score(&["--json"]);
    let line: serde_json::Value = serde_json::from_str(&said).unwrap();
    let listed = line["tiles"].as_array().unwrap();
    assert_eq!(listed.len(), 12);
    assert_eq!(
        (&line["width_px"], &line["height_px"]),
        (&512.into(), &384.into())
    );
    let anomalous: Vec<_> = listed
        .iter()
        .filter(|tile| tile["anomalous"] == true)
        .collect();
    assert_eq!(anomalous.len(), 1);
    assert_eq!(anomalous[0]["score"], line["score"]);
    assert_eq!(
        (&anomalous[0]["x_px"], &anomalous[0]["y_px"]),
        (&256.into(), &128.into())
    );

    // With a threshold from photographs cut in the same way, even the worst of them is not
    // anomalous.
    let before = fs::read(&model).unwrap();
    let arguments = [
        "threshold",
        "sheets.png",
        "--false-alarm-rate",
        "0.05",
        "--json",
    ];
    let output = run(root, &[&arguments[..], &tiles].concat());
    let said = objects(&output).remove(0);
    assert_eq!(said["threshold"], line["score"]);
    assert_eq!(said["normal_images"], 1);
    assert!(
        fs::read(&model).unwrap() == before,
        "the model was rewritten"
    );
    let threshold = said["threshold"].to_string();
    let (said, warned) = score(&["--threshold", &threshold]);
    assert!(said.starts_with("normal"), "{said}");
    assert!(said.contains("0 of 12 tiles"), "{said}");
    assert!(!warned.contains("add up"), "{warned}");
}

#[test]
fn what_does_not_go_with_tiles_is_said_in_one_sentence() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    test_pattern(64, 64).save(root.join("a.png")).unwrap();
    let model = model_path();
    let says = |command: &str, arguments: &[&str], words: &str| {
        let common = [command, "--model", &model, "--device", "cpu"];
        let output = run(root, &[&common, arguments].concat());
        let said = String::from_utf8(output.stderr.clone()).unwrap();
        error(&output);
        assert!(said.contains(words), "{arguments:?}: {said}");
    };
    let tiles = |extra: &[&'static str]| [&["a.png", "--tiles"], extra].concat();
    says("score", &tiles(&["--tile-px", "0"]), "at least 8 pixels");
    says("score", &tiles(&["--tile-px", "64x7"]), "at least 8 pixels");
    says("score", &tiles(&["--tile-px", "many"]), "at least 8 pixels");
    says("score", &tiles(&["--tile-overlap", "1"]), "below 1");
    says("score", &tiles(&["--tile-overlap", "-0.1"]), "below 1");
    says("score", &tiles(&["--tile-overlap", "nan"]), "below 1");
    says(
        "score",
        &tiles(&["--threshold", "inf"]),
        "expected a number",
    );
    says(
        "score",
        &tiles(&["--reconstructions", "x"]),
        "cannot be used with",
    );
    says("score", &["a.png", "--tile-px", "64"], "--tiles");
    says("score", &["a.png", "--tile-overlap", "0.5"], "--tiles");
    let rate = ["--false-alarm-rate", "0.1"];
    says("threshold", &[&rate[..], &["--tiles"]].concat(), "PATH");
    says("threshold", &[&rate[..], &["a.png"]].concat(), "--tiles");
    says(
        "threshold",
        &[&rate[..], &["none.png", "--tiles"]].concat(),
        "none.png",
    );
}
