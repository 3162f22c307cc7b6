//! Every table of the paper from end to end, at a size that takes seconds.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use daad::dataset::{SyntheticImages, Texture};
use tempfile::TempDir;

use crate::common::{daad, error, run, stdout};

const SMALL: [&str; 12] = [
    "--size",
    "32",
    "--scales",
    "1",
    "--width",
    "2",
    "--batch-size",
    "4",
    "--device",
    "cpu",
    "--jobs",
    "2",
];

/// Writes images with their own seed as `folder/00.png` and so on.
fn write(folder: &Path, seed: u64, normal: bool, count: usize) {
    fs::create_dir_all(folder).unwrap();
    let mut textures = SyntheticImages::new(Texture::Cloth, 32, seed);
    let images = match normal {
        true => textures.normal(count),
        false => textures.defective(count),
    };
    for (index, labelled) in images.iter().enumerate() {
        labelled
            .image
            .save(folder.join(format!("{index:02}.png")))
            .unwrap();
    }
}

/// Writes a data set in the layout of MVTec AD.
fn mvtec(root: &Path, categories: &[&str]) {
    for (seed, category) in (10..).step_by(3).zip(categories) {
        write(&root.join(category).join("train/good"), seed, true, 6);
        write(&root.join(category).join("test/good"), seed + 1, true, 3);
        write(&root.join(category).join("test/torn"), seed + 2, false, 3);
    }
}

/// Writes a data set in the layout of MNIST: idx files of 28×28 pixels, with two images per digit.
pub(crate) fn mnist(root: &Path) {
    fs::create_dir_all(root).unwrap();
    for (split, digits) in [("train", 40u8), ("t10k", 20)] {
        let images = |file: &mut fs::File| {
            let sizes = [0x0803, u32::from(digits), 28, 28];
            let header: Vec<u8> = sizes.into_iter().flat_map(u32::to_be_bytes).collect();
            file.write_all(&header).unwrap();
            for index in 0..digits {
                let pixel = |place: usize| (place / 28) as u8 * 4 + 9 * (index % 10);
                let pixels: Vec<u8> = (0..28 * 28).map(pixel).collect();
                file.write_all(&pixels).unwrap();
            }
        };
        let path = root.join(format!("{split}-images-idx3-ubyte"));
        images(&mut fs::File::create(path).unwrap());
        let mut labels = [0x0801, u32::from(digits)].map(u32::to_be_bytes).concat();
        labels.extend((0..digits).map(|index| index % 10));
        fs::write(root.join(format!("{split}-labels-idx1-ubyte")), labels).unwrap();
    }
}

/// Writes CIFAR-10 as class folders.
fn classes(root: &Path, classes: &[&str]) {
    for (seed, class) in (50..).zip(classes) {
        write(&root.join("train").join(class), seed, true, 4);
        write(&root.join("test").join(class), seed + 50, true, 2);
    }
}

/// Writes a data set in the layout of UCSD Ped2, with a file of labels.
fn video(root: &Path) {
    let mut labels = "video,frame,abnormal\n".to_owned();
    for video in ["01", "02"] {
        write(&root.join("training").join(video), 90, true, 5);
        write(&root.join("testing").join(video), 91, true, 6);
        for frame in 0..6 {
            labels += &format!("{video},{frame},{}\n", u8::from(frame > 3));
        }
    }
    fs::write(root.join("frame_labels.csv"), labels).unwrap();
}

fn sweep(root: &Path, arguments: &[&str]) -> Output {
    run(
        root,
        &[&["sweep"], arguments, &SMALL, &["--epochs", "1"]].concat(),
    )
}

#[test]
fn every_table_of_the_paper_runs_from_end_to_end() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    mvtec(&root.join("mvtec"), &["bottle", "screw"]);
    mvtec(&root.join("one"), &["bottle"]);
    mnist(&root.join("mnist"));
    classes(&root.join("cifar10"), &["cat", "ship"]);
    video(&root.join("ped2"));
    video(&root.join("avenue"));
    let tables: [(&str, &[&str], usize, &str); 7] = [
        ("table1-mvtec", &["--data", "mvtec"], 4, "(0.976)"),
        ("table2", &["--data", ".", "--division", "4"], 12, "(0.990)"),
        ("table3", &["--data", "one"], 5, "(0.955)"),
        ("table4-block-size", &["--data", "one"], 5, "(0.845)"),
        ("table5-parts", &["--data", "one"], 15, "(0.895)"),
        (
            "fig7-memory-size",
            &["--data", "one", "--vary", "items=2,4"],
            2,
            "items",
        ),
        (
            "table6-video",
            &["--data", ".", "--items", "8"],
            4,
            "(0.941)",
        ),
    ];
    for (preset, data, jobs, expected) in tables {
        let output = sweep(root, &[&[preset, "--out", preset], data].concat());
        let text = stdout(&output);
        assert!(output.status.success(), "{preset}: {output:?}");
        assert!(text.contains(expected), "{preset}: {text}");
        assert!(
            !text.contains('–'),
            "{preset} has a cell without a number: {text}"
        );
        let lines = fs::read_to_string(root.join(preset).join("results.jsonl")).unwrap();
        assert_eq!(lines.lines().count(), jobs, "{preset}");
        let table = fs::read_to_string(root.join(preset).join("table.md")).unwrap();
        assert_eq!(table.trim_end(), text.trim_end());
    }
}

#[test]
fn a_sweep_killed_and_resumed_gives_the_same_table() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    mvtec(&root.join("mvtec"), &["bottle", "screw"]);
    let arguments = |out: &'static str| {
        let vary = ["--vary", "seed=0,1", "--vary", "category=bottle,screw"];
        let more = [
            "--vary",
            "division=2,4",
            "--data",
            "mvtec",
            "--epochs",
            "40",
            "--out",
            out,
        ];
        let all = ["sweep"].into_iter().chain(vary).chain(more).chain(SMALL);
        all.collect::<Vec<_>>()
    };
    let undisturbed = run(root, &arguments("a"));
    assert!(undisturbed.status.success(), "{undisturbed:?}");
    assert!(stdout(&undisturbed).contains(" ± "), "{undisturbed:?}");

    let mut child = daad(root, &arguments("b"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let results = root.join("b/results.jsonl");
    let started = Instant::now();
    while !results.exists() && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let done = |name: &str| fs::read_to_string(root.join(name)).unwrap().lines().count();
    assert!(
        done("b/results.jsonl") < 8,
        "it was killed too late to show anything"
    );
    let resumed = run(root, &arguments("b"));
    assert!(resumed.status.success(), "{resumed:?}");
    assert_eq!(done("b/results.jsonl"), 8);
    assert_eq!(stdout(&resumed), stdout(&undisturbed));
    let table = |out: &str| fs::read(root.join(out).join("table.csv")).unwrap();
    assert_eq!(table("a"), table("b"));
}

#[test]
fn results_of_other_data_are_not_taken_for_those_of_this_data() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    mvtec(&root.join("subset"), &["x"]);
    mvtec(&root.join("full"), &["x"]);
    let vary = ["--vary", "items=5"];
    let first = sweep(root, &[&vary[..], &["--data", "subset"]].concat());
    assert!(first.status.success(), "{first:?}");
    let again = sweep(root, &[&vary[..], &["--data", "./subset"]].concat());
    assert!(again.status.success(), "{again:?}");
    let said = error(&sweep(root, &[&vary[..], &["--data", "full"]].concat()));
    assert!(
        said.contains("holds results of data called subset"),
        "{said}"
    );
    let twice = ["--vary", "items=6", "--data", "subset"];
    let said = error(&sweep(root, &[&vary[..], &twice].concat()));
    assert!(said.contains("names items twice"), "{said}");
    let printed = ["sweep", "table3", "--print", "--vary", "seed=0,1"];
    assert!(error(&run(root, &printed)).contains("--vary"));
    let printed = ["sweep", "table3", "--print", "--epochs", "5"];
    assert!(error(&run(root, &printed)).contains("epochs"));
}

#[test]
fn a_job_array_runs_a_sweep_job_by_job() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    mvtec(root, &["bottle"]);
    let with = |more: &[&str]| {
        let vary = ["--vary", "items=2,3", "--data", "bottle", "--out", "all"];
        sweep(root, &[&vary, more].concat())
    };
    let listed = stdout(&with(&["--list"]));
    assert_eq!(listed.lines().count(), 2);
    assert!(
        listed.contains("\"items\":3") && listed.contains("\"done\":false"),
        "{listed}"
    );
    assert!(with(&["--only", "2"]).status.success());
    assert!(stdout(&with(&["--list"])).contains("\"done\":true"));
    let table = stdout(&with(&["--table"]));
    assert!(table.contains("| 2     | –"), "{table}");
    assert!(error(&with(&["--only", "3"])).contains("there are 1 to 2"));
}

#[test]
fn each_device_gets_a_job_by_default_and_a_job_one_device() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    mvtec(root, &["bottle"]);
    let sweep = |more: &[&str]| {
        let own = ["sweep", "--vary", "items=2,3", "--data", "bottle"];
        let small = &SMALL[..8];
        run(root, &[&own, small, &["--epochs", "1"], more].concat())
    };
    let output = sweep(&["--device", "cpu,cpu"]);
    assert!(output.status.success(), "{output:?}");
    let cores = std::thread::available_parallelism().unwrap().get();
    let threads = format!("Device: CPU, {} threads.", (cores / 2).max(1));
    for job in fs::read_dir(root.join("sweep/jobs")).unwrap() {
        let log = fs::read_to_string(job.unwrap().path().join("log.txt")).unwrap();
        assert!(log.contains(&threads), "{log}");
    }
    for (arguments, words) in [
        (&["--device", "cpu,gpu:99"][..], "there is no GPU 99"),
        (
            &["--device", "cpu,cpu", "--jobs", "1"],
            "--jobs 1 leaves some of the 2 devices idle",
        ),
    ] {
        let said = error(&sweep(arguments));
        assert!(said.contains(words), "{said}");
    }
    let unknown = sweep(&["--device", "cpu,tpu"]);
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert!(said.contains("`tpu` is not a device"), "{said}");
}

#[test]
fn a_job_that_fails_is_named_and_stops_no_other() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    mvtec(root, &["bottle", "screw"]);
    fs::write(root.join("bottle/train/good/00.png"), "no image").unwrap();
    let output = sweep(root, &["--vary", "category=bottle,screw", "--data", "."]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(
        said.contains("bottle: ") && said.contains("00.png"),
        "{said}"
    );
    assert!(said.contains("1 of 2 jobs failed"), "{said}");
    assert!(stdout(&output).contains("| bottle   | –"), "{output:?}");
    for (arguments, words) in [
        (&["table9", "--data", "."][..], "table9 is no preset"),
        (&["--vary", "item=1", "--data", "."], "unknown field `item`"),
        (&["table3", "--data", "nowhere"], "nowhere"),
        (
            &["table3", "--data", ".", "--variant", "GAN"],
            "there are: AE, MemAE",
        ),
    ] {
        let said = error(&sweep(root, arguments));
        assert!(said.contains(words), "{said}");
    }
}
