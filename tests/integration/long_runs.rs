//! Long training runs: validation during the run, two runs with the same output, a job whose sweep
//! was killed.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::Duration;

use daad::train::RunLock;

use crate::cli::{SMALL, daad, data, error, run, stdout, train};

#[test]
fn the_best_epoch_is_written_and_its_held_out_errors_are_printed() {
    let root = data();
    let root = root.path();
    let output = train(
        root,
        &[
            "--epochs=60",
            "--held-out=0.5",
            "--validate-every=2",
            "--patience=2",
            "--keep-best",
        ],
    );
    assert!(output.status.success(), "{output:?}");
    let lines = stdout(&output);
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<serde_json::Value> = lines.collect();
    let epochs: Vec<_> = lines.iter().filter(|it| it["epoch"].is_u64()).collect();
    let looked: Vec<_> = epochs
        .iter()
        .filter(|it| it["validation"].is_f64())
        .collect();
    assert_eq!(looked.len(), epochs.len() / 2);
    assert!(epochs.len() < 60, "it went on to the end");
    let of = |it: &serde_json::Value| it["validation"].as_f64().unwrap();
    let best = looked
        .iter()
        .min_by(|a, b| of(a).total_cmp(&of(b)))
        .unwrap();

    let card = stdout(&run(root, &["info", "model.safetensors", "--json"]));
    let card: serde_json::Value = serde_json::from_str(&card).unwrap();
    assert_eq!(card["provenance"]["epochs"], best["epoch"]);
    // Two of the four held-out images are the validation split. Each image of the calibration split
    // is scored with its mirror images, in four versions.
    let calibration = &card["calibration"];
    assert_eq!(calibration["normal_scores"].as_array().unwrap().len(), 2);
    for mirrored in calibration["normal_raw_scores"].as_array().unwrap() {
        assert_eq!(mirrored.as_array().unwrap().len(), 4);
    }
    // Two images support at best a rate of one third, whatever the settings require.
    assert_eq!(calibration["target_false_alarm_rate"], 0.01);
    assert_eq!(calibration["false_alarm_rate"], 1.0 / 3.0);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("fell no more") && said.contains("the best"),
        "{said}"
    );
    assert!(said.contains("it rests on 2 normal images"), "{said}");
    let rate = "at most 33 % of normal images: 2 images cannot support less";
    assert!(said.contains(rate), "{said}");
    let summary = stdout(&run(root, &["info", "model.safetensors"]));
    assert!(summary.contains(rate), "{summary}");
}

#[test]
fn two_runs_do_not_write_the_same_model() {
    let root = data();
    let root = root.path();
    let lock = RunLock::acquire(&root.join("model.safetensors"), Duration::ZERO).unwrap();
    let said = error(&train(root, &["--epochs", "1"]));
    assert!(
        said.contains("another run is writing model.safetensors"),
        "{said}"
    );
    let beside = train(root, &["--epochs", "1", "--out", "other.safetensors"]);
    assert!(beside.status.success(), "{beside:?}");
    drop(lock);
    assert!(train(root, &["--epochs", "1"]).status.success());
    assert!(!root.join("model.safetensors.lock").exists());
}

#[test]
fn an_orphan_stops_with_a_checkpoint_and_says_how_to_go_on() {
    let root = data();
    let root = root.path();
    let start = |extra: &[&str]| {
        let mut command = daad(root, &["train", "--data", ".", "--job"]);
        let command = command.args(SMALL).args(extra).stdin(Stdio::piped());
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut orphan = start(&["--epochs", "100000"]);
    let mut lines = BufReader::new(orphan.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    // The second job waits until the first job stops, and then resumes from its checkpoint.
    let mut heir = start(&["--epochs", "100000"]);
    drop(orphan.stdin.take());
    std::io::copy(&mut lines, &mut std::io::sink()).unwrap();
    assert_eq!(orphan.wait().unwrap().code(), Some(130));
    let mut said = String::new();
    let stderr = orphan.stderr.take().unwrap();
    BufReader::new(stderr).read_to_string(&mut said).unwrap();
    let words = "The same command with --resume goes on from epoch";
    assert!(
        said.contains(words) && said.contains("of 100000."),
        "{said}"
    );

    let mut lines = BufReader::new(heir.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    drop(heir.stdin.take());
    std::io::copy(&mut lines, &mut std::io::sink()).unwrap();
    assert_eq!(heir.wait().unwrap().code(), Some(130));
    let record: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(record["epoch"].as_u64() > Some(1), "{line}");
}
