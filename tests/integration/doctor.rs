//! `daad doctor`: compares devices with the CPU, each in its own process.

use std::path::Path;

use crate::common::{objects, run, stdout};

#[test]
fn the_cpu_is_fit_to_train_on() {
    let output = run(Path::new("."), &["doctor", "--json", "--device", "cpu"]);
    assert!(output.status.success(), "{output:?}");
    let finding = objects(&output).remove(0);
    assert_eq!(
        finding["step"], 0.0,
        "the CPU is what devices are compared with"
    );
    assert!(finding["complaint"].is_null(), "{finding}");
}

#[test]
fn the_doctor_says_what_is_wrong_with_a_device_and_goes_on() {
    let doctor = ["doctor", "--device", "gpu:99", "--device", "cpu"];
    let output = run(Path::new("."), &doctor);
    assert_eq!(output.status.code(), Some(1));
    let table = stdout(&output);
    for words in ["there is no GPU 99", "fit to train on ("] {
        assert!(table.contains(words), "{table}");
    }
}
