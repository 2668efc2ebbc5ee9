//! Ports that nobody has, and that nobody is given while a server is down.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::ops::Range;

use crate::failure::Failure;

/// Where ports are looked for: below those that systems give to whoever asks for any (RFC 6335, section 6, and Linux'
/// `ip_local_port_range`), so that a server that was killed finds its own again.
const RANGE: Range<u16> = 10_000..32_000;

/// How many are tried.
const TRIES: usize = 1000;

/// Hands out ports on loopback, each once.
#[derive(Debug, Default)]
pub struct Ports {
    given: BTreeSet<u16>,
    /// Nobody listens there: they are names and nothing else, and always the same.
    are_made_up: bool,
}

impl Ports {
    /// Ports for servers that are simulated.
    pub fn made_up() -> Ports {
        Ports { given: BTreeSet::new(), are_made_up: true }
    }

    /// An address at which nobody listens, for datagrams nor for connections.
    ///
    /// # Errors
    ///
    /// If none is found.
    pub fn take(&mut self) -> Result<SocketAddr, Failure> {
        if self.are_made_up {
            let port = self.given.last().map_or(RANGE.start, |last| last + 1);
            self.given.insert(port);
            return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        }
        for _ in 0..TRIES {
            let drawn = RandomState::new().build_hasher().finish() % u64::from(RANGE.end - RANGE.start);
            let port = RANGE.start + u16::try_from(drawn).unwrap_or(0);
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            if !self.given.contains(&port) && is_free(address) {
                self.given.insert(port);
                return Ok(address);
            }
        }
        Err(Failure::io(format!("no free port was found between {} and {}", RANGE.start, RANGE.end)))
    }
}

fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_free_and_is_handed_out_once() {
        let mut ports = Ports::default();
        let taken: BTreeSet<_> = (0..50).map(|_| ports.take().unwrap()).collect();
        assert_eq!(taken.len(), 50);
        assert!(taken.iter().all(|address| RANGE.contains(&address.port())));
        let address = ports.take().unwrap();
        let _holds = UdpSocket::bind(address).unwrap();
        assert!(!is_free(address));
    }
}
