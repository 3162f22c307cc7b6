//! The places to which the program writes: links, devices, read-only places, long and unusual
//! names.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::common::{
    SCORE, SMALL, daad, data, error, objects, run, score, signalled, stdout, train, with_model,
};

#[test]
fn a_finished_model_is_replaced_only_where_that_is_asked_for() {
    let root = with_model();
    let root = root.path();
    let before = fs::read(root.join("model.safetensors")).unwrap();
    fs::remove_file(root.join("model.safetensors.checkpoint")).unwrap();
    let refused = error(&train(root, &["--epochs", "1", "--seed", "7"]));
    assert!(
        refused.contains("model.safetensors is there already"),
        "{refused}"
    );
    assert!(refused.contains("--overwrite"), "{refused}");
    assert_eq!(fs::read(root.join("model.safetensors")).unwrap(), before);
    assert!(
        train(root, &["--epochs", "1", "--seed", "7", "--overwrite"])
            .status
            .success()
    );
    assert_ne!(fs::read(root.join("model.safetensors")).unwrap(), before);
}

#[test]
#[cfg(unix)]
fn an_output_that_is_a_link_or_a_device_stays_one() {
    let root = data();
    let root = root.path();
    fs::create_dir(root.join("store")).unwrap();
    std::os::unix::fs::symlink("store/real", root.join("model.safetensors")).unwrap();
    assert!(train(root, &["--epochs", "1"]).status.success());
    let link = root.join("model.safetensors");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(root.join("store/real").is_file());
    let threshold = [
        "threshold",
        "--model",
        "model.safetensors",
        "--false-alarm-rate",
        "0.5",
    ];
    assert!(run(root, &threshold).status.success());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());

    let refused = error(&train(root, &["--epochs", "1", "--out", "/dev/null"]));
    assert!(
        refused.contains("/dev/null: it is not a regular file"),
        "{refused}"
    );
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn a_place_that_cannot_be_written_is_told_before_the_work() {
    let root = data();
    let root = root.path();
    fs::write(root.join("file"), "").unwrap();
    let output = train(root, &["--epochs", "1", "--out", "file/model.safetensors"]);
    assert!(error(&output).contains("cannot write file/model.safetensors"));
    assert_eq!(stdout(&output), "");
    assert!(error(&train(root, &["--out", "test"])).contains("not a regular file"));

    assert!(train(root, &["--epochs", "1"]).status.success());
    let output = score(root, &["test/good", "--heat-maps", "file"]);
    assert!(error(&output).contains("cannot write into file"));
    assert_eq!(stdout(&output), "");
    let output = run(root, &["report", "model.safetensors", "--out", "file"]);
    assert!(error(&output).contains("cannot write into file"));
}

#[test]
fn one_map_that_cannot_be_written_ends_no_other_score() {
    let root = with_model();
    let root = root.path();
    fs::create_dir_all(root.join("maps/01.heat.png")).unwrap();
    let output = score(root, &["test/good", "--json", "--heat-maps", "maps"]);
    assert_eq!(stdout(&output).lines().count(), 4);
    assert!(error(&output).contains("1 pictures could not be written"));
    assert!(root.join("maps/03.heat.png").is_file());
}

#[test]
fn names_may_be_as_long_as_file_systems_allow_and_hold_anything() {
    let root = data();
    let root = root.path();
    let long = format!("{}.safetensors", "m".repeat(243));
    assert!(
        train(root, &["--epochs", "1", "--out", &long])
            .status
            .success()
    );
    let image = format!("{}.png", "i".repeat(251));
    fs::copy(root.join("test/good/00.png"), root.join(&image)).unwrap();
    let strange = "a\nnormal \u{1b}[31m.png";
    fs::copy(root.join("test/good/00.png"), root.join(strange)).unwrap();
    let arguments = [
        "score",
        "--model",
        &long,
        "--device",
        "cpu",
        "--heat-maps",
        "maps",
    ];
    let output = run(root, &[&arguments[..], &[&image, strange]].concat());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read_dir(root.join("maps")).unwrap().count(), 2);
    let printed = stdout(&output);
    assert_eq!(printed.lines().count(), 2, "{printed}");
    assert!(printed.contains(r"a\nnormal \u{1b}[31m.png"), "{printed}");
}

#[test]
fn an_image_is_read_from_standard_input() {
    let root = with_model();
    let root = root.path();
    let images = ["--json", "-", "test/good/00.png"];
    let mut child = daad(root, &[&SCORE[..], &images].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let bytes = fs::read(root.join("test/good/00.png")).unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let lines = objects(&child.wait_with_output().unwrap());
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["path"], &lines[0]["score"]),
        (&"-".into(), &lines[1]["score"])
    );
}

#[test]
#[cfg(unix)]
fn the_signals_that_end_programs_do_what_ctrl_c_does() {
    for signal in ["-TERM", "-HUP"] {
        // Under nohup, the program correctly ignores this signal, so it would never end.
        if signal == "-HUP" && ignores_hangups() {
            continue;
        }
        let root = data();
        let root = root.path();
        let mut arguments = vec!["train", "--data", ".", "--epochs", "100000"];
        arguments.extend(SMALL);
        let (status, _) = signalled(daad(root, &arguments), signal);
        assert_eq!(status.code(), Some(130), "{signal}");
        assert!(root.join("model.safetensors.checkpoint").is_file());
    }
}

/// Whether these tests, and therefore the programs that they start, run under nohup. This is known
/// only on Linux.
#[cfg(unix)]
fn ignores_hangups() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.map_or(Ok(0), |mask| u64::from_str_radix(mask.trim(), 16));
    ignored.unwrap() & 1 == 1
}

#[test]
fn a_report_finds_its_images_wherever_it_is_made() {
    let root = with_model();
    let root = root.path();
    let elsewhere = root.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let report = ["report", "../model.safetensors", "--device", "cpu"];
    let output = run(&elsewhere, &report);
    assert!(output.status.success(), "{output:?}");
    let pictures = fs::read_dir(elsewhere.join("report/run-1")).unwrap();
    let heat_maps = pictures.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".heat.png")
    });
    assert!(heat_maps.count() >= 8);
}

#[test]
fn settings_are_read_as_powershell_writes_them() {
    let root = data();
    let root = root.path();
    let text = "epochs = 1\nsize = 32\n";
    let bytes = text.encode_utf16().flat_map(u16::to_le_bytes);
    let bytes: Vec<u8> = [0xFF, 0xFE].into_iter().chain(bytes).collect();
    fs::write(root.join("settings.toml"), bytes).unwrap();
    let output = train(root, &["--config", "settings.toml"]);
    assert!(output.status.success(), "{output:?}");
    fs::write(root.join("latin.toml"), b"# f\xFCr\nepochs = 1\n").unwrap();
    let refused = error(&train(root, &["--config", "latin.toml", "--out", "b"]));
    assert!(refused.contains("save it as UTF-8"), "{refused}");
}

#[test]
fn calibrate_mirrors_the_images_as_training_did() {
    let root = data();
    let root = root.path();
    let scores = |model: &str| -> Vec<usize> {
        let card = daad::weights::read_card(&fs::read(root.join(model)).unwrap()).unwrap();
        let scores = card.calibration.normal_raw_scores;
        scores.iter().map(Vec::len).collect()
    };
    for (flips, each) in [("none", 1), ("horizontal", 2)] {
        let model = format!("{flips}.safetensors");
        let trained = train(root, &["--epochs", "1", "--flips", flips, "--out", &model]);
        assert!(trained.status.success(), "{trained:?}");
        let before = scores(&model);
        assert!(before.iter().all(|&count| count == each), "{before:?}");
        let calibrate = [
            "calibrate",
            "--device",
            "cpu",
            "--model",
            &model,
            "test/good",
        ];
        for (extra, each) in [(&[][..], each), (&["--flips", "both"][..], 4)] {
            let output = run(root, &[&calibrate[..], extra].concat());
            assert!(output.status.success(), "{output:?}");
            assert!(
                scores(&model).iter().all(|&count| count == each),
                "{extra:?}"
            );
        }
    }
}

#[test]
fn copies_of_an_image_do_not_support_a_lower_rate() {
    let root = with_model();
    let root = root.path();
    for copy in 0..30 {
        let to = root.join(format!("test/good/copy-{copy}.png"));
        fs::copy(root.join("test/good/00.png"), to).unwrap();
    }
    let calibrate = [
        "calibrate",
        "--model",
        "model.safetensors",
        "--device",
        "cpu",
    ];
    let output = run(root, &[&calibrate[..], &["test/good"]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("30 of 34 images are copies"), "{said}");
    assert!(said.contains("4 images cannot support less"), "{said}");
    let threshold = [
        "threshold",
        "--model",
        "model.safetensors",
        "--device",
        "cpu",
        "--tiles",
    ];
    let rate = ["--false-alarm-rate", "0.05", "test/good", "test/good"];
    let printed = stdout(&run(root, &[&threshold[..], &rate].concat()));
    assert!(
        printed.contains("4 images cannot support less"),
        "{printed}"
    );
}

#[test]
fn few_and_equal_images_are_told() {
    let root = tempfile::TempDir::new().unwrap();
    let root = root.path();
    fs::create_dir(root.join("same")).unwrap();
    let image = daad::image::test_pattern(32, 32);
    for index in 0..20 {
        image
            .save(root.join(format!("same/{index:02}.png")))
            .unwrap();
    }
    let mut arguments = vec![
        "train",
        "--data",
        "same",
        "--epochs",
        "1",
        "--held-out",
        "0.5",
    ];
    arguments.extend(SMALL);
    let output = run(root, &arguments);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("it rests on 10 normal images"), "{said}");
    assert!(
        said.contains("all of these images score the same"),
        "{said}"
    );
    let calibrate = [
        "calibrate",
        "--model",
        "model.safetensors",
        "same",
        "--device",
        "cpu",
    ];
    let refused = error(&run(root, &calibrate));
    assert!(
        refused.contains("all of these images score the same"),
        "{refused}"
    );
}
