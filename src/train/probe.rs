//! Whether a device server is there, asked beside what it is computing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long a server may take to answer at all.
pub const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// Where a device server is asked for a sign of life.
#[derive(Debug, Clone)]
pub struct Probe {
    host: String,
    sockets: Vec<SocketAddr>,
}

impl Probe {
    /// Of the server at `HOST:PORT`. The name is looked up now, and no more: what is computed there
    /// goes on where the name service fails.
    ///
    /// # Errors
    ///
    /// Why that is no address.
    pub fn new(address: &str) -> Result<Self, String> {
        let sockets = address.to_socket_addrs();
        Ok(Self {
            host: address.to_owned(),
            sockets: sockets.map_err(|error| error.to_string())?.collect(),
        })
    }

    /// Asks: as the server speaks HTTP, for any answer to a request. One that was stopped, or whose
    /// machine is gone, takes connections or nothing at all, and gives none.
    ///
    /// # Errors
    ///
    /// Why it seems not to be there.
    pub fn ask(&self, patience: Duration) -> Result<(), String> {
        let mut reason = "the name has no address".to_owned();
        for socket in &self.sockets {
            match ask(socket, &self.host, patience) {
                Ok(()) => return Ok(()),
                Err(error) => reason = error,
            }
        }
        Err(reason)
    }
}

fn ask(socket: &SocketAddr, host: &str, patience: Duration) -> Result<(), String> {
    use std::io::ErrorKind::{TimedOut, WouldBlock};

    let silent = || format!("it has not answered for {} s", patience.as_secs_f32());
    let failed = |error: std::io::Error| match error.kind() {
        TimedOut | WouldBlock => silent(),
        _ => error.to_string(),
    };
    let mut stream = TcpStream::connect_timeout(socket, patience).map_err(failed)?;
    stream.set_read_timeout(Some(patience)).map_err(failed)?;
    stream.set_write_timeout(Some(patience)).map_err(failed)?;
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).map_err(failed)?;
    match &answer {
        b"HTTP/" => Ok(()),
        _ => Err("something else listens there".into()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    const SHORT: Duration = Duration::from_millis(200);

    fn ask_once(address: &str) -> Result<(), String> {
        Probe::new(address)?.ask(SHORT)
    }

    /// The address of one who gives every request this answer.
    fn answering(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 1000]);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        address
    }

    #[test]
    fn who_answers_is_there() {
        ask_once(&answering("HTTP/1.1 404 Not Found\r\n\r\n")).unwrap();
        let error = ask_once(&answering("220 mail\r\n")).unwrap_err();
        assert!(error.contains("something else"), "{error}");
    }

    #[test]
    fn who_only_listens_is_not_there() {
        // The system takes the connection.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let error = ask_once(&address).unwrap_err();
        assert!(error.contains("not answered for 0.2 s"), "{error}");
    }

    #[test]
    fn nobody_and_no_address_are_said() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        assert!(ask_once(&address).unwrap_err().contains("refused"));
        assert!(ask_once("no port").is_err());
    }
}
