//! What happens to a server, as it tells it: server-sent events (HTML standard, section 9.2).

use super::connection::Stream;
use super::outcome::Reason;
use crate::api::EventDocument;

/// The longest line that is waited for, in bytes.
const LINE_BYTES_MAX: usize = 1 << 20;

/// A stream of events.
#[derive(Debug)]
pub struct Events {
    stream: Stream,
    lines: Lines,
}

/// Bytes that come in pieces, line by line.
#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    /// What is before was looked at.
    at: usize,
}

impl Events {
    pub(super) fn new(stream: Stream) -> Events {
        Events { stream, lines: Lines::default() }
    }

    /// The next event; nothing when the server has ended the stream. What it says that is no event, such as a comment
    /// by which it keeps the connection awake, is passed over.
    ///
    /// # Errors
    ///
    /// If the connection breaks.
    pub async fn next(&mut self) -> Result<Option<EventDocument>, Reason> {
        loop {
            while let Some(line) = self.lines.next() {
                if let Some(event) = line.strip_prefix(b"data:")
                    && let Ok(event) = serde_json::from_slice(event)
                {
                    return Ok(Some(event));
                }
            }
            match self.stream.next().await? {
                Some(bytes) => self.lines.push(&bytes),
                None => return Ok(None),
            }
        }
    }
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        // Nobody sends such a line who speaks of events: it is dropped, and what follows is read.
        if self.bytes.len() > LINE_BYTES_MAX {
            self.bytes.clear();
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line, without its end.
    fn next(&mut self) -> Option<&[u8]> {
        let rest = &self.bytes[self.at..];
        let len = rest.iter().position(|byte| *byte == b'\n')?;
        self.at += len + 1;
        Some(rest[..len].strip_suffix(b"\r").unwrap_or(&rest[..len]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_wherever_the_bytes_were_cut() {
        let text = b"data: {}\r\n\r\n: a comment\ndata: []\n";
        for cut in 0..text.len() {
            let (mut lines, mut read) = (Lines::default(), Vec::new());
            for part in [&text[..cut], &text[cut..]] {
                lines.push(part);
                while let Some(line) = lines.next() {
                    read.push(String::from_utf8(line.to_vec()).unwrap());
                }
            }
            assert_eq!(read, ["data: {}", "", ": a comment", "data: []"], "cut at {cut}");
        }
    }
}
