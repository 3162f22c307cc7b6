//! The program's notes about folders: files that are not read, masks that cannot be used, places
//! with images.

use std::fs;
use std::path::Path;
use std::process::Output;

use image::{GrayImage, Luma};

use crate::common::{
    SMALL, data, error, objects, of_repository, run, score, stdout, train, with_model,
};

fn stderr(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn eval(root: &Path, extra: &[&str]) -> Output {
    let arguments = ["eval", "--model", "model.safetensors", "--data", "."];
    let common = ["--device", "cpu", "--json"];
    run(root, &[&arguments[..], &common, extra].concat())
}

#[test]
fn what_is_not_used_is_said_by_train_and_eval() {
    let root = data();
    let root = root.path();
    fs::write(root.join("train/good/x.gif"), "GIF89a").unwrap();
    let masks = root.join("ground_truth/damaged");
    fs::create_dir_all(&masks).unwrap();
    let save = |name: &str, mask: GrayImage| mask.save(masks.join(name)).unwrap();
    save(
        "00.png",
        GrayImage::from_fn(32, 32, |x, _| Luma([u8::from(x < 9)])),
    );
    save("01_mask.png", GrayImage::new(32, 32));
    save("02_mask.png", GrayImage::from_pixel(32, 16, Luma([1])));
    let said = stderr(&train(root, &["--epochs", "1"]));
    let output = eval(root, &[]);
    for said in [said, stderr(&output)] {
        for words in [
            "1 file is not read: x.gif.",
            "1 of 4 anomalous test images have no mask and are left out of pixel AUROC and AUPRO: \
             damaged/03.png.",
            "for no pixel of the mask is set: damaged/01.png.",
            "damaged/02.png: the mask has 32×16 pixels, the image 32×32",
        ] {
            let lines = said.lines().filter(|line| line.contains(words));
            assert_eq!(lines.count(), 1, "{words}: {said}");
        }
    }
    let figures = objects(&output).remove(0);
    assert_eq!(figures["categories"][0]["masks"], 1);
    assert!(figures["categories"][0]["aupro"].is_number(), "{figures}");
}

#[test]
fn own_heat_maps_are_not_scored_and_images_further_in_are_pointed_to() {
    let root = with_model();
    let root = root.path();
    let maps = [
        "test/good",
        "--heat-maps",
        "test/good",
        "--reconstructions",
        "test/good",
    ];
    let first = score(root, &maps);
    assert_eq!(stdout(&first).lines().count(), 4);
    let second = score(root, &maps);
    assert_eq!(stdout(&second), stdout(&first));
    let said = stderr(&second);
    assert!(said.contains("8 files are not read: 00.heat.png"), "{said}");
    let said = error(&score(root, &["test"]));
    assert!(said.contains("images in damaged (4), good (4)"), "{said}");
}

#[test]
fn an_unreadable_mask_costs_its_image_the_pixel_figures_alone_where_it_may_be_skipped() {
    let root = data();
    let root = root.path();
    let masks = root.join("ground_truth/damaged");
    fs::create_dir_all(&masks).unwrap();
    let mask = GrayImage::from_fn(32, 32, |x, _| Luma([u8::from(x < 9)]));
    mask.save(masks.join("00_mask.png")).unwrap();
    fs::write(masks.join("01_mask.png"), "no image").unwrap();
    // Two thirds of the training images cannot be read either, possibly including held-out ones.
    for index in 0..6 {
        let path = root.join(format!("train/good/{index:02}.png"));
        if index % 3 > 0 && path.exists() {
            fs::write(path, "no image").unwrap();
        }
    }
    let skip = ["--epochs", "1", "--unreadable", "skip"];
    assert!(train(root, &skip).status.success());
    let said = error(&eval(root, &[]));
    assert!(said.contains("01_mask.png"), "{said}");
    let output = eval(root, &["--unreadable", "skip"]);
    let said = stderr(&output);
    let named = "for the mask cannot be read: damaged/01.png";
    assert!(said.contains(named), "{said}");
    let category = &objects(&output)[0]["categories"][0];
    assert_eq!(
        (&category["masks"], &category["anomalous"]),
        (&1.into(), &4.into())
    );
}

#[test]
fn a_good_image_that_cannot_be_read_is_named_in_one_sentence() {
    let root = data();
    let root = root.path();
    for image in fs::read_dir(root.join("train/good")).unwrap() {
        fs::write(image.unwrap().path(), "").unwrap();
    }
    let said = error(&train(root, &["--epochs", "1"]));
    assert_eq!(said.matches("cannot use this data").count(), 1, "{said}");
    assert!(said.contains("the file is empty"), "{said}");
}

#[test]
fn a_test_image_that_is_no_image_stops_a_training_before_it_begins() {
    let root = data();
    let root = root.path();
    fs::write(root.join("test/good/01.png"), "no image").unwrap();
    let said = error(&train(root, &["--epochs", "1"]));
    assert!(said.contains("01.png: "), "{said}");
    assert!(!root.join("model.safetensors").exists());
    assert!(
        train(root, &["--epochs", "1", "--unreadable", "skip"])
            .status
            .success()
    );
}

#[test]
fn categories_that_are_only_tested_are_named_in_training() {
    let root = data();
    let root = root.path();
    let two = root.join("two");
    for category in ["a", "b"] {
        for part in ["train/good", "test/good", "test/damaged"] {
            if (category, part) == ("b", "train/good") {
                continue;
            }
            let to = two.join(category).join(part);
            fs::create_dir_all(&to).unwrap();
            for file in fs::read_dir(root.join(part)).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), to.join(file.file_name())).unwrap();
            }
        }
    }
    let arguments = ["train", "--data", "two", "--epochs", "1", "--overwrite"];
    let said = stderr(&run(root, &[&arguments[..], &SMALL].concat()));
    assert!(said.contains("only tested: b."), "{said}");
    fs::remove_dir_all(two.join("a")).unwrap();
    let refused = error(&run(root, &[&arguments[..], &SMALL].concat()));
    assert!(refused.contains("train/good"), "{refused}");
}

#[test]
fn a_model_takes_the_shape_of_its_photographs() {
    let root = data();
    let root = root.path();
    for photograph in fs::read_dir(root.join("train/good")).unwrap() {
        let path = photograph.unwrap().path();
        let photograph = image::open(&path).unwrap();
        let filter = image::imageops::FilterType::Triangle;
        photograph.resize_exact(60, 36, filter).save(path).unwrap();
    }
    // The first one is damaged.
    fs::write(root.join("train/good/-.png"), b"\x89PNG").unwrap();
    let once = ["--epochs", "1", "--parts", "none", "--unreadable", "skip"];
    let said = stderr(&train(root, &once));
    fs::remove_file(root.join("train/good/-.png")).unwrap();
    assert!(
        said.contains("60×36 pixels, so the model is 48×32"),
        "{said}"
    );
    let sides = || {
        let file = fs::read(root.join("model.safetensors")).unwrap();
        let config = daad::weights::read_card(&file).unwrap().config;
        (config.width_px, config.height_px)
    };
    assert_eq!(sides(), (48, 32));
    stderr(&train(
        root,
        &["--epochs", "1", "--parts", "none", "--overwrite"],
    ));
    let resumed = ["--epochs", "2", "--parts", "none", "--resume"];
    stderr(&train(root, &resumed));
    assert_eq!(sides(), (48, 32));
    // With a discriminator, images must be square.
    stderr(&train(root, &["--epochs", "1", "--overwrite"]));
    assert_eq!(sides(), (32, 32));
}

#[test]
fn a_network_that_has_not_learned_to_rebuild_is_told() {
    let root = data();
    let one_epoch = ["--epochs", "1", "--parts", "none", "--held-out", "0.3"];
    let said = stderr(&train(root.path(), &one_epoch));
    let words = "The network has not learned to rebuild: its error on held-out images";
    assert_eq!(said.matches(words).count(), 1, "{said}");
}

#[test]
fn eval_says_how_many_images_are_unfamiliar() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let copy = |from: &str, to: &str| {
        let to = root.join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(of_repository(from), to).unwrap();
    };
    copy("models/series/floors-r4.safetensors", "model.safetensors");
    copy("www/floors/good-1.png", "test/good/0.png");
    copy("www/floors/stain-1.png", "test/stained/0.png");
    let told = || stderr(&eval(root, &[])).contains("unlike anything this model has learned");
    assert!(!told());
    copy(
        "www/gallery/piped/PA_GLA01_TL_S_ND_10_3.png",
        "test/good/paper.png",
    );
    assert!(stderr(&eval(root, &[])).contains("1 of 3 images are unlike anything"));
}

#[test]
fn it_is_said_once_that_images_of_another_shape_are_stretched() {
    let root = with_model();
    let root = root.path();
    let alike = score(root, &["test/good"]);
    assert!(!stderr(&alike).contains("stretched"), "{alike:?}");
    for name in ["a.png", "b.png"] {
        GrayImage::new(48, 32).save(root.join(name)).unwrap();
    }
    let wide = score(root, &["a.png", "b.png"]);
    assert_eq!(stdout(&wide).lines().count(), 2);
    let said = stderr(&wide);
    let words = "48 × 32 pixels is stretched to the model's 32 × 32";
    assert_eq!(said.matches(words).count(), 1, "{said}");
}
