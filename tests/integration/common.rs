//! What several tests share: a data set and a model, the program, and what it prints.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use daad::dataset::{LabelledImage, SyntheticImages, Texture};
use serde_json::Value;
use tempfile::TempDir;

/// How long a test waits for an expected output, or for the end of a program.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) fn of_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

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

/// The data set, and a small model that has seen it once.
pub(crate) fn with_model() -> TempDir {
    let root = data();
    let output = train(root.path(), &["--epochs", "1"]);
    assert!(output.status.success(), "{output:?}");
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
    run(
        root,
        &[&["train", "--data", "."], &SMALL[..], extra].concat(),
    )
}

pub(crate) const SCORE: [&str; 5] = ["score", "--model", "model.safetensors", "--device", "cpu"];

pub(crate) fn score(root: &Path, extra: &[&str]) -> Output {
    run(root, &[&SCORE[..], extra].concat())
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The JSON objects that a program has printed, one a line.
pub(crate) fn objects(output: &Output) -> Vec<Value> {
    let printed = stdout(output);
    let lines = printed.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
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

/// The tensors' bytes without the metadata, which contain the command line and therefore differ.
pub(crate) fn weights(root: &Path, name: &str) -> Vec<u8> {
    let bytes = fs::read(root.join(name)).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[8 + header..].to_vec()
}

/// The lines of a pipe, as they come. They are read in a thread, because a program whose pipe is
/// full would block.
pub(crate) fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = send.send(line);
        }
    });
    receive
}

pub(crate) fn send(signal: &str, child: &Child) {
    let kill = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
}

/// Starts a program and sends it a signal when it has printed its first line; returns how it ended
/// and the number of lines that it has printed.
pub(crate) fn signalled(mut command: Command, signal: &str) -> (ExitStatus, usize) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let printed = lines(child.stdout.take().unwrap());
    let first = printed.recv_timeout(DEADLINE);
    send(signal, &child);
    let status = end(&mut child);
    first.expect("a line");
    (status, 1 + printed.iter().count())
}

/// Waits for the end of a program; a program that does not end is killed.
pub(crate) fn end(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > DEADLINE {
            child.kill().unwrap();
            panic!("it did not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
