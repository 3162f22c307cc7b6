//! The command line: correct use, errors, and interruption.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use daad::dataset::{LabelledImage, SyntheticImages, Texture};
use daad::evaluate::Records;
use tempfile::TempDir;

/// A data set in MVTec AD's layout.
pub(crate) fn data() -> TempDir {
    let root = TempDir::new().unwrap();
    let mut textures = SyntheticImages::new(Texture::Cloth, 32, 4);
    let write = |folder: &str, images: Vec<LabelledImage>| {
        let folder = root.path().join(folder);
        fs::create_dir_all(&folder).unwrap();
        for (index, labelled) in images.iter().enumerate() {
            let path = folder.join(format!("{index:02}.png"));
            labelled.image.save(path).unwrap();
        }
    };
    write("train/good", textures.normal(8));
    write("test/good", textures.normal(4));
    write("test/damaged", textures.defective(4));
    root
}

pub(crate) const SMALL: [&str; 15] = [
    "--size",
    "32",
    "--width",
    "2",
    "--scales",
    "2",
    "--items",
    "8",
    "--division",
    "4",
    "--device",
    "cpu",
    "--json",
    "--learning-rate",
    "1e-3",
];

pub(crate) fn daad(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daad"));
    command.current_dir(folder).args(arguments);
    command
}

pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    daad(folder, arguments).output().unwrap()
}

pub(crate) fn train(root: &Path, extra: &[&str]) -> Output {
    let mut arguments = vec!["train", "--data", "."];
    arguments.extend(SMALL);
    arguments.extend(extra);
    run(root, &arguments)
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one sentence of an error.
pub(crate) fn error(output: &Output) -> String {
    assert!(!output.status.success(), "it succeeded: {output:?}");
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!stderr.contains("panicked"), "{stderr}");
    // The last line that begins with "error:", because Mesa's drivers print such lines too on
    // machines without a display.
    let line = stderr.lines().rfind(|line| line.starts_with("error:"));
    line.unwrap_or_else(|| panic!("no error line in: {stderr}"))
        .to_owned()
}

#[test]
fn train_evaluate_and_score_a_folder() {
    let root = data();
    let root = root.path();
    let output = train(root, &["--epochs", "2"]);
    assert!(output.status.success(), "{output:?}");
    let lines: Vec<serde_json::Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1]["epoch"], 2);
    assert_eq!(lines[2]["categories"][0]["anomalous"], 4);

    let eval = [
        "eval",
        "--model",
        "model.safetensors",
        "--data",
        ".",
        "--device",
        "cpu",
        "--json",
    ];
    let eval = run(root, &eval);
    let printed: serde_json::Value = serde_json::from_str(&stdout(&eval)).unwrap();
    assert_eq!(printed, lines[2], "eval and train measure the same");

    let records = Records::beside(&root.join("model.safetensors"));
    assert_eq!(records.read_losses().unwrap().len(), 2);
    assert_eq!(records.read_scores().unwrap().len(), 8);
    let recorded = serde_json::to_value(records.read_evaluation().unwrap()).unwrap();
    assert_eq!(recorded, printed);
    fs::remove_file(&records.scores).unwrap();
    let eval = |extra: &[&str]| {
        let eval = ["eval", "--model", "model.safetensors", "--data", "."];
        let output = run(root, &[&eval[..], &["--device", "cpu"], extra].concat());
        assert!(output.status.success(), "{output:?}");
        stdout(&output)
    };
    let table = eval(&[]);
    assert!(!records.scores.exists(), "it only writes when asked to");
    assert!(table.contains("R alone") && !table.contains("AUPRO"));
    eval(&["--record"]);
    assert_eq!(records.read_scores().unwrap().len(), 8);
    // If a mask shows the damaged pixels, the error maps are evaluated too.
    let mask = image::GrayImage::from_fn(32, 32, |x, _| image::Luma([u8::from(x < 9) * 255]));
    fs::create_dir_all(root.join("ground_truth/damaged")).unwrap();
    mask.save(root.join("ground_truth/damaged/00_mask.png"))
        .unwrap();
    let table = eval(&["--record"]);
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

    let score = [
        "score",
        "--model",
        "model.safetensors",
        "test/good",
        "test/damaged/01.png",
        "--device",
        "cpu",
        "--json",
        "--heat-maps",
        "maps",
        "--reconstructions",
        "maps",
    ];
    let score = run(root, &score);
    assert!(score.status.success(), "{score:?}");
    let lines = stdout(&score);
    assert_eq!(lines.lines().count(), 5);
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
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
    let epochs = ["--epochs", "90"];
    let undisturbed = train(root, &[&epochs[..], &["--out", "a.safetensors"]].concat());
    assert!(undisturbed.status.success(), "{undisturbed:?}");

    // Ctrl-C writes a checkpoint.
    let mut arguments = vec!["train", "--data", ".", "--out", "b.safetensors"];
    arguments.extend(SMALL);
    arguments.extend(epochs);
    let status = signalled(daad(root, &arguments), "-INT");
    assert_eq!(status.code(), Some(130));
    assert!(!root.join("b.safetensors").exists(), "it was not done yet");

    // The next run is killed without warning.
    let resume = [&epochs[..], &["--out", "b.safetensors", "--resume"]].concat();
    let mut arguments = vec!["train", "--data", "."];
    arguments.extend(SMALL);
    arguments.extend(&resume);
    let mut child = daad(root, &arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(60));
    child.kill().unwrap();
    child.wait().unwrap();

    let refused = error(&train(root, &["--out", "b.safetensors"]));
    assert!(refused.contains("--resume"), "{refused}");
    // Only `--data`, `--out` and `--resume` are needed: the settings come from the checkpoint.
    let resume = [
        "train",
        "--data",
        ".",
        "--out",
        "b.safetensors",
        "--resume",
        "--device",
        "cpu",
    ];
    let resumed = run(root, &resume);
    assert!(resumed.status.success(), "{resumed:?}");
    assert_eq!(
        weights(root, "a.safetensors"),
        weights(root, "b.safetensors")
    );
}

/// The tensors' bytes without the metadata, which contain the command line and therefore differ.
fn weights(root: &Path, name: &str) -> Vec<u8> {
    let bytes = fs::read(root.join(name)).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[8 + header..].to_vec()
}

/// Starts a program and sends it a signal when it has printed its first line; returns how it ended.
pub(crate) fn signalled(mut command: Command, signal: &str) -> ExitStatus {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    let kill = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    // The program prints until it ends; if nobody read the pipe, it would block for ever.
    std::io::copy(&mut lines, &mut std::io::sink()).unwrap();
    child.wait().unwrap()
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
    let root = data();
    let root = root.path();
    assert!(train(root, &["--epochs", "1"]).status.success());
    fs::write(root.join("test/good/00.png"), "no image").unwrap();
    let arguments = [
        "score",
        "--model",
        "model.safetensors",
        "test/good",
        "--json",
    ];
    let output = run(root, &arguments);
    assert_eq!(stdout(&output).lines().count(), 3);
    assert!(error(&output).contains("1 of 4 images could not be scored"));
    let eval = ["eval", "--model", "model.safetensors", "--data", "."];
    assert!(error(&run(root, &eval)).contains("00.png"));
}

/// A limit on the size of files makes every write fail, as on a full disk.
#[test]
fn a_full_disk_keeps_what_was_written_before() {
    let root = data();
    let root = root.path();
    assert!(train(root, &["--epochs", "1"]).status.success());
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
    let root = data();
    let root = root.path();
    assert!(train(root, &["--epochs", "1"]).status.success());
    let weights = |bytes: &[u8]| bytes[bytes.len() - 1000..].to_vec();
    let before = fs::read(root.join("model.safetensors")).unwrap();
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
    let printed: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(printed["normal_images"], 4);
    let after = fs::read(root.join("model.safetensors")).unwrap();
    assert_ne!(before, after);
    assert_eq!(weights(&before), weights(&after));
    // The scores are scaled by these images, so the lowest raw score is 0 and the highest 1.
    let score = [
        "score",
        "--model",
        "model.safetensors",
        "test/good",
        "--device",
        "cpu",
        "--json",
    ];
    for line in stdout(&run(root, &score)).lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let score = line["score"].as_f64().unwrap();
        assert!((-1e-6..=1.0 + 1e-6).contains(&score), "{score}");
    }
    fs::create_dir(root.join("empty")).unwrap();
    let empty = ["calibrate", "--model", "model.safetensors", "empty"];
    assert!(error(&run(root, &empty)).contains("empty holds no images"));
    assert_eq!(fs::read(root.join("model.safetensors")).unwrap(), after);
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
    let output = run(root, &arguments);
    let lines = stdout(&output);
    let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last["categories"][0]["normal"], 2);
    assert_eq!(last["categories"][0]["anomalous"], 10);
    assert!(error(&run(root, &synthesize)).contains("floors is there already"));
}
