//! Events as owned values, and as names.

use std::borrow::Cow;

use adieu_core::{Chunk, Event, Message};

/// One line: `text hi`, `request /chat`, `closing`, `pong 0`.
pub(crate) fn event_name(event: &Event<'_>) -> String {
    match event {
        Event::Request(request) => format!("request {}", request.target),
        Event::Open(_) => "open".to_owned(),
        Event::Message(message) if message.len() > 40 => format!("message [{}]", message.len()),
        Event::Message(Message::Text(text)) => format!("text {text}").trim_end().to_owned(),
        Event::Message(Message::Binary(payload)) => format!("binary {payload:?}"),
        Event::Chunk(chunk) => format!("chunk {}", String::from_utf8_lossy(&chunk.payload)),
        Event::Closing => "closing".to_owned(),
        Event::Pong(pong) => format!("pong {}", pong.id),
        Event::Drained => "drained".to_owned(),
        Event::Closed(_) => "closed".to_owned(),
        other => panic!("an event that these tests do not know: {other:?}"),
    }
}

/// The same event on its own.
pub(crate) fn own(event: Event<'_>) -> Event<'static> {
    match event {
        Event::Message(message) => Event::Message(message.into_owned()),
        Event::Chunk(Chunk { kind, payload, start, end }) => {
            Event::Chunk(Chunk { kind, payload: Cow::Owned(payload.into_owned()), start, end })
        }
        Event::Request(request) => Event::Request(request),
        Event::Open(response) => Event::Open(response),
        Event::Closing => Event::Closing,
        Event::Pong(pong) => Event::Pong(pong),
        Event::Drained => Event::Drained,
        Event::Closed(closed) => Event::Closed(closed),
        other => panic!("an event that these tests do not know: {other:?}"),
    }
}
