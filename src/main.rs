//! `daad`: train, evaluate and use Divide-and-Assemble anomaly detection from the command line.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
