//! Long training runs: validation during the run, two runs with the same output, a job whose sweep
//! was killed.

use std::process::Stdio;
use std::time::Duration;

use daad::train::RunLock;

use crate::common::{DEADLINE, SMALL, daad, data, end, error, lines, objects, run, stdout, train};

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
    let lines = objects(&output);
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

    let card = objects(&run(root, &["info", "model.safetensors", "--json"])).remove(0);
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
    let start = || {
        let mut command = daad(root, &["train", "--data", ".", "--job"]);
        let command = command.args(SMALL).args(["--epochs", "100000"]);
        let command = command.stdin(Stdio::piped());
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut orphan = start();
    let said = lines(orphan.stderr.take().unwrap());
    let printed = lines(orphan.stdout.take().unwrap());
    printed.recv_timeout(DEADLINE).unwrap();
    // The second job waits until the first job stops, and then resumes from its checkpoint.
    let mut heir = start();
    drop(orphan.stdin.take());
    assert_eq!(end(&mut orphan).code(), Some(130));
    let said = said.iter().collect::<Vec<_>>().join("\n");
    let words = "The same command with --resume goes on from epoch";
    assert!(
        said.contains(words) && said.contains("of 100000."),
        "{said}"
    );

    let printed = lines(heir.stdout.take().unwrap());
    let line = printed.recv_timeout(DEADLINE).unwrap();
    drop(heir.stdin.take());
    assert_eq!(end(&mut heir).code(), Some(130));
    let record: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(record["epoch"].as_u64() > Some(1), "{line}");
}
