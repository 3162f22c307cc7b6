//! The report of finished runs, as a page.

use std::fs;
use std::path::{Path, PathBuf};

use daad::evaluate::Records;
use daad::weights::{read_card, with_card};

use crate::common::{data, error, run, train, with_model};
use crate::sweep::mnist;

fn report(root: &Path, arguments: &[&str]) -> String {
    let output = run(root, &[&["report", "--device", "cpu"], arguments].concat());
    assert!(output.status.success(), "{output:?}");
    fs::read_to_string(root.join("report/index.html")).unwrap()
}

/// All files below a folder whose names end in `ending`.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let found = paths.flat_map(|path| match path.is_dir() {
        true => files(&path, ending),
        false => vec![path],
    });
    let named = |path: &PathBuf| path.to_string_lossy().ends_with(ending);
    found.filter(named).collect()
}

/// The page loads no other file.
fn asks_for_nothing(page: &str) {
    let plain = page.replace("http://www.w3.org/2000/svg", "");
    for address in [
        "http:", "https:", "file:", "url(", "@import", "<script", "<link",
    ] {
        assert!(!plain.contains(address), "it has {address}");
    }
    for attribute in ["src=\"", "href=\""] {
        for value in plain.split(attribute).skip(1) {
            let is_inside = value.starts_with("data:image/") || value.starts_with('#');
            assert!(is_inside, "{attribute}{}", &value[..value.len().min(60)]);
        }
    }
}

#[test]
fn a_run_is_one_page_that_asks_for_nothing() {
    let root = data();
    let root = root.path();
    assert!(train(root, &["--epochs", "2"]).status.success());
    let page = report(root, &["model.safetensors", "--examples", "2"]);
    asks_for_nothing(&page);
    assert!(!page.contains("threshold was changed"));
    for words in [
        "DAAD+, r = 4×4×1",
        "Deployed protocol",
        "Paper protocol",
        "items = 8",
        "Reconstruction loss",
        "The other losses",
        "Scores of the test images",
        "ROC curve, paper protocol",
        "Anomalous, lowest scores",
        "Normal, highest scores",
    ] {
        assert!(page.contains(words), "it lacks {words}");
    }
    assert!(!page.contains("All runs") && !page.contains("changed since"));
    let plots = files(&root.join("report"), ".svg");
    let has = |name: &str| plots.iter().any(|path| path.ends_with(name));
    for name in [
        "losses.svg",
        "histogram.svg",
        "roc-paper.svg",
        "roc-deployed.svg",
    ] {
        assert!(has(&format!("run-1/{name}")), "{name} of {plots:?}");
    }
    // Two examples of each of four kinds, each with reconstruction and error map.
    assert_eq!(files(&root.join("report"), ".png").len(), 24);
    let figures = fs::read_to_string(root.join("report/metrics.csv")).unwrap();
    assert!(figures.starts_with("run,category,protocol,metric,value\nmodel,,,normal,4.0\n"));
    assert!(figures.contains("\nmodel,,paper,auroc,"), "{figures}");

    let calibrate = [
        "calibrate",
        "--model",
        "model.safetensors",
        "test/good/00.png",
    ];
    assert!(run(root, &calibrate).status.success());
    let page = report(root, &["model.safetensors"]);
    assert!(page.contains("changed since the scores were recorded"));
}

#[test]
fn examples_that_lie_inside_another_file_are_shown_too() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    mnist(root);
    let trained = train(root, &["--epochs", "1", "--category", "1"]);
    assert!(trained.status.success(), "{trained:?}");
    let page = report(root, &["model.safetensors", "--examples", "1"]);
    assert!(!page.contains("is not shown") && page.contains("images-idx3-ubyte#"));
    assert_eq!(files(&root.join("report"), ".input.png").len(), 4);
}

#[test]
fn several_runs_are_set_beside_each_other() {
    let root = data();
    let root = root.path();
    let sweep = [
        "sweep",
        "--data",
        ".",
        "--vary",
        "items=8,16",
        "--size",
        "32",
        "--width",
        "2",
        "--scales",
        "2",
        "--division",
        "4",
        "--parts",
        "none",
        "--epochs",
        "1",
        "--device",
        "cpu",
    ];
    let output = run(root, &sweep);
    assert!(output.status.success(), "{output:?}");
    let page = report(root, &["sweep"]);
    asks_for_nothing(&page);
    for words in [
        "2 runs",
        "The same images, reconstructed",
        "Number of memory items, paper protocol",
        "Image AUROC (deployed protocol)",
        "href=\"#run-2\"",
    ] {
        assert!(page.contains(words), "it lacks {words}");
    }
    assert!(!page.contains("Division rate, "), "it is the same for both");
    let plots = files(&root.join("report/compared"), ".svg");
    assert_eq!(plots.len(), 2, "{plots:?}");
}

#[test]
fn figures_of_an_earlier_threshold_are_told() {
    let root = with_model();
    let root = root.path();
    let model = root.join("model.safetensors");
    let bytes = fs::read(&model).unwrap();
    let mut card = read_card(&bytes).unwrap();
    let recorded = Records::beside(&model).read_evaluation().unwrap();
    let figures = &recorded.categories[0].figures;
    let recorded = [figures.false_alarms, figures.detected];
    let own = (card.calibration.threshold, recorded);
    let (everything, nothing) = ((-1e9, [Some(1.0); 2]), (1e9, [Some(0.0); 2]));
    for (threshold, expected) in [own, everything, nothing] {
        card.calibration.threshold = threshold;
        fs::write(&model, with_card(&bytes, &card).unwrap()).unwrap();
        let page = report(root, &["model.safetensors", "--examples", "0"]);
        let is_told = page.contains("threshold was changed");
        assert_eq!(is_told, expected != recorded, "{threshold}");
    }
}

#[test]
fn what_is_missing_is_said_and_what_is_hostile_is_text() {
    let root = with_model();
    let root = root.path();
    let model = root.join("<b>model & co.safetensors");
    fs::rename(root.join("model.safetensors"), &model).unwrap();
    let page = report(root, &["<b>model & co.safetensors"]);
    asks_for_nothing(&page);
    assert!(
        page.contains("run `daad eval --record"),
        "it says what to do"
    );
    assert!(page.contains("There is no training curve"));

    let scored = Records::beside(&root.join("model.safetensors"));
    let records = Records::beside(&model);
    fs::rename(&scored.evaluation, &records.evaluation).unwrap();
    let mut rows = csv::Reader::from_path(&scored.scores).unwrap();
    let mut hostile = csv::Writer::from_path(&records.scores).unwrap();
    hostile.write_record(rows.headers().unwrap()).unwrap();
    for (index, row) in rows.records().enumerate() {
        let row = row.unwrap();
        let gone = format!("<img src=x onerror=alert({index})>#{index}");
        let fields = [gone.as_str(), "</style><script>x</script>", "\"><i>"];
        let fields = fields.into_iter().chain(row.iter().skip(3));
        hostile.write_record(fields).unwrap();
    }
    hostile.flush().unwrap();
    let page = report(root, &["<b>model & co.safetensors", "--examples", "1"]);
    asks_for_nothing(&page);
    assert!(!page.contains("<img") && !page.contains("<i>") && !page.contains("<b>model"));
    assert!(page.contains("&lt;img src=x onerror=alert("));
    assert!(page.contains("is not shown: cannot read it"));

    let says = |run_named: &str, words: &str| {
        let said = error(&run(root, &["report", run_named, "--device", "cpu"]));
        assert!(said.contains(words), "{said}");
    };
    says(
        "test",
        "neither a model file nor a folder that daad sweep wrote",
    );
    says("test/good/00.png", "neither a model file");
    says("none.safetensors", "none.safetensors");
}
