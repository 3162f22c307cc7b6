//! Use with a camera and by another program: `daad score --watch` and `--json-lines`.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::Receiver;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::common::{DEADLINE, SCORE, daad, end, error, lines, objects, score, send, with_model};

/// A running `daad score`.
struct Running {
    child: Child,
    printed: Receiver<String>,
    said: Receiver<String>,
}

impl Running {
    fn start(root: &Path, arguments: &[&str]) -> Self {
        let mut child = daad(root, &[&SCORE[..], arguments].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            printed: lines(child.stdout.take().unwrap()),
            said: lines(child.stderr.take().unwrap()),
            child,
        }
    }

    /// Watches the folder `in`, and waits until the program is ready.
    fn watch(root: &Path, arguments: &[&str]) -> Self {
        fs::create_dir_all(root.join("in")).unwrap();
        let running = Self::start(root, &[&["in", "--watch", "--json"], arguments].concat());
        running.says("Watching in for new images");
        running
    }

    /// Waits for a line on standard error that contains `words`.
    fn says(&self, words: &str) -> String {
        loop {
            let line = self.said.recv_timeout(DEADLINE);
            let line = line.unwrap_or_else(|_| panic!("it never said {words:?}"));
            if line.contains(words) {
                return line;
            }
        }
    }

    fn answer(&self) -> Value {
        let line = self.printed.recv_timeout(DEADLINE).expect("a line");
        serde_json::from_str(&line).unwrap()
    }

    /// Waits for the line of the next image and returns the image's path.
    fn scored(&self) -> String {
        self.answer()["path"].as_str().unwrap().to_owned()
    }

    fn ask(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
    }

    /// Waits for the end of the program, and checks that it has printed nothing more.
    fn ended(mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        let status = end(&mut self.child);
        let rest: Vec<String> = self.printed.iter().collect();
        assert!(rest.is_empty(), "{rest:?}");
        status
    }

    #[cfg(unix)]
    fn ended_by(self, signal: &str) -> ExitStatus {
        send(signal, &self.child);
        self.ended()
    }
}

fn image(root: &Path, index: usize) -> Vec<u8> {
    fs::read(root.join(format!("test/good/{index:02}.png"))).unwrap()
}

#[test]
#[cfg(unix)]
fn what_a_camera_writes_is_scored_once() {
    let root = with_model();
    let root = root.path();
    fs::create_dir_all(root.join("in/inner")).unwrap();
    fs::write(root.join("in/old.png"), image(root, 0)).unwrap();
    let running = Running::start(root, &["in", "--watch", "--json"]);
    running.says("1 folder is not read: inner.");
    assert!(
        running
            .says("Watching")
            .contains("image that is there already is passed over")
    );
    // Subfolders, other files and temporary names are not watched.
    for other in [
        "inner/a.png",
        ".hidden.png",
        "a.png.part",
        "a.tmp",
        "notes.txt",
    ] {
        fs::write(root.join("in").join(other), image(root, 1)).unwrap();
    }
    fs::write(root.join("in/z.png"), image(root, 0)).unwrap();
    assert_eq!(running.scored(), "in/z.png");
    // A file that is renamed to its final name.
    fs::rename(root.join("in/a.png.part"), root.join("in/a.png")).unwrap();
    assert_eq!(running.scored(), "in/a.png");
    // Many files at the same time.
    let names: Vec<String> = (0..40).map(|at| format!("in/{at:02}.png")).collect();
    for (at, name) in names.iter().enumerate() {
        fs::write(root.join(name), image(root, at % 4)).unwrap();
    }
    let mut scored: Vec<String> = names.iter().map(|_| running.scored()).collect();
    scored.sort();
    assert_eq!(scored, names);
    assert_eq!(running.ended_by("-INT").code(), Some(130));
}

#[test]
#[cfg(unix)]
fn a_file_is_scored_when_it_is_complete_and_again_when_it_is_overwritten() {
    let root = with_model();
    let root = root.path();
    let running = Running::watch(root, &[]);
    let bytes = image(root, 0);
    let slow = root.join("in/slow.png");
    // A camera that pauses in the middle of a file, while another file arrives.
    let mut file = fs::File::create(&slow).unwrap();
    file.write_all(&bytes[..bytes.len() / 2]).unwrap();
    file.sync_all().unwrap();
    fs::write(root.join("in/other.png"), image(root, 1)).unwrap();
    assert_eq!(running.scored(), "in/other.png");
    file.write_all(&bytes[bytes.len() / 2..]).unwrap();
    drop(file);
    let first = running.answer();
    assert_eq!(first["path"], "in/slow.png");
    // Another image with the same name.
    fs::write(&slow, image(root, 2)).unwrap();
    let second = running.answer();
    assert_eq!(second["path"], "in/slow.png");
    assert_ne!(second["score"], first["score"]);
    // A file that is not an image is reported once, and is scored if it later becomes an image.
    let broken = root.join("in/broken.png");
    fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
    assert!(running.says("broken.png").contains("cannot use this image"));
    fs::write(&broken, &bytes).unwrap();
    let third = running.answer();
    assert_eq!(third["path"], "in/broken.png");
    assert_eq!(third["score"], first["score"]);
    // A file that is removed before it is scored is reported, and its name can be used again.
    fs::write(root.join("in/gone.png"), &bytes[..bytes.len() / 2]).unwrap();
    fs::write(root.join("in/after.png"), &bytes).unwrap();
    assert_eq!(running.scored(), "in/after.png");
    fs::remove_file(root.join("in/gone.png")).unwrap();
    running.says("gone.png: gone before it was scored");
    fs::write(root.join("in/gone.png"), &bytes).unwrap();
    assert_eq!(running.scored(), "in/gone.png");
    // Files that were scored can be removed.
    for name in ["gone", "after", "broken", "other", "slow"] {
        fs::remove_file(root.join(format!("in/{name}.png"))).unwrap();
    }
    fs::write(root.join("in/other.png"), &bytes).unwrap();
    assert_eq!(running.scored(), "in/other.png");
    assert_eq!(running.ended_by("-TERM").code(), Some(130));
}

#[test]
#[cfg(unix)]
fn heat_maps_in_the_folder_watched_are_not_scored() {
    let root = with_model();
    let root = root.path();
    let running = Running::watch(root, &["--heat-maps", "in"]);
    for name in ["a", "b"] {
        fs::write(root.join(format!("in/{name}.png")), image(root, 0)).unwrap();
        assert_eq!(running.scored(), format!("in/{name}.png"));
    }
    // An overwritten image keeps the name of its heat map. An image with another ending has its own
    // heat map.
    fs::write(root.join("in/a.png"), image(root, 1)).unwrap();
    assert_eq!(running.scored(), "in/a.png");
    fs::write(root.join("in/a.jpg"), image(root, 1)).unwrap();
    assert_eq!(running.scored(), "in/a.jpg");
    fs::write(root.join("in/last.png"), image(root, 1)).unwrap();
    assert_eq!(running.scored(), "in/last.png");
    assert_eq!(running.ended_by("-TERM").code(), Some(130));
    let found = fs::read_dir(root.join("in")).unwrap();
    let mut maps: Vec<String> = found
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".heat.png"))
        .collect();
    maps.sort();
    assert_eq!(
        maps,
        ["a-2.heat.png", "a.heat.png", "b.heat.png", "last.heat.png"]
    );
}

#[test]
fn a_watched_folder_that_is_removed_ends_the_program_with_an_error() {
    let root = with_model();
    let root = root.path();
    let running = Running::watch(root, &[]);
    fs::remove_dir_all(root.join("in")).unwrap();
    running.says("error: cannot read folder in");
    assert_eq!(running.ended().code(), Some(1));
    let file = score(root, &["--watch", "test/good/00.png"]);
    assert!(error(&file).contains("--watch takes folders"));
}

#[test]
fn each_request_is_answered_by_one_line_in_order() {
    let root = with_model();
    let root = root.path();
    let mut running = Running::start(root, &["--json-lines"]);
    let mut expected = objects(&score(root, &["--json", "test/good/00.png"])).remove(0);

    running.ask(r#"{"path": "test/good/00.png"}"#);
    assert_eq!(running.answer(), expected);
    running.ask(r#"{"id": {"part": 7}, "path": "test/good/00.png", "heat_map": "map.png"}"#);
    expected["id"] = json!({"part": 7});
    assert_eq!(running.answer(), expected);
    let map = image::open(root.join("map.png")).unwrap();
    assert_eq!((map.width(), map.height()), (32, 32));
    let coded = STANDARD.encode(image(root, 0));
    running.ask(&json!({"id": "b", "image": coded}).to_string());
    expected["id"] = json!("b");
    expected.as_object_mut().unwrap().remove("path");
    assert_eq!(running.answer(), expected);

    for (request, id, words) in [
        ("no JSON", Value::Null, "not a JSON object"),
        ("[1]", Value::Null, "not a JSON object"),
        ("\u{1}", Value::Null, "not a JSON object"),
        (r#"{"id": 1}"#, json!(1), "either path or image"),
        (
            r#"{"id": 2, "path": "a", "image": "b"}"#,
            json!(2),
            "either path or image",
        ),
        (
            r#"{"id": 3, "file": "a.png"}"#,
            json!(3),
            "unknown field `file`",
        ),
        (
            r#"{"id": 4, "path": "none.png"}"#,
            json!(4),
            "cannot read none.png",
        ),
        (r#"{"id": 5, "path": "-"}"#, json!(5), "cannot read -"),
        (r#"{"id": 6, "image": "?"}"#, json!(6), "not base64"),
        (
            r#"{"id": 7, "image": "bm9uZQ=="}"#,
            json!(7),
            "cannot use this image",
        ),
        (
            r#"{"id": 8, "path": "test/good/00.png", "heat_map": "test"}"#,
            json!(8),
            "cannot write test",
        ),
        (
            r#"{"id": 9, "path": "test/good/00.png", "heat_map": "test/../test/good/00.png"}"#,
            json!(9),
            "names the image itself",
        ),
    ] {
        running.ask(request);
        let answer = running.answer();
        assert_eq!(answer["id"], id, "{request}");
        assert!(
            answer["error"].as_str().unwrap().contains(words),
            "{answer}"
        );
    }
    // A line of 65 MiB, and a last line without a line break.
    let input = running.child.stdin.as_mut().unwrap();
    let mebibyte = vec![b'a'; 1 << 20];
    (0..65).for_each(|_| input.write_all(&mebibyte).unwrap());
    running.ask("");
    assert!(
        running.answer()["error"]
            .as_str()
            .unwrap()
            .contains("64 MiB")
    );
    running.ask("");
    let input = running.child.stdin.as_mut().unwrap();
    write!(input, r#"{{"id": 9, "path": "test/good/01.png"}}"#).unwrap();
    drop(running.child.stdin.take());
    assert_eq!(running.answer()["id"], 9);
    assert_eq!(running.ended().code(), Some(0));
}

#[test]
fn a_reader_that_closes_the_pipe_ends_the_program_quietly() {
    let root = with_model();
    let root = root.path();
    let mut child = daad(root, &[&SCORE[..], &["--json-lines"]].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    writeln!(input, r#"{{"path": "test/good/00.png"}}"#).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("error"), "{said}");
    drop(input);
}

/// After 2000 requests, the program uses no more memory than after 200.
#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_number_of_requests() {
    let root = with_model();
    let root = root.path();
    let mut running = Running::start(root, &["--json-lines"]);
    let request = json!({"image": STANDARD.encode(image(root, 0))}).to_string();
    let status = format!("/proc/{}/status", running.child.id());
    let held_kib = || -> u64 {
        let status = fs::read_to_string(&status).unwrap();
        let held = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        held.unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap()
    };
    let mut early_kib = 0;
    for count in 1..=2000 {
        running.ask(&request);
        running.answer();
        if count == 200 {
            early_kib = held_kib();
        }
    }
    let late_kib = held_kib();
    assert!(
        late_kib < early_kib + 8192,
        "{early_kib} KiB became {late_kib} KiB"
    );
    assert_eq!(running.ended().code(), Some(0));
}
