//! The device servers that a command computes on: watched while it does, and missed in a sentence.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use daad::train::{DeviceChoice, probe, read_progress};

use super::args::Command;
use super::output::note;
use super::session::checkpoint_path;

/// How long a server may be silent where nobody says, in seconds.
pub(crate) const PATIENCE_S: u16 = 60;

/// Between two looks at a server that answers.
const INTERVAL: Duration = Duration::from_secs(10);

/// How long a server may take to answer before a command begins, and after it failed.
const SHORT: Duration = Duration::from_secs(2);

/// What a command computes on, as far as other processes host it.
#[derive(Clone)]
pub(crate) struct Servers {
    addresses: Vec<String>,
    patience: Duration,
    /// Where the command trains: the checkpoint.
    checkpoint: Option<PathBuf>,
    began: SystemTime,
}

impl Servers {
    pub(crate) fn of(command: &Command) -> Self {
        let (devices, patience_s) = command.devices();
        let address = |device: &DeviceChoice| match device {
            DeviceChoice::Remote(address) => Some(address.clone()),
            _ => None,
        };
        // Those that are not there when it begins, connecting names.
        let is_there = |address: &String| probe(address, SHORT).is_ok();
        let addresses = devices.iter().filter_map(address).filter(is_there);
        Self {
            addresses: addresses.collect(),
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
        if self.addresses.is_empty() {
            return work().map_err(|error| self.explained(error));
        }
        let is_over = Arc::new(Mutex::new(false));
        for address in self.addresses.clone() {
            let (servers, is_over) = (self.clone(), Arc::clone(&is_over));
            thread::spawn(move || servers.look_after(&address, &is_over));
        }
        // Burn's client panics where its server is gone.
        let said = Arc::new(Mutex::new(String::new()));
        let hook = panic::take_hook();
        let heard = Arc::clone(&said);
        panic::set_hook(Box::new(move |panic| {
            let mut said = heard.lock().unwrap_or_else(PoisonError::into_inner);
            if said.is_empty() {
                *said = panic.to_string();
            }
        }));
        let result = panic::catch_unwind(AssertUnwindSafe(work));
        panic::set_hook(hook);
        let result = match result {
            Ok(result) => result.map_err(|error| self.explained(error)),
            Err(_) => {
                let said = said.lock().unwrap_or_else(PoisonError::into_inner);
                Err(self.lost(&said))
            }
        };
        *is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        result
    }

    /// Until the server at `address` was silent for too long, or the work is over.
    fn look_after(&self, address: &str, is_over: &Mutex<bool>) {
        let mut heard = Instant::now();
        loop {
            thread::sleep(INTERVAL.min(self.patience / 4));
            if probe(address, self.patience).is_ok() {
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
        let is_gone = |address: &&String| probe(address, SHORT).is_err();
        let gone = self.addresses.iter().filter(is_gone);
        let gone: Vec<&str> = gone.map(String::as_str).collect();
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
