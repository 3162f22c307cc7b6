//! The command line: correct use, errors, and interruption.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use daad::evaluate::Records;
use tempfile::TempDir;

use crate::common::{
    SMALL, daad, data, error, objects, run, score, signalled, stdout, train, weights, with_model,
};

#[test]
fn train_evaluate_and_score_a_folder() {
    let root = data();
    let root = root.path();
    let output = train(root, &["--epochs", "2"]);
    assert!(output.status.success(), "{output:?}");
    let lines = objects(&output);
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1]["epoch"], 2);
    assert_eq!(lines[2]["categories"][0]["anomalous"], 4);

    let eval = |extra: &[&str]| {
        let eval = ["eval", "--model", "model.safetensors", "--data", "."];
        let output = run(root, &[&eval[..], &["--device", "cpu"], extra].concat());
        assert!(output.status.success(), "{output:?}");
        output
    };
    let printed = objects(&eval(&["--json"])).remove(0);
    assert_eq!(printed, lines[2], "eval and train measure the same");

    let records = Records::beside(&root.join("model.safetensors"));
    assert_eq!(records.read_losses().unwrap().len(), 2);
    assert_eq!(records.read_scores().unwrap().len(), 8);
    let recorded = serde_json::to_value(records.read_evaluation().unwrap()).unwrap();
    assert_eq!(recorded, printed);
    fs::remove_file(&records.scores).unwrap();
    let table = stdout(&eval(&[]));
    assert!(!records.scores.exists(), "it only writes when asked to");
    assert!(table.contains("R alone") && !table.contains("AUPRO"));
    eval(&["--record"]);
    assert_eq!(records.read_scores().unwrap().len(), 8);
    // If a mask shows the damaged pixels, the error maps are evaluated too.
    let mask = image::GrayImage::from_fn(32, 32, |x, _| image::Luma([u8::from(x < 9) * 255]));
    fs::create_dir_all(root.join("ground_truth/damaged")).unwrap();
    mask.save(root.join("ground_truth/damaged/00_mask.png"))
        .unwrap();
    let table = stdout(&eval(&["--record"]));
    assert!(table.contains("AUPRO"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 100));
    let recorded = records.read_evaluation().unwrap().categories.remove(0);
    assert_eq!(recorded.masks, 1);
    assert!(
        recorded
            .figures
            .aupro
            .is_some_and(|aupro| (0.0..=1.0).contains(&aupro))
    );
    let shares = records.read_scores().unwrap();
    let shares = shares.iter().filter_map(|image| image.anomalous_share);
    assert_eq!(shares.sum::<f64>(), 9.0 / 32.0);

    let images = ["test/good", "test/damaged/01.png", "--json"];
    let maps = ["--heat-maps", "maps", "--reconstructions", "maps"];
    let output = score(root, &[&images[..], &maps].concat());
    assert!(output.status.success(), "{output:?}");
    let lines = objects(&output);
    assert_eq!(lines.len(), 5);
    for line in lines {
        let above = line["score"].as_f64() > line["threshold"].as_f64();
        assert_eq!(line["anomalous"].as_bool(), Some(above));
        let unfamiliar = line["unfamiliarity"].as_f64() > Some(1.0);
        assert_eq!(line["verdict"] == "unfamiliar", unfamiliar, "{line}");
    }
    let threshold = [
        "threshold",
        "--model",
        "model.safetensors",
        "--false-alarm-rate",
        "0.5",
    ];
    let said = stdout(&run(root, &threshold));
    assert!(said.contains("became"), "{said}");
    let before = weights(root, "model.safetensors");
    assert!(run(root, &threshold).status.success());
    assert_eq!(weights(root, "model.safetensors"), before);

    // Two files are called 01.png; both get a heat map.
    assert_eq!(fs::read_dir(root.join("maps")).unwrap().count(), 10);
    let map = image::open(root.join("maps/01-2.heat.png")).unwrap();
    assert_eq!((map.width(), map.height()), (32, 32));
}

#[test]
fn a_run_killed_at_any_moment_goes_on_to_the_same_model() {
    let root = data();
    let root = root.path();
    // Ctrl-C writes a checkpoint.
    let mut arguments = vec!["train", "--data", ".", "--out", "b.safetensors"];
    arguments.extend(SMALL);
    arguments.extend(["--epochs", "100000"]);
    let (status, first) = signalled(daad(root, &arguments), "-INT");
    assert_eq!(status.code(), Some(130));
    assert!(!root.join("b.safetensors").exists(), "it was not done yet");

    // The next run is killed without warning.
    arguments.push("--resume");
    let (status, second) = signalled(daad(root, &arguments), "-KILL");
    assert_eq!(status.code(), None);

    let refused = error(&train(root, &["--out", "b.safetensors"]));
    assert!(refused.contains("--resume"), "{refused}");
    // Every epoch has printed a line, so neither of the two runs has come this far.
    let epochs = (first + second + 3).to_string();
    let undisturbed = train(root, &["--epochs", &epochs, "--out", "a.safetensors"]);
    assert!(undisturbed.status.success(), "{undisturbed:?}");
    // No other setting is needed, because the checkpoint has them; the second time, it also has the
    // number of epochs.
    let resume = ["train", "--data", ".", "--out", "b.safetensors", "--resume"];
    for more in [&["--epochs", &epochs][..], &[]] {
        let resumed = run(root, &[&resume[..], &["--device", "cpu"], more].concat());
        assert!(resumed.status.success(), "{resumed:?}");
        assert_eq!(
            weights(root, "a.safetensors"),
            weights(root, "b.safetensors")
        );
    }
}

#[test]
fn what_is_wrong_is_said_in_one_sentence() {
    let root = data();
    let root = root.path();
    let says = |arguments: &[&str], words: &str| {
        let said = error(&run(root, arguments));
        assert!(said.contains(words), "{arguments:?}: {said}");
    };
    says(
        &["train", "--data", "nowhere", "--device", "cpu"],
        "nowhere",
    );
    fs::create_dir(root.join("empty")).unwrap();
    says(
        &["train", "--data", "empty", "--device", "cpu"],
        "holds no images",
    );
    says(&["train", "--data", ".", "--size", "100"], "halved 4 times");
    says(&["train", "--data", ".", "--size", "64"], "division rate 8");
    says(
        &["train", "--data", ".", "--category", "x"],
        "no category x",
    );
    says(
        &["eval", "--model", "none.safetensors", "--data", "."],
        "none.safetensors",
    );
    fs::write(root.join("text.safetensors"), "not a model").unwrap();
    says(
        &["eval", "--model", "text.safetensors", "--data", "."],
        "safetensors file",
    );
    says(
        &[
            "train",
            "--data",
            ".",
            "--device",
            "gpu:99",
            "--size",
            "32",
            "--scales",
            "2",
            "--division",
            "4",
        ],
        "no GPU 99",
    );

    let unknown = run(root, &["train", "--data", ".", "--system", "gan"]);
    let unknown = String::from_utf8(unknown.stderr).unwrap();
    assert!(
        unknown.contains("expected one of `ae`, `ae-skip`, `mem-ae`"),
        "{unknown}"
    );
}

#[test]
fn an_image_that_cannot_be_read_is_named_and_loses_no_other() {
    let root = with_model();
    let root = root.path();
    fs::write(root.join("test/good/00.png"), "no image").unwrap();
    let output = score(root, &["test/good", "--json"]);
    assert_eq!(stdout(&output).lines().count(), 3);
    assert!(error(&output).contains("1 of 4 images could not be scored"));
    let eval = ["eval", "--model", "model.safetensors", "--data", "."];
    assert!(error(&run(root, &eval)).contains("00.png"));
}

/// A limit on the size of files makes every write fail, as on a full disk.
#[test]
fn a_full_disk_keeps_what_was_written_before() {
    let root = with_model();
    let root = root.path();
    let before = fs::read(root.join("model.safetensors")).unwrap();
    let script = format!(
        "trap '' XFSZ; ulimit -f 1; exec {} train --data . {} --epochs 2 --resume",
        env!("CARGO_BIN_EXE_daad"),
        SMALL.join(" ")
    );
    let started = Instant::now();
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(root)
        .output()
        .unwrap();
    let said = error(&output);
    assert!(said.contains("cannot write"), "{said}");
    assert_eq!(fs::read(root.join("model.safetensors")).unwrap(), before);
    let leftovers = fs::read_dir(root).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".tmp")
    });
    assert_eq!(leftovers.count(), 0);
    assert!(started.elapsed() < Duration::from_secs(60));
    assert!(train(root, &["--epochs", "2", "--resume"]).status.success());
}

#[test]
fn a_model_is_calibrated_anew_on_other_images() {
    let root = with_model();
    let root = root.path();
    let model = || fs::read(root.join("model.safetensors")).unwrap();
    let (before, before_weights) = (model(), weights(root, "model.safetensors"));
    let calibrate = [
        "calibrate",
        "--model",
        "model.safetensors",
        "test/good",
        "--flips",
        "none",
        "--device",
        "cpu",
        "--json",
    ];
    let output = run(root, &calibrate);
    assert_eq!(objects(&output)[0]["normal_images"], 4);
    let after = model();
    assert_ne!(before, after);
    assert_eq!(weights(root, "model.safetensors"), before_weights);
    // The scores are scaled by these images, so the lowest raw score is 0 and the highest 1.
    for line in objects(&score(root, &["test/good", "--json"])) {
        let score = line["score"].as_f64().unwrap();
        assert!((-1e-6..=1.0 + 1e-6).contains(&score), "{score}");
    }
    fs::create_dir(root.join("empty")).unwrap();
    let empty = ["calibrate", "--model", "model.safetensors", "empty"];
    assert!(error(&run(root, &empty)).contains("empty holds no images"));
    assert_eq!(model(), after);
}

#[test]
fn made_images_can_be_trained_on_and_are_not_mixed_with_others() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    let synthesize = [
        "synthesize",
        "--out",
        "floors",
        "--size",
        "32",
        "--train",
        "6",
        "--test",
        "2",
    ];
    assert!(run(root, &synthesize).status.success());
    let mut arguments = vec!["train", "--data", "floors", "--epochs", "1"];
    arguments.extend(SMALL);
    let last = objects(&run(root, &arguments)).pop().unwrap();
    assert_eq!(last["categories"][0]["normal"], 2);
    assert_eq!(last["categories"][0]["anomalous"], 10);
    assert!(error(&run(root, &synthesize)).contains("floors is there already"));
}
