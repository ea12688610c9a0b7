//! A connection from its first byte to its last.
//!
//! Owns: bytes: handshake heads, whole messages, the queue, the inbox, masking keys. Must not know: sockets, clocks, and any rule that
//! [`Protocol`] can state without bytes.

mod application;
mod gather;
mod inbox;
mod input;
mod outbox;
mod output;
mod prepared;

use alloc::{borrow::Cow, boxed::Box, sync::Arc, vec::Vec};
use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use core::ops::Deref;

use crate::deflate::{self, Codec};
use crate::frame::Opcode;
use crate::handshake::{ClientHandshake, ClientRequest, Reject, ServerHandshake};
use crate::lifecycle::Phase;
use crate::protocol::Protocol;
use crate::{Config, Event, Instant, Role, ServerConfig, State, TransportError};

use gather::Gather;
use inbox::Inbox;
use outbox::Outbox;
pub use prepared::{Backlog, Prepared};

/// A WebSocket connection as pure state, from CONNECTING to CLOSED.
///
/// Three families of methods: *bare verbs* are what the application wants; `handle_*` is what the world did; `poll_*` and the
/// queries (`&self`) are what the driver should do next. Every call is legal in every state, and none has to come
/// before another; only [`agree`](Self::agree) tells of what was before the first frame.
///
/// Calls that change something take the time. An event never borrows the connection, so that it can be answered while it is in
/// hand.
#[derive(Debug)]
pub struct Connection {
    pub(crate) protocol: Protocol,
    outbox: Outbox,
    inbox: Option<Box<Inbox>>,
    gather: Option<Box<Gather>>,
    /// A client's masking keys (RFC 6455 §5.3, §10.3); never shown.
    keys: Option<Box<ChaCha8Rng>>,
    pub(crate) handshake: Option<Box<Handshake>>,
    /// What the handshake tells the application, before anything else.
    greeting: Option<Box<Event<'static>>>,
}

/// A connection answers every question that its protocol answers: state, verdict, deadline, levels.
impl Deref for Connection {
    type Target = Protocol;

    fn deref(&self) -> &Protocol {
        &self.protocol
    }
}

const _: () = assert!(size_of::<Connection>() <= 384, "a Connection of more than 384 bytes");

/// The opening handshake while it lasts, and then what was agreed on.
#[derive(Debug)]
pub(crate) enum Handshake {
    Server(ServerHandshake),
    Client(ClientHandshake),
    Agreed(Codec),
}

impl Connection {
    /// A server's connection: CONNECTING, waiting for a request.
    pub fn server(config: Arc<ServerConfig>, now: Instant) -> Self {
        let protocol = Protocol::new(Role::Server, Arc::clone(&config.connection), now);
        let handshake = Handshake::Server(ServerHandshake::new(config));
        Self::new(protocol, None, Some(handshake))
    }

    /// A client's connection: CONNECTING, its request queued.
    ///
    /// `seed` is 32 bytes of entropy that nobody else knows; the nonce and all masking keys come from it (RFC 6455 §10.3).
    pub fn client(request: ClientRequest, config: Arc<Config>, seed: [u8; 32], now: Instant) -> Self {
        let mut keys = ChaCha8Rng::from_seed(seed);
        let mut nonce = [0; 16];
        // R4.1-29
        keys.fill_bytes(&mut nonce);
        let (handshake, head) = ClientHandshake::begin(request, nonce, &deflate::offer(&config));
        let protocol = Protocol::new(Role::Client, config, now);
        let mut client = Self::new(protocol, Some(keys), Some(Handshake::Client(handshake)));
        // R4.1-01, R4.1-18
        client.queue_head(now, &head);
        client
    }

    /// A connection that something else upgraded: OPEN. Bytes that came with the upgrade go to [`handle_ahead`](Self::handle_ahead).
    ///
    /// `seed` as for [`client`](Self::client); a server does not use it.
    // R5.1-03
    pub fn open(role: Role, config: Arc<Config>, seed: [u8; 32], now: Instant) -> Self {
        let mut protocol = Protocol::new(role, config, now);
        protocol.handle_opened(now);
        // R5.3-03
        Self::new(protocol, (role == Role::Client).then(|| ChaCha8Rng::from_seed(seed)), None)
    }

    fn new(protocol: Protocol, keys: Option<ChaCha8Rng>, handshake: Option<Handshake>) -> Self {
        let outbox = Outbox::default();
        let (keys, handshake) = (keys.map(Box::new), handshake.map(Box::new));
        Self { protocol, outbox, inbox: None, gather: None, keys, handshake, greeting: None }
    }

    /// Reading makes sense: false in OPEN while the inbox is over its threshold (behind a Close or a fault that is noted, what comes is bounded in
    /// other ways), while what came before `accept` fills one read, and after the end of the peer's stream.
    pub fn wants_input(&self) -> bool {
        let most = self.config().inbox_len.min(self.config().read_len).max(1);
        let early_full = matches!(self.handshake.as_deref(), Some(Handshake::Server(server)) if server.early.len() >= most);
        self.protocol.wants_input() && !early_full
    }

    /// Something waits to be written.
    pub fn wants_output(&self) -> bool {
        self.protocol.writes() && (!self.outbox.is_empty() || self.protocol.has_urgent())
    }

    /// What waits to be written answers what was read: write it before the next read, which may find the end of the stream (CLOSE.md C1).
    pub fn owes_output(&self) -> bool {
        self.state() == State::Open && self.wants_output()
    }

    /// Asking would bring an event. This does not ask.
    pub fn has_event(&self) -> bool {
        self.inbox.is_some() || self.greeting.is_some() || self.protocol.has_event()
    }
}
