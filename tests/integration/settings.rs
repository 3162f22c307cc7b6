//! The settings of a run: from a file, from flags, and read back from the model.

use std::fs;

use daad::learn::TrainConfig;
use daad::weights::{read_card, with_card};
use serde::Deserialize;

use crate::common::{data, error, objects, of_repository, run, stdout, train, weights};

#[test]
fn a_model_hands_back_the_settings_that_train_it_again() {
    let root = data();
    let root = root.path();
    fs::write(
        root.join("run.toml"),
        "epochs = 7\nparts = \"adv\"\nflips = \"horizontal\"\n",
    )
    .unwrap();
    let first = train(root, &["--config", "run.toml", "--epochs", "1"]);
    assert!(first.status.success(), "{first:?}");
    let said = String::from_utf8(first.stderr).unwrap();
    assert!(
        said.contains("epochs = 1") && said.contains("parts = \"adv\""),
        "{said}"
    );

    let settings = stdout(&run(root, &["info", "model.safetensors", "--settings"]));
    assert!(settings.contains("flips = \"horizontal\""), "{settings}");
    fs::write(root.join("again.toml"), &settings).unwrap();
    let again = [
        "train",
        "--data",
        ".",
        "--config",
        "again.toml",
        "--out",
        "again.safetensors",
        "--device",
        "cpu",
    ];
    assert!(run(root, &again).status.success());
    let printed = stdout(&run(root, &["info", "again.safetensors", "--settings"]));
    assert_eq!(printed, settings);
    let [first, again] = ["model.safetensors", "again.safetensors"].map(|it| weights(root, it));
    assert_eq!(first, again);
    let card = objects(&run(root, &["info", "again.safetensors", "--json"])).remove(0);
    assert_eq!(card["provenance"]["config"]["epochs"], 1);
}

#[test]
fn settings_that_cannot_be_meant_are_refused_by_name() {
    let root = data();
    let root = root.path();
    let refused = |file: &str, flags: &[&str], words: &str| {
        fs::write(root.join("run.toml"), file).unwrap();
        let said = error(&train(root, &[&["--config", "run.toml"], flags].concat()));
        assert!(said.contains(words), "{said}");
    };
    refused(
        "epoch = 1",
        &[],
        "run.toml: impossible configuration: unknown field `epoch`",
    );
    refused("system = \"ae\"", &[], "items has no effect");
    refused(
        "",
        &["--parts", "none", "--gamma", "0.5"],
        "gamma has no effect",
    );
    let huge = usize::MAX.to_string();
    for flag in ["--batch-size", "--accumulate", "--epochs"] {
        refused("", &[flag, "1000001"], "between 1 and a million");
        refused("", &[flag, &huge], "is too large");
    }
    for flag in ["--seed", "--warm-up"] {
        refused("", &[flag, &huge], "is too large");
    }
    let patience = ["--validate-every", "1", "--patience", "1000001"];
    refused("", &patience, "patience must be between 1 and a million");
    let steps = ["--schedule", "step", "--step-epochs", "1000001"];
    refused("", &steps, "step-epochs must be between 1 and a million");
    assert!(train(root, &["--epochs", "1"]).status.success());
    let said = error(&train(root, &["--resume", "--epochs", "2", "--seed", "4"]));
    assert!(said.contains("only --epochs may differ"), "{said}");
}

#[test]
fn shipped_models_are_as_this_program_writes_them() {
    let models = of_repository("models");
    for folder in [models.clone(), models.join("series")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_none_or(|ending| ending != "safetensors")
            {
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            let card = read_card(&bytes).unwrap();
            let again = with_card(&bytes, &card).unwrap();
            assert!(again == bytes, "{}", path.display());
            let config = TrainConfig::deserialize(&card.provenance.config).unwrap();
            config.validate().unwrap();
            assert_eq!(config.model, card.config);
        }
    }
}

#[test]
fn where_no_settings_describe_a_model_none_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = fs::read("models/piped.safetensors").unwrap();
    let mut card = read_card(&shipped).unwrap();
    // Scores over mirror images that training did not use.
    card.provenance.config["flips"] = "none".into();
    card.provenance.config["scoring"]["flips"] = "horizontal".into();
    fs::write(
        folder.path().join("model.safetensors"),
        with_card(&shipped, &card).unwrap(),
    )
    .unwrap();
    let refused = error(&run(
        folder.path(),
        &["info", "model.safetensors", "--settings"],
    ));
    assert!(
        refused.contains("no settings of daad train describe it"),
        "{refused}"
    );
    assert!(
        run(folder.path(), &["info", "model.safetensors"])
            .status
            .success()
    );
}
