//! Devices that another process or machine hosts, by Burn's remote back end.
//!
//! Traffic is a WebSocket without encryption, and whoever reaches the port may compute: for trusted
//! networks only.

use std::net::{SocketAddr, TcpListener};

use burn::remote::RemoteHost;
use burn::server::{RemoteServer, WebSocketTransport};
use burn::tensor::Device;

use super::device::NamedDevice;
use super::probe::{CONNECT_PATIENCE, Probe};
use crate::error::{Error, Result};

/// The device at `HOST:PORT`.
pub(super) fn connect(address: &str) -> Result<NamedDevice> {
    let failed = |reason: String| {
        Error::Device(format!(
            "there is no device server at {address} ({reason}); start one there with \
             `daad device-server`"
        ))
    };
    // Burn's client would try for minutes.
    let probe = Probe::new(address).map_err(failed)?;
    probe.ask(CONNECT_PATIENCE).map_err(failed)?;
    let host = RemoteHost::websocket(&format!("ws://{address}"));
    let device = Device::remote_options(&host).init();
    Ok(NamedDevice {
        device: device.map_err(|error| failed(error.to_string()))?,
        name: format!("remote, {address}"),
        is_to_be_checked: true,
        server: Some(address.to_owned()),
        max_tensor_bytes: None,
    })
}

/// Hosts a device for other processes and machines.
#[derive(Debug)]
pub struct DeviceServer {
    listener: TcpListener,
}

impl DeviceServer {
    /// Listens at `HOST:PORT`; port 0 is any that is free.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where that address cannot be had.
    pub fn bind(address: &str) -> Result<Self> {
        let listener = TcpListener::bind(address);
        let failed = |error| Error::Device(format!("cannot listen at {address}: {error}"));
        Ok(Self {
            listener: listener.map_err(failed)?,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the system does not say.
    pub fn address(&self) -> Result<SocketAddr> {
        let failed = |error: std::io::Error| Error::Device(error.to_string());
        self.listener.local_addr().map_err(failed)
    }

    /// Computes on `device` for whoever asks, until Ctrl-C.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where it cannot be served.
    pub fn serve(self, device: Device) -> Result<()> {
        let transport = WebSocketTransport::from_listener(self.listener);
        let failed = |error: burn::server::ServeError| Error::Device(error.to_string());
        RemoteServer::new([device]).serve(transport).map_err(failed)
    }
}
