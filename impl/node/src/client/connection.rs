//! One connection to one server, kept between requests: HTTP/1.1, one request at a time.
//!
//! No task stands behind it: whoever waits for an answer moves the bytes meanwhile. So a request costs no hand-over
//! between tasks, and a connection that nobody uses costs nothing. What is told apart with care is whether a request
//! can have reached the server: one that never left can be sent again by anybody.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::outcome::Reason;
use crate::api::ErrorDocument;

/// The longest body that is read, in bytes, if it is no snapshot.
pub const BODY_BYTES_MAX: usize = 64 << 20;

/// What a request says.
#[derive(Clone, Debug)]
pub struct Message {
    /// `GET` or `POST`.
    pub method: Method,
    /// Where to.
    pub path: &'static str,
    /// JSON, or nothing. Its clones share the bytes.
    pub body: Bytes,
}

/// A server, and the connection to it while there is one.
#[derive(Debug)]
pub struct Connection {
    server: SocketAddr,
    headers: HeaderMap,
    /// It is large, and handed on with each request.
    link: Option<Box<Link>>,
}

/// A body that goes on: its connection is for nothing else.
#[derive(Debug)]
pub struct Stream {
    server: SocketAddr,
    io: Io,
    body: Incoming,
    /// The connection ends with it.
    _sender: http1::SendRequest<Full<Bytes>>,
}

#[derive(Debug)]
struct Link {
    sender: http1::SendRequest<Full<Bytes>>,
    io: Io,
}

/// What moves the bytes.
#[derive(Debug)]
struct Io {
    /// It goes when it is over: so whoever waits for it learns that.
    connection: Option<http1::Connection<TokioIo<TcpStream>, Full<Bytes>>>,
}

/// Why there is no answer yet.
#[derive(Debug)]
enum Lost {
    /// The request never left.
    Unsent(hyper::Error),
    /// It may have arrived.
    Sent(String),
}

impl Message {
    /// A question.
    pub fn get(path: &'static str) -> Message {
        Message { method: Method::GET, path, body: Bytes::new() }
    }

    /// A wish.
    ///
    /// # Panics
    ///
    /// If it has no form in JSON: all of `api.rs` have.
    pub fn post(path: &'static str, wish: &impl serde::Serialize) -> Message {
        let body = serde_json::to_vec(wish).expect("what the API takes has a form in JSON");
        Message { method: Method::POST, path, body: body.into() }
    }
}

impl Connection {
    /// Nothing is connected before it is needed.
    ///
    /// # Panics
    ///
    /// Never: an address can stand in a header.
    pub fn new(server: SocketAddr) -> Connection {
        let host = HeaderValue::try_from(server.to_string()).expect("an address is visible ASCII");
        let headers = HeaderMap::from_iter([
            (HOST, host),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ]);
        Connection { server, headers, link: None }
    }

    /// Where the server listens for clients.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// Asks, and gives the body of an answer with status 200.
    ///
    /// # Errors
    ///
    /// Whatever else came of it.
    pub async fn exchange(
        &mut self,
        message: &Message,
        body_bytes_max: usize,
        deadline: Instant,
    ) -> Result<Bytes, Reason> {
        let (status, body) = self.answer(message, body_bytes_max, deadline).await?;
        if status == 200 { Ok(body) } else { Err(self.refusal(status, &body)) }
    }

    /// Asks, and gives the answer, whatever its status.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub async fn answer(
        &mut self,
        message: &Message,
        body_bytes_max: usize,
        deadline: Instant,
    ) -> Result<(u16, Bytes), Reason> {
        let (began, mut is_sent) = (Instant::now(), false);
        let asked = self.ask(message, body_bytes_max, &mut is_sent);
        let answered = timeout_at(deadline, asked).await;
        answered.unwrap_or_else(|_| Err(self.too_late(is_sent, began.elapsed())))
    }

    /// Asks for a body that goes on.
    ///
    /// # Errors
    ///
    /// As of [`exchange`](Connection::exchange). The deadline is for the head of the answer.
    pub async fn stream(self, message: &Message, deadline: Instant) -> Result<Stream, Reason> {
        let (began, server) = (Instant::now(), self.server);
        let asked = async {
            let mut link = self.connect().await?;
            let sent = link.send(self.request(message)).await;
            let response = sent.map_err(|lost| lost.reason(server))?;
            let status = response.status().as_u16();
            if status == 200 {
                let Link { sender, io } = *link;
                return Ok(Stream { server, io, body: response.into_body(), _sender: sender });
            }
            let read = link.io.read(response.into_body(), BODY_BYTES_MAX).await;
            Err(self.refusal(status, &read.map_err(|lost| lost.reason(server))?))
        };
        let answered = timeout_at(deadline, asked).await;
        answered.unwrap_or_else(|_| Err(Reason::Silent { server, waited: began.elapsed() }))
    }

    /// The connection is put back only when it is at rest: who drops this future on the way drops it, too.
    async fn ask(
        &mut self,
        message: &Message,
        body_bytes_max: usize,
        is_sent: &mut bool,
    ) -> Result<(u16, Bytes), Reason> {
        let server = self.server;
        let mut link = self.link_at_rest().await?;
        *is_sent = true;
        let response = link.send(self.request(message)).await.map_err(|lost| lost.reason(server))?;
        let status = response.status().as_u16();
        let read = link.io.read(response.into_body(), body_bytes_max).await;
        let body = read.map_err(|lost| lost.reason(server))?;
        self.link = Some(link);
        Ok((status, body))
    }

    /// The connection that is there, if the server has not closed it meanwhile; else a new one.
    async fn link_at_rest(&mut self) -> Result<Box<Link>, Reason> {
        if let Some(mut link) = self.link.take()
            && link.io.drive(link.sender.ready()).await.is_ok()
        {
            return Ok(link);
        }
        self.connect().await
    }

    async fn connect(&self) -> Result<Box<Link>, Reason> {
        let server = self.server;
        let unreachable = |error: String| Reason::Unreachable { server, error };
        let stream = TcpStream::connect(server).await.map_err(|error| unreachable(error.to_string()))?;
        // A request is one write, and nothing follows that it could wait for.
        stream.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| unreachable(error.to_string()))?;
        Ok(Box::new(Link { sender, io: Io { connection: Some(connection) } }))
    }

    fn request(&self, message: &Message) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(message.body.clone()));
        *request.method_mut() = message.method.clone();
        *request.uri_mut() = Uri::from_static(message.path);
        *request.headers_mut() = self.headers.clone();
        request
    }

    fn too_late(&self, is_sent: bool, waited: Duration) -> Reason {
        let server = self.server;
        if is_sent {
            return Reason::Silent { server, waited };
        }
        Reason::Unreachable { server, error: format!("no connection within {} ms", waited.as_millis()) }
    }

    fn refusal(&self, status: u16, body: &[u8]) -> Reason {
        let server = self.server;
        match serde_json::from_slice(body) {
            Ok(ErrorDocument { code, error, leader: _, leader_http: leader }) => {
                Reason::Said { server, code, error, leader }
            }
            Err(_) => Reason::Unreadable { server, status },
        }
    }
}

impl Link {
    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<hyper::Response<Incoming>, Lost> {
        let sent = self.sender.try_send_request(request);
        self.io.drive(sent).await.map_err(|mut error| match error.take_message() {
            Some(_) => Lost::Unsent(error.into_error()),
            None => Lost::Sent(error.into_error().to_string()),
        })
    }
}

impl Io {
    /// Moves bytes until the future has what it waits for, or the connection's end has told it that nothing comes.
    async fn drive<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            // First, so that what arrived is there when it is looked for.
            self.connection.take_if(|connection| Pin::new(connection).poll(context).is_ready());
            future.as_mut().poll(context)
        })
        .await
    }

    /// A body that came in one piece is given as it came.
    async fn read(&mut self, mut body: Incoming, bytes_max: usize) -> Result<Bytes, Lost> {
        let (mut first, mut all) = (Bytes::new(), Vec::new());
        while !body.is_end_stream() {
            let Some(frame) = self.drive(body.frame()).await else { break };
            let frame = frame.map_err(|error| Lost::Sent(error.to_string()))?;
            let Ok(data) = frame.into_data() else { continue };
            if first.len().max(all.len()) + data.len() > bytes_max {
                return Err(Lost::Sent(format!("the answer is longer than {bytes_max} bytes")));
            }
            if first.is_empty() {
                first = data;
                continue;
            }
            if all.is_empty() {
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
        Ok(if all.is_empty() { first } else { all.into() })
    }
}

impl Stream {
    /// The next bytes; nothing when the server has ended it.
    ///
    /// # Errors
    ///
    /// If the connection breaks.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Reason> {
        let server = self.server;
        while let Some(frame) = self.io.drive(self.body.frame()).await {
            let frame = frame.map_err(|error| Reason::Broken { server, error: error.to_string() })?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

impl Lost {
    fn reason(self, server: SocketAddr) -> Reason {
        match self {
            Lost::Unsent(error) => Reason::Unreachable { server, error: error.to_string() },
            Lost::Sent(error) => Reason::Broken { server, error },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_did_not_leave_is_not_taken_for_sent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let connection = Connection::new(listener.local_addr().unwrap());
        let mut link = connection.connect().await.unwrap();
        drop(listener.accept().unwrap());
        // The end arrives before anybody asks for anything.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let lost = link.send(connection.request(&Message::get("/status"))).await.unwrap_err();
        assert!(matches!(lost, Lost::Unsent(_)));
        let reason = lost.reason(connection.server());
        assert!(matches!(reason, Reason::Unreachable { .. }) && !reason.may_be_done(), "{reason}");
    }
}
