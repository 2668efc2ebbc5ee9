//! What happens to a server, as it happens: server-sent events.

use std::convert::Infallible;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_stream::{Stream, StreamExt};

use super::App;

/// `GET /events`
pub async fn events(State(app): State<App>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = BroadcastStream::new(app.handle.shared().events()).map(|event| {
        let event = match event {
            Ok(event) => {
                let kind = event.kind.clone();
                Event::default().event(kind).json_data(&event)
            }
            // Who reads slowly is told how many it missed.
            Err(BroadcastStreamRecvError::Lagged(missed)) => {
                Event::default().event("missed").json_data(missed)
            }
        };
        Ok(event.unwrap_or_else(|_| Event::default().comment("an event that could not be written")))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
