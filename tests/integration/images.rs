//! Image files of all kinds on the command line, with the shipped model.

use std::fs;
use std::path::Path;
use std::process::Output;

use image::RgbImage;
use tempfile::TempDir;

use crate::common::{error, objects, of_repository, run};

fn score(root: &Path, arguments: &[&str]) -> Output {
    let model = of_repository("models/piped.safetensors");
    let model = model.to_str().unwrap();
    let common = ["score", "--json", "--device", "cpu", "--model", model];
    run(root, &[&common, arguments].concat())
}

fn scores(root: &Path, arguments: &[&str]) -> Vec<f64> {
    let output = score(root, arguments);
    assert!(output.status.success(), "{output:?}");
    let lines = objects(&output).into_iter();
    lines.map(|line| line["score"].as_f64().unwrap()).collect()
}

#[test]
fn the_layout_of_a_jpeg_does_not_change_its_score() {
    let root = TempDir::new().unwrap();
    let image = |name: &str| {
        let path = of_repository("tests/golden/images").join(name);
        path.to_str().unwrap().to_owned()
    };
    let images = [
        "420",
        "a_scan_each",
        "colours_first",
        "restarts",
        "progressive",
    ];
    let images = images.map(|name| image(&format!("{name}.jpg")));
    let scores = scores(root.path(), &images.each_ref().map(String::as_str));
    assert_eq!(scores.len(), 5);
    assert!(scores.iter().all(|&score| score == scores[0]), "{scores:?}");
}

#[test]
fn a_panorama_is_scored_whole_and_in_tiles() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    let wide = RgbImage::from_pixel(20_000, 400, image::Rgb([180; 3]));
    wide.save(root.join("wide.png")).unwrap();
    assert_eq!(scores(root, &["wide.png"]).len(), 1);
    let tiles = ["wide.png", "--tiles", "--tile-px", "400"];
    assert_eq!(scores(root, &tiles).len(), 1);
}

#[test]
fn what_is_no_image_is_named_and_so_is_what_is_left_out() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    let says = |name: &str, bytes: &[u8], words: &str| {
        fs::write(root.join(name), bytes).unwrap();
        let output = score(root, &[name]);
        let said = String::from_utf8(output.stderr.clone()).unwrap();
        assert!(said.contains(words), "{said}");
        output
    };
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    error(&says("pointer.png", pointer, "git lfs pull"));
    error(&says(
        "photo.jpg",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "HEIC",
    ));
    error(&says(
        "page.png",
        b"<!DOCTYPE html>\n<html></html>",
        "web page",
    ));

    let mut pages = Vec::new();
    let image = RgbImage::from_pixel(64, 64, image::Rgb([180; 3]));
    let mut bytes = std::io::Cursor::new(&mut pages);
    image
        .write_to(&mut bytes, image::ImageFormat::Tiff)
        .unwrap();
    // The last four bytes of a directory are the offset of the next one; here, this is the same
    // directory.
    let directory = u32::from_le_bytes(pages[4..8].try_into().unwrap()) as usize;
    let tags = u16::from_le_bytes(pages[directory..directory + 2].try_into().unwrap());
    let next = directory + 2 + 12 * usize::from(tags);
    pages.extend(pages[directory..next].to_vec());
    pages.extend([0; 4]);
    let second = pages.len() - 4 - (next - directory);
    pages[next..next + 4].copy_from_slice(&(second as u32).to_le_bytes());
    let output = says("pages.tif", &pages, "several pages");
    assert!(output.status.success());
}
