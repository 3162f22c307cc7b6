//! Which masks the layouts find.

use image::{DynamicImage, GrayImage, ImageFormat, Luma, RgbImage};

use super::*;

#[test]
fn masks_of_all_kinds_in_one_folder_are_taken_only_where_names_are_unique() {
    let files = [
        "train/good/0.png",
        "test/cut/0.png",
        "test/hole/1.png",
        "masks/0.png",
        "masks/1.png",
    ];
    assert_eq!(
        counts(&split(folder(&files).path(), &[]).unwrap()),
        [1, 0, 2, 2]
    );
    let files = [
        "train/good/0.png",
        "test/cut/0.png",
        "test/hole/0.png",
        "masks/0.png",
    ];
    assert_eq!(
        counts(&split(folder(&files).path(), &[]).unwrap()),
        [1, 0, 2, 0]
    );
}

#[test]
fn masks_beside_their_images_are_no_images() {
    let root = renamed(|file| file.replace("ground_truth", "test"));
    write(root.path(), "train/good/0_mask.png", b"");
    let found = split(root.path(), &[]).unwrap();
    assert_eq!(counts(&found), [1, 1, 2, 2]);
    assert!(
        found.notes()[0].contains("0_mask.png"),
        "{:?}",
        found.notes()
    );
}

#[test]
fn masks_beside_good_images_are_not_trained_on_in_any_layout() {
    let layouts: [(&[&str], [usize; 4]); 3] = [
        (&["0.png", "1.png", "0_mask.png"], [2, 0, 0, 0]),
        (
            &["train/0.png", "train/0_mask.png", "test/good/1.png"],
            [1, 1, 0, 0],
        ),
        (
            &[
                "NoDefects/0.png",
                "NoDefects/0_mask.png",
                "Defects/1.png",
                "Defects/1_mask.png",
            ],
            [1, 0, 1, 1],
        ),
    ];
    for (files, expected) in layouts {
        let found = split(folder(files).path(), &[]).unwrap();
        assert_eq!(counts(&found), expected, "{files:?}");
        let notes = found.notes();
        assert!(notes[0].contains("0_mask.png"), "{notes:?}");
    }
}

#[test]
fn folders_of_masks_among_images_are_masks_of_defects_and_no_images() {
    for inner in ["masks", "Ground_Truth"] {
        let root = renamed(|file| file.replace("ground_truth/hole", &format!("test/hole/{inner}")));
        for normal in ["train/good", "test/good", "test/good/monday"] {
            write(root.path(), &format!("{normal}/{inner}/0_mask.png"), b"");
        }
        let found = split(root.path(), &[]).unwrap();
        assert_eq!(counts(&found), [1, 1, 2, 2]);
        let notes = found.notes().join(" ");
        assert!(notes.starts_with("3 folders are not read: "), "{notes}");
        assert!(notes.contains(&format!("good/{inner}")), "{notes}");
    }
    let root = renamed(|file| {
        let file = file.replace("ground_truth/hole", "test/hole/masks/monday");
        file.replace("test/hole/0", "test/hole/monday/0")
            .replace("test/hole/1", "test/hole/monday/1")
    });
    assert_eq!(counts(&split(root.path(), &[]).unwrap()), [1, 1, 2, 2]);
    let root = renamed(|file| file.replace("train/good", "train"));
    write(root.path(), "train/masks/0_mask.png", b"");
    assert_eq!(counts(&split(root.path(), &[]).unwrap()), [1, 1, 2, 2]);
}

#[test]
fn images_that_would_share_a_mask_have_none_and_are_named() {
    let root = renamed(str::to_owned);
    write(root.path(), "test/hole/1.bmp", b"");
    let found = split(root.path(), &[]).unwrap();
    assert_eq!(counts(&found), [1, 1, 3, 1]);
    let notes = found.notes().join(" ");
    let named = "so these have none: hole/1.bmp, hole/1.png.";
    assert!(notes.contains(named), "{notes}");
    write(root.path(), "ground_truth/hole/1.bmp_mask.png", b"");
    let found = split(root.path(), &[]).unwrap();
    assert_eq!(counts(&found), [1, 1, 3, 3]);
    assert_eq!(found.notes(), [""; 0]);
}

#[test]
fn masks_that_belong_to_no_image_are_named() {
    let root = renamed(str::to_owned);
    write(root.path(), "ground_truth/good/0_mask.png", b"");
    assert_eq!(split(root.path(), &[]).unwrap().notes(), [""; 0]);
    for mask in ["hole/7_mask.png", "scratch/0_mask.png", "1_mask.png"] {
        write(root.path(), &format!("ground_truth/{mask}"), b"");
    }
    let found = split(root.path(), &[]).unwrap();
    assert_eq!(counts(&found), [1, 1, 2, 2]);
    let notes = found.notes().join(" ");
    for name in ["hole/7_mask.png", "scratch", "ground_truth/1_mask.png"] {
        assert!(notes.contains(name), "{notes}");
    }
    let piped = folder(&[
        "NoDefects/1.png",
        "Defects/a_D_01_1.png",
        "Defects/a_D_10_1.png",
        "Defects/GroundTruth/a_GT_1_1.png",
        "Defects/GroundTruth/a_GT_10_1.png",
        "Defects/GroundTruth/a_GT_11_1.png",
    ]);
    let found = split(piped.path(), &[]).unwrap();
    assert_eq!(counts(&found), [1, 0, 2, 2]);
    assert_eq!(found.notes(), ["1 file is not read: a_GT_11_1.png."]);
}

fn masked(split: &Split) -> &Sample {
    let mut test = split.test.iter();
    test.find(|sample| !sample.masks.is_empty()).unwrap()
}

#[test]
fn the_mask_of_a_photograph_that_exif_turns_is_turned_with_it() {
    let root = renamed(str::to_owned);
    let mut jpeg = std::io::Cursor::new(Vec::new());
    let pixels = DynamicImage::ImageRgb8(RgbImage::new(20, 10));
    pixels.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    // EXIF with one entry: the orientation, to be turned by 90° clockwise.
    let exif = b"\xFF\xE1\x00\x22Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let jpeg = jpeg.into_inner();
    write(
        root.path(),
        "test/hole/0.png",
        &[&jpeg[..2], exif, &jpeg[2..]].concat(),
    );
    let mut mask = GrayImage::new(20, 10);
    mask.put_pixel(0, 0, Luma([255]));
    let path = root.path().join("ground_truth/hole/0_mask.png");
    mask.save(path).unwrap();
    let found = split(root.path(), &[]).unwrap();
    let mask = masked(&found).load(10, 20).unwrap().mask.unwrap();
    let set = mask.enumerate_pixels().filter(|(_, _, pixel)| pixel[0] > 0);
    let set: Vec<_> = set.map(|(x, y, _)| (x, y)).collect();
    assert_eq!(set, [(9, 0)]);
}

#[test]
fn an_unreadable_mask_is_an_error_or_costs_the_mask_alone() {
    let root = renamed(str::to_owned);
    let photograph = root.path().join("test/hole/0.png");
    RgbImage::new(16, 16).save(photograph).unwrap();
    let found = split(root.path(), &[]).unwrap();
    let loaded = || std::iter::once(masked(&found).load(16, 16));
    let failed: Vec<_> = readable(loaded(), Unreadable::Fail, |_| {}).collect();
    let error = failed[0].as_ref().unwrap_err().to_string();
    assert!(error.contains("0_mask.png"), "{error}");
    let kept = readable(loaded(), Unreadable::Skip, |error| panic!("{error}"));
    let kept: Vec<_> = kept.collect();
    let flaw = kept[0].as_ref().unwrap().mask_flaw.as_ref();
    assert!(matches!(flaw, Some(MaskFlaw::Unreadable(_))), "{flaw:?}");
}
