//! Who the other servers are and where they listen: the flag that names a new cluster, and the book of addresses that
//! grows with it.
//!
//! Raft's configurations hold names and no addresses, since it never sends anything itself. A founder is told the
//! addresses of all founders by a flag. Of a server that joins later, the others learn it from an entry of the log that
//! comes before the one that adds it; so the book belongs to the state machine, and is in its snapshots.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use raftlab_core::NodeId;
use serde::{Deserialize, Serialize};

/// Where one server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    /// For other servers, over UDP.
    pub peer: SocketAddr,
    /// For clients, over HTTP, if that is known here.
    pub http: Option<SocketAddr>,
}

/// Where servers listen, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peers(BTreeMap<NodeId, Address>);

/// Why a name or a list of servers is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeersError {
    /// A server is called `n` and a number.
    #[error("`{0}` is no name of a server: they are called n1, n2 and on")]
    Name(String),
    /// There is no `=` in it.
    #[error("`{0}` says no address: a server is written n1=127.0.0.1:7001")]
    NoAddress(String),
    /// It is none.
    #[error(
        "`{address}` is no address of {server}: one is written 127.0.0.1:7001, with a port that is not 0"
    )]
    Address {
        /// Whose it was to be.
        server: NodeId,
        /// What was written.
        address: String,
    },
    /// A name comes twice.
    #[error("{0} is there twice")]
    Twice(NodeId),
    /// Two servers would hear what is said to one.
    #[error("{0} and {1} have the same address, {2}")]
    SameAddress(NodeId, NodeId, SocketAddr),
    /// The list is empty.
    #[error("no server is named: a cluster is written n1=127.0.0.1:7001,n2=127.0.0.1:7002,n3=127.0.0.1:7003")]
    Empty,
}

/// Reads the name of a server: `n1`.
///
/// # Errors
///
/// If it is none.
pub fn server_name(text: &str) -> Result<NodeId, PeersError> {
    let digits = text.strip_prefix('n').filter(|digits| !digits.starts_with(['0', '+']));
    let id = digits.and_then(|digits| digits.parse().ok());
    id.map(NodeId).ok_or_else(|| PeersError::Name(text.to_string()))
}

impl Peers {
    /// Where `server` listens, if that is known.
    pub fn get(&self, server: NodeId) -> Option<Address> {
        self.0.get(&server).copied()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, Address)> + '_ {
        self.0.iter().map(|(server, address)| (*server, *address))
    }

    /// Their names, in ascending order.
    pub fn names(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.0.keys().copied()
    }

    /// From now on `server` listens there. What was known of its address for clients stays, if nothing new is said.
    pub fn insert(&mut self, server: NodeId, address: Address) {
        let http = address.http.or_else(|| self.get(server).and_then(|known| known.http));
        self.0.insert(server, Address { http, ..address });
    }

    /// Takes in what another book says; it is the newer one.
    pub fn extend(&mut self, newer: &Peers) {
        newer.iter().for_each(|(server, address)| self.insert(server, address));
    }

    /// Two servers at one address, if there are.
    fn clash(&self) -> Option<PeersError> {
        let mut seen = BTreeMap::new();
        self.iter().find_map(|(server, address)| {
            let other = seen.insert(address.peer, server)?;
            Some(PeersError::SameAddress(other, server, address.peer))
        })
    }
}

impl FromStr for Peers {
    type Err = PeersError;

    /// Reads `n1=127.0.0.1:7001,n2=127.0.0.1:7002`, each with `@` and the address for clients behind it if wanted.
    fn from_str(text: &str) -> Result<Peers, PeersError> {
        let mut peers = Peers::default();
        for server in text.split(',').map(str::trim).filter(|server| !server.is_empty()) {
            let (name, addresses) =
                server.split_once('=').ok_or_else(|| PeersError::NoAddress(server.to_string()))?;
            let name = server_name(name.trim())?;
            let (peer, http) = match addresses.split_once('@') {
                Some((peer, http)) => (peer, Some(address(name, http)?)),
                None => (addresses, None),
            };
            let address = Address { peer: address(name, peer)?, http };
            if peers.0.insert(name, address).is_some() {
                return Err(PeersError::Twice(name));
            }
        }
        if peers.0.is_empty() {
            return Err(PeersError::Empty);
        }
        peers.clash().map_or(Ok(peers), Err)
    }
}

fn address(server: NodeId, text: &str) -> Result<SocketAddr, PeersError> {
    let read = text.trim().parse().ok().filter(|address: &SocketAddr| address.port() != 0);
    read.ok_or_else(|| PeersError::Address { server, address: text.trim().to_string() })
}

impl fmt::Display for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (server, Address { peer, http })) in self.iter().enumerate() {
            write!(f, "{}{server}={peer}", if at > 0 { "," } else { "" })?;
            http.map_or(Ok(()), |http| write!(f, "@{http}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_again() {
        let text = "n1=127.0.0.1:7001@127.0.0.1:9001,n2=127.0.0.1:7002,n10=[::1]:7010";
        let peers: Peers = text.parse().unwrap();
        assert_eq!(peers.to_string(), text);
        assert_eq!(peers.names().collect::<Vec<_>>(), [1, 2, 10].map(NodeId));
        assert_eq!(peers.get(NodeId(1)).unwrap().http, Some("127.0.0.1:9001".parse().unwrap()));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let says = |text: &str| text.parse::<Peers>().unwrap_err().to_string();
        assert_eq!(says("a=127.0.0.1:7001"), "`a` is no name of a server: they are called n1, n2 and on");
        assert_eq!(says("n01=127.0.0.1:7001"), "`n01` is no name of a server: they are called n1, n2 and on");
        assert!(says("n1").contains("says no address"));
        assert!(says("n1=localhost").contains("`localhost` is no address of n1"));
        assert!(says("n1=127.0.0.1:0").contains("a port that is not 0"));
        assert_eq!(says("n1=127.0.0.1:1,n1=127.0.0.1:2"), "n1 is there twice");
        assert_eq!(says("n1=127.0.0.1:1,n2=127.0.0.1:1"), "n1 and n2 have the same address, 127.0.0.1:1");
        assert!(says(" , ").contains("no server is named"));
    }

    #[test]
    fn a_newer_address_keeps_what_it_does_not_say() {
        let mut peers: Peers = "n1=127.0.0.1:1@127.0.0.1:2".parse().unwrap();
        peers.extend(&"n1=127.0.0.1:3,n2=127.0.0.1:4".parse().unwrap());
        assert_eq!(peers.to_string(), "n1=127.0.0.1:3@127.0.0.1:2,n2=127.0.0.1:4");
    }
}
