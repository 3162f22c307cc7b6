//! The report of a run, from end to end.

use std::fs;

use crate::cli::{data, error, run};

const SMALL: &str = "size = 32\nwidth = 2\nscales = 2\ndivision = 4\nepochs = 2";

#[test]
fn a_report_is_one_file_that_needs_nothing_else() {
    let root = data();
    let root = root.path();
    // Names come from files, and go into the page.
    let hostile = "test/<script>alert('&amp;')<";
    fs::rename(root.join("test/damaged"), root.join(hostile)).unwrap();
    for (out, items) in [("a.safetensors", "4"), ("b.safetensors", "8")] {
        fs::write(root.join("run.toml"), format!("items = {items}\n{SMALL}")).unwrap();
        let train = [
            "train", "--data", ".", "--config", "run.toml", "--device", "cpu",
        ];
        let output = run(root, &[&train[..], &["--out", out]].concat());
        assert!(output.status.success(), "{output:?}");
    }
    let report = [
        "report",
        "a.safetensors",
        "b.safetensors",
        "--device",
        "cpu",
    ];
    let output = run(root, &report);
    assert!(output.status.success(), "{output:?}");
    let page = fs::read_to_string(root.join("report/report.html")).unwrap();
    for section in [
        "All runs",
        "What it measures",
        "The clearest and the worst",
        "Settings",
    ] {
        assert!(page.contains(section), "{section} is missing");
    }
    assert!(!page.contains("<script"), "a name became markup");
    assert!(page.contains("&lt;script&gt;"));
    let without_namespaces = page.replace("http://www.w3.org/", "");
    for outside in ["http:", "https:", "src=\"/", "url(", "@import"] {
        assert!(!without_namespaces.contains(outside), "{outside}");
    }
    for figure in ["1-losses", "2-roc", "1-histogram", "auroc-items"] {
        let svg = fs::read_to_string(root.join(format!("report/{figure}.svg"))).unwrap();
        assert!(
            svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"),
            "{figure}"
        );
    }
    let rebuilt = image::open(root.join("report/2-example-01-reconstruction.png")).unwrap();
    assert_eq!((rebuilt.width(), rebuilt.height()), (32, 32));
    let metrics = fs::read_to_string(root.join("report/metrics.csv")).unwrap();
    assert!(metrics.contains("b.safetensors,,paper,auroc,"), "{metrics}");

    // What is gone is named, and no reason to have no report.
    fs::remove_dir_all(root.join("test/good")).unwrap();
    assert!(run(root, &report).status.success());
    let page = fs::read_to_string(root.join("report/report.html")).unwrap();
    assert!(page.contains("4 images cannot be shown"));

    fs::remove_file(root.join("a.scores.csv")).unwrap();
    let said = error(&run(root, &report));
    assert!(said.contains("daad eval --record"), "{said}");
    let said = error(&run(root, &["report", "test"]));
    assert!(said.contains("no folder of a sweep"), "{said}");
}
