//! What the application wants.

use super::*;
use crate::handshake::{Accept, Request};
use crate::{AnswerError, Close, CloseCode, CloseError, Message, PingError, Pong, SendError, SendResult};

impl Connection {
    /// Asks for the next event that needs no input. Asking tells that the application is done with the message before
    /// (CLOSE.md rule 6).
    #[inline]
    pub fn poll_event(&mut self, now: Instant) -> Option<Event<'static>> {
        self.protocol.ask(now);
        self.settle(now);
        if self.has_event() { self.next_event(now) } else { None }
    }

    #[inline(never)]
    fn next_event(&mut self, now: Instant) -> Option<Event<'static>> {
        let greeting = self.greeting.take().map(|greeting| *greeting);
        let told = greeting.or_else(|| self.protocol.poll_event());
        told.or_else(|| self.take_held(now))
    }

    fn take_held(&mut self, now: Instant) -> Option<Event<'static>> {
        let inbox = self.inbox.as_mut()?;
        let (event, len) = inbox.pop()?;
        self.inbox.take_if(|inbox| inbox.is_empty());
        self.protocol.released(now, len);
        self.settle(now);
        Some(event)
    }

    /// Server: accepts the request. The connection is OPEN from here on (RFC 6455 §4.2.2).
    ///
    /// # Errors
    ///
    /// [`AnswerError`] if no request waits, it does not ask for WebSocket, or the subprotocol was not offered; nothing changed.
    pub fn accept(&mut self, now: Instant, answer: &Accept) -> Result<(), AnswerError> {
        let asked = self.asked().ok_or(AnswerError::NoRequest)?;
        // R9-02
        let (agreed, extensions) = deflate::answer(self.config(), &asked.headers).unzip();
        let head = answer.write(asked, &extensions.unwrap_or_default())?;
        let handshake = self.handshake.take();
        self.queue_head(now, &head);
        self.opened(now, agreed);
        if let Some(Handshake::Server(mut server)) = handshake.map(|handshake| *handshake) {
            self.handle_ahead(now, &mut server.early);
        }
        Ok(())
    }

    /// Server: refuses the request, or answers one that does not ask for WebSocket. The connection ends once the response
    /// is written; what the client sent behind its request is never interpreted.
    ///
    /// # Errors
    ///
    /// [`AnswerError::NoRequest`]; nothing changed.
    // R4.2.2-06
    pub fn reject(&mut self, now: Instant, answer: &Reject) -> Result<(), AnswerError> {
        let head_only = self.asked().ok_or(AnswerError::NoRequest)?.method == "HEAD";
        self.refuse(now, answer, head_only);
        self.settle(now);
        Ok(())
    }

    /// The request that waits for an answer.
    pub(super) fn asked(&self) -> Option<&Request> {
        let Some(Handshake::Server(server)) = self.handshake.as_deref() else { return None };
        server.asked.as_ref()
    }

    /// Queues a message.
    ///
    /// # Errors
    ///
    /// [`SendError`] tells why and gives the message back; nothing changed.
    #[inline]
    pub fn send<'m>(&mut self, now: Instant, message: impl Into<Message<'m>>) -> SendResult<'m> {
        self.queue(now, message.into(), true, false)
    }

    /// Queues a fragment: the first begins a message, the one with `end` finishes it. All fragments of a message give the same
    /// ticket.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_fragment<'m>(
        &mut self,
        now: Instant,
        part: impl Into<Message<'m>>,
        end: bool,
    ) -> SendResult<'m> {
        self.queue(now, part.into(), end, true)
    }

    // R6.1-01
    #[inline]
    fn queue<'m>(&mut self, now: Instant, message: Message<'m>, end: bool, fragment: bool) -> SendResult<'m> {
        let (opcode, ticket) = match self.protocol.send(now, message.kind(), end, fragment) {
            Ok(admitted) => admitted,
            Err(refusal) => return Err(SendError { refusal, message }),
        };
        let payload = match message {
            Message::Text(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
            Message::Text(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
            Message::Binary(bytes) => bytes,
        };
        self.queue_frame(now, end, opcode, payload);
        Ok(ticket)
    }

    /// Queues a Ping behind everything that is queued; its number comes back in [`Event::Pong`]. Left unanswered for
    /// `Config::pong_timeout` after its flush, it fails the connection.
    ///
    /// # Errors
    ///
    /// [`PingError`]; nothing changed.
    pub fn ping(&mut self, now: Instant) -> Result<u64, PingError> {
        let id = self.protocol.ping(self.buffered() - self.outbox.committed_len())?;
        self.queue_frame(now, true, Opcode::Ping, Cow::Borrowed(&id.to_be_bytes()));
        Ok(id)
    }

    /// Takes the answer to a Ping, without asking for an event.
    pub fn poll_pong(&mut self) -> Option<Pong> {
        self.protocol.take_pong()
    }

    /// Queues an unsolicited Pong (RFC 6455 §5.5.3) of at most 125 bytes; the latest wins.
    ///
    /// # Errors
    ///
    /// [`PingError`]; nothing changed.
    pub fn pong(&mut self, now: Instant, payload: &[u8]) -> Result<(), PingError> {
        self.protocol.pong(now, payload)
    }

    /// Closes. In CONNECTING it gives up: a server answers 503, a client ends.
    ///
    /// # Errors
    ///
    /// [`CloseError::Already`], or [`CloseError::MessageUnfinished`]; nothing changed.
    pub fn close(&mut self, now: Instant, close: Close) -> Result<(), CloseError> {
        self.then_settle(now, |protocol| protocol.close(now, close, false))
    }

    /// Closes, and leaves a fragmented message of ours unfinished if there is one.
    ///
    /// # Errors
    ///
    /// [`CloseError::Already`]; nothing changed.
    pub fn close_cutting(&mut self, now: Instant, close: Close) -> Result<(), CloseError> {
        self.then_settle(now, |protocol| protocol.close(now, close, true))
    }

    /// Fails the connection: what is queued goes out, then a Close, and input is discarded (CLOSE.md rule 14).
    ///
    /// # Errors
    ///
    /// [`CloseError::Already`] if a Close of ours is queued or sent, or it has ended; nothing changed.
    pub fn fail(&mut self, now: Instant, close: Close) -> Result<(), CloseError> {
        self.then_settle(now, |protocol| protocol.fail(now, close))
    }

    /// Resets at once: also a transport that is still being let go of in order, behind a verdict, which stays as it is.
    pub fn abort(&mut self, now: Instant) {
        self.then_settle(now, |protocol| protocol.abort(now));
    }

    /// Gives up receiving: messages that wait and those that come are dropped, and counted as undelivered until
    /// the verdict.
    pub fn stop_receiving(&mut self, now: Instant) {
        while let Some(event) = self.take_held(now) {
            self.drop_event(&event);
        }
        self.then_settle(now, |protocol| protocol.stop_receiving(now));
    }

    /// The application is gone: receiving stops, and an open connection is closed with 1001, a request answered 503 (CLOSE.md
    /// B19).
    pub fn handle_dropped(&mut self, now: Instant) {
        self.stop_receiving(now);
        // Where it is closing already there is nothing to add.
        let _already = self.close_cutting(now, Close::cut(CloseCode::GOING_AWAY, ""));
    }
}
