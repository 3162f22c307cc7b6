//! The device servers that a command computes on: watched while it does, and missed in a sentence.

use std::fs;
use std::panic;
use std::path::PathBuf;
use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use daad::train::caught::caught;
use daad::train::{CONNECT_PATIENCE, DeviceChoice, Probe, read_progress};

use super::args::Command;
use super::output::note;
use super::session::checkpoint_path;

/// How long a server may be silent where nobody says, in seconds.
pub(crate) const PATIENCE_S: u16 = 60;

/// Between two looks at a server that answers.
const INTERVAL: Duration = Duration::from_secs(10);

/// What a command computes on, as far as other processes host it.
#[derive(Clone)]
pub(crate) struct Servers {
    /// By address.
    probes: Vec<(String, Probe)>,
    patience: Duration,
    /// Where the command trains: the checkpoint.
    checkpoint: Option<PathBuf>,
    began: SystemTime,
}

impl Servers {
    pub(crate) fn of(command: &Command) -> Self {
        let (devices, patience_s) = command.devices();
        // Those that are not there when it begins, connecting names.
        let watched = |device: &DeviceChoice| match device {
            DeviceChoice::Remote(address) => {
                let probe = Probe::new(address).ok()?;
                probe.ask(CONNECT_PATIENCE).ok()?;
                Some((address.clone(), probe))
            }
            _ => None,
        };
        Self {
            probes: devices.iter().filter_map(watched).collect(),
            patience: Duration::from_secs(patience_s.into()),
            checkpoint: match command {
                Command::Train(args) => Some(checkpoint_path(&args.out)),
                _ => None,
            },
            began: SystemTime::now(),
        }
    }

    /// Runs `work`. Where a server is lost meanwhile that is an error which says how to go on; where
    /// one falls silent, the work can never end, and so the process does.
    pub(crate) fn watch<T>(self, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        if self.probes.is_empty() {
            return work().map_err(|error| self.explained(error));
        }
        let is_over = Arc::new(Mutex::new(false));
        for (address, probe) in self.probes.clone() {
            let (servers, is_over) = (self.clone(), Arc::clone(&is_over));
            thread::spawn(move || servers.look_after(&address, &probe, &is_over));
        }
        // Burn's client panics where its server is gone, in several threads.
        let hook = panic::take_hook();
        panic::set_hook(Box::new(|_| ()));
        let result = caught(work);
        panic::set_hook(hook);
        let result = match result {
            Ok(result) => result.map_err(|error| self.explained(error)),
            Err(said) => Err(self.lost(&said)),
        };
        *is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        result
    }

    /// Until the server at `address` was silent for too long, or the work is over.
    fn look_after(&self, address: &str, probe: &Probe, is_over: &Mutex<bool>) {
        let mut heard = Instant::now();
        loop {
            thread::sleep(INTERVAL.min(self.patience / 4));
            if probe.ask(self.patience).is_ok() {
                heard = Instant::now();
            }
            let is_over = is_over.lock().unwrap_or_else(PoisonError::into_inner);
            if *is_over {
                return;
            }
            if heard.elapsed() >= self.patience {
                let seconds = self.patience.as_secs();
                note(&format!(
                    "\nerror: the device server at {address} has been silent for {seconds} s{}",
                    self.way_on().unwrap_or_default()
                ));
                // Whoever waits for it, inside Burn, cannot be woken.
                process::exit(1);
            }
        }
    }

    /// An error that comes of a lost server says so; one of any other device, how to go on.
    fn explained(&self, error: anyhow::Error) -> anyhow::Error {
        match error.downcast_ref() {
            Some(daad::Error::Device(_)) => self.lost(&format!("{error:#}")),
            _ => error,
        }
    }

    fn lost(&self, said: &str) -> anyhow::Error {
        let is_gone = |(_, probe): &&(String, Probe)| probe.ask(CONNECT_PATIENCE).is_err();
        let gone = self.probes.iter().filter(is_gone);
        let gone: Vec<&str> = gone.map(|(address, _)| address.as_str()).collect();
        let what = match gone[..] {
            [] => said.to_owned(),
            [address] => format!("the device server at {address} is gone"),
            _ => format!("the device servers at {} are gone", gone.join(" and ")),
        };
        anyhow::anyhow!("{what}{}", self.way_on().unwrap_or_default())
    }

    /// Where this command has left a checkpoint.
    fn way_on(&self) -> Option<String> {
        let checkpoint = self.checkpoint.as_ref()?;
        let written = fs::metadata(checkpoint).ok()?.modified().ok()?;
        let progress = read_progress(checkpoint).ok()?;
        // The file system's clock ticks more slowly.
        if written + Duration::from_secs(1) < self.began {
            return None;
        }
        let from = match progress.is_over() {
            true => "from the end of training".to_owned(),
            false => format!(
                "from epoch {}, step {}",
                progress.epoch + 1,
                progress.step + 1
            ),
        };
        Some(format!(
            "; the same command with --resume goes on {from}, on whatever device"
        ))
    }
}
