//! Where servers listen for clients, as people write it.

use std::net::{SocketAddr, ToSocketAddrs};

/// Why a list of endpoints is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// There is none in it.
    #[error("no endpoint is given: they are written 127.0.0.1:9001,127.0.0.1:9002")]
    Empty,
    /// One is no address.
    #[error(
        "`{endpoint}` is no endpoint, {error}: one is written 127.0.0.1:9001, where a server listens for clients"
    )]
    Malformed {
        /// What was written.
        endpoint: String,
        /// What is wrong with it.
        error: String,
    },
}

/// Reads `127.0.0.1:9001,localhost:9002`, each with `http://` before it or not. Names are looked up.
///
/// # Errors
///
/// If there is none, or one is no address.
pub fn endpoints(text: &str) -> Result<Vec<SocketAddr>, EndpointError> {
    let mut found = Vec::new();
    for endpoint in text.split(',').map(str::trim).filter(|endpoint| !endpoint.is_empty()) {
        let malformed = |error: String| EndpointError::Malformed { endpoint: endpoint.to_string(), error };
        if endpoint.starts_with("https://") {
            return Err(malformed("servers do not speak TLS".to_string()));
        }
        let address = endpoint.strip_prefix("http://").unwrap_or(endpoint).trim_end_matches('/');
        let all: Vec<_> = address.to_socket_addrs().map_err(|error| malformed(error.to_string()))?.collect();
        // Who writes `localhost` means what servers print, which is 127.0.0.1.
        let chosen = all.iter().find(|address| address.is_ipv4()).or(all.first());
        let chosen = chosen.filter(|address| address.port() != 0);
        let chosen = *chosen.ok_or_else(|| malformed("it has no port".to_string()))?;
        if !found.contains(&chosen) {
            found.push(chosen);
        }
    }
    if found.is_empty() { Err(EndpointError::Empty) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_with_or_without_a_scheme_and_each_once() {
        let read = endpoints("127.0.0.1:9001, http://127.0.0.1:9002/,127.0.0.1:9001").unwrap();
        assert_eq!(read, ["127.0.0.1:9001", "127.0.0.1:9002"].map(|address| address.parse().unwrap()));
    }

    #[test]
    fn what_is_no_endpoint_is_refused_in_a_sentence() {
        assert_eq!(endpoints(" , "), Err(EndpointError::Empty));
        let says = |text: &str| endpoints(text).unwrap_err().to_string();
        assert!(says("127.0.0.1").starts_with("`127.0.0.1` is no endpoint"));
        assert!(says("https://127.0.0.1:9001").contains("do not speak TLS"));
        assert!(says("127.0.0.1:0").contains("it has no port"));
    }
}
