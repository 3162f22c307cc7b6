//! Training on a device that another process hosts.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use daad::train::Records;

use crate::cli::{data, error, run};

/// Ends with the test.
struct Server {
    process: Child,
    device: String,
}

impl Server {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_daad"))
            .args(["device-server", "--port", "0", "--device", "cpu"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        lines.read_line(&mut line).unwrap();
        let device = line.trim().strip_prefix("--device ").unwrap().to_owned();
        // Whatever it says later must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Self { process, device }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn arguments<'a>(device: &'a str, epochs: &'a str, out: &'a str) -> Vec<&'a str> {
    let small = "train --data . --size 32 --width 2 --scales 2 --items 8 --division 4 \
        --learning-rate 1e-3";
    let own = ["--device", device, "--epochs", epochs, "--out", out];
    small.split_whitespace().chain(own).collect()
}

#[test]
fn a_device_server_gives_the_local_loss_curve_within_rounding() {
    let root = data();
    let root = root.path();
    let server = Server::start();
    for (device, out) in [
        ("cpu", "here.safetensors"),
        (&server.device, "there.safetensors"),
    ] {
        let output = run(root, &arguments(device, "5", out));
        assert!(output.status.success(), "{output:?}");
    }
    assert_same_curve(root, "here.safetensors", "there.safetensors", 5);
}

fn assert_same_curve(root: &Path, one: &str, other: &str, epochs: usize) {
    let curve = |name: &str| Records::beside(&root.join(name)).read_losses().unwrap();
    let (one, other) = (curve(one), curve(other));
    assert_eq!((one.len(), other.len()), (epochs, epochs));
    for (one, other) in one.iter().zip(&other) {
        for (one, other) in one.losses.to_array().iter().zip(other.losses.to_array()) {
            assert!((one - other).abs() <= 1e-4 * one.abs(), "{one} {other}");
        }
    }
}

#[test]
fn devices_that_share_batches_give_one_curve_wherever_they_are() {
    let root = data();
    let root = root.path();
    let servers = [Server::start(), Server::start()];
    let [first, second] = servers.each_ref().map(|server| server.device.as_str());
    for (devices, out) in [
        (format!("{first},{second}"), "both-there.safetensors"),
        (format!("cpu,{second}"), "one-there.safetensors"),
    ] {
        let output = run(root, &arguments(&devices, "3", out));
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(" + remote, "), "{said}");
    }
    assert_same_curve(root, "both-there.safetensors", "one-there.safetensors", 3);
    // Of several devices too, one that is gone is named.
    drop(servers);
    let nobody = error(&run(
        root,
        &arguments("cpu,remote:127.0.0.1:1", "1", "x.safetensors"),
    ));
    assert!(
        nobody.contains("no device server at 127.0.0.1:1"),
        "{nobody}"
    );
    let twice = error(&run(root, &arguments("cpu,cpu", "1", "x.safetensors")));
    assert!(twice.contains("--device cpu is there twice"), "{twice}");
}

/// Starts a run that does not end, and waits until an epoch is done.
fn under_way(root: &Path, devices: &str, more: &[&str]) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_daad"))
        .current_dir(root)
        .args(arguments(devices, "100000", "model.safetensors"))
        .arg("--json")
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut line).unwrap();
    assert!(line.contains("\"epoch\":1"), "{line}");
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    child
}

#[test]
fn one_of_several_servers_that_dies_is_named() {
    let root = data();
    let root = root.path();
    for is_first in [true, false] {
        let (dies, stays) = (Server::start(), Server::start());
        let devices = match is_first {
            true => format!("{},{}", dies.device, stays.device),
            false => format!("{},{}", stays.device, dies.device),
        };
        let address = dies.device["remote:".len()..].to_owned();
        let child = under_way(root, &devices, &["--overwrite"]);
        drop(dies);
        let output = wait(child);
        assert_eq!(output.status.code(), Some(1));
        let said = error(&output);
        let gone = format!("the device server at {address} is gone");
        assert!(said.contains(&gone), "{said}");
        assert!(said.contains("--resume goes on from epoch"), "{said}");
    }
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let root = data();
    let root = root.path();
    let server = Server::start();
    let child = under_way(root, &server.device, &["--server-timeout", "2"]);
    let stop = Command::new("kill")
        .args(["-STOP", &server.process.id().to_string()])
        .status();
    assert!(stop.unwrap().success());
    let output = wait(child);
    assert_eq!(output.status.code(), Some(1));
    let said = error(&output);
    assert!(said.contains("has been silent for 2 s; "), "{said}");
    assert!(said.contains("--resume goes on from epoch"), "{said}");
}

#[test]
fn a_server_that_dies_is_an_error_and_leaves_a_checkpoint_to_go_on_from() {
    let root = data();
    let root = root.path();
    let server = Server::start();
    let child = under_way(root, &server.device, &[]);
    drop(server);
    let output = wait(child);
    let said = error(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("is gone") && said.contains("--resume"),
        "{said}"
    );

    let resumed = [
        "--resume", "--device", "cpu", "--data", ".", "--epochs", "100001",
    ];
    assert!(root.join("model.safetensors.checkpoint").exists());
    let mut child = Command::new(env!("CARGO_BIN_EXE_daad"))
        .current_dir(root)
        .arg("train")
        .args(resumed)
        .args(["--stop-at-eof"])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It goes on, and stops at once, as nobody holds its input.
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

/// Its output, unless it hangs.
fn wait(mut child: Child) -> std::process::Output {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(60), "it hangs");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

#[test]
fn the_doctor_compares_devices_with_the_cpu() {
    let server = Server::start();
    let doctor = [
        "doctor",
        "--json",
        "--device",
        "cpu",
        "--device",
        &server.device,
    ];
    let output = run(Path::new("."), &doctor);
    assert!(output.status.success(), "{output:?}");
    let lines = crate::cli::stdout(&output);
    let findings: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(findings.len(), 2);
    assert_eq!(
        findings[0]["step"], 0.0,
        "the CPU is what it is compared with"
    );
    for finding in &findings {
        assert!(finding["complaint"].is_null(), "{finding}");
        assert!(finding["gradients"].as_f64().unwrap() < 1e-3, "{finding}");
    }
}

#[test]
fn the_doctor_says_what_is_wrong_with_a_device_and_goes_on() {
    // Where somebody answers, and computes nothing.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hangs = format!("remote:{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 6];
            stream.read_exact(&mut request).unwrap();
            if &request == b"GET / " {
                stream.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").unwrap();
            } else {
                open.push(stream);
            }
        }
    });
    let mut doctor = vec!["doctor", "--time-limit", "2"];
    for device in ["gpu:99", &hangs, "cpu"] {
        doctor.extend(["--device", device]);
    }
    let output = run(Path::new("."), &doctor);
    assert_eq!(output.status.code(), Some(1));
    let table = crate::cli::stdout(&output);
    for words in [
        "there is no GPU 99",
        "no answer within 2 s",
        "fit to train on (",
    ] {
        assert!(table.contains(words), "{table}");
    }
}

#[test]
fn a_device_server_says_where_it_cannot_listen() {
    let server = Server::start();
    let port = server.device.rsplit(':').next().unwrap();
    let second = run(
        Path::new("."),
        &["device-server", "--port", port, "--device", "cpu"],
    );
    assert!(error(&second).contains("cannot listen at 127.0.0.1:"));
}
