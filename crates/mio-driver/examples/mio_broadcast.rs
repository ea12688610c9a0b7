//! What anybody says, everybody hears: `cargo run -p adieu-mio --example mio_broadcast 127.0.0.1:9001 oldest`.
//!
//! Each message is encoded once, however many hear it. The second argument says what becomes of one who does not keep up: it misses what is said
//! meanwhile (`skip`, as without an argument), it misses the oldest (`oldest`), or it has to go (`close`).

#![allow(clippy::print_stdout, reason = "it is a program")]

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use adieu_mio::{
    Accept, Backlog, Close, CloseCode, Closed, EventLoop, Handler, Key, Message, OriginPolicy, Prepared,
    Request, ServerConfig, Sockets, listen,
};

/// So many messages wait for one who is slow.
const KEPT: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Slow {
    Skip,
    DropOldest,
    Close,
}

struct Room {
    slow: Slow,
    /// Who is here, and what waits for them.
    members: HashMap<Key, Backlog>,
}

impl Room {
    fn tell(&mut self, sockets: &mut Sockets, message: &Prepared) {
        let kept = if self.slow == Slow::DropOldest { KEPT } else { 0 };
        for (member, backlog) in &mut self.members {
            let sent = backlog.send(message, kept, |next| sockets.send_prepared(*member, next));
            let missed = sent.is_ok_and(|dropped| dropped > 0);
            if missed
                && self.slow == Slow::Close
                && let Some((socket, now)) = sockets.reach(*member)
            {
                // Refused only where it is closing already.
                let close = Close::cut(CloseCode::TRY_AGAIN_LATER, "too slow");
                let _already = socket.connection.close(now, close);
            }
        }
    }
}

impl Handler for Room {
    type Command = ();

    fn on_request(&mut self, sockets: &mut Sockets, key: Key, _request: Box<Request>) {
        if let Some((socket, now)) = sockets.reach(key)
            && socket.connection.accept(now, &Accept::new()).is_ok()
        {
            self.members.insert(key, Backlog::default());
        }
    }

    fn on_message(&mut self, sockets: &mut Sockets, _key: Key, message: Message<'_>) {
        self.tell(sockets, &Prepared::new(&message));
    }

    fn on_writable(&mut self, sockets: &mut Sockets, key: Key) {
        if let Some(backlog) = self.members.get_mut(&key) {
            // Who takes nothing any more is leaving.
            let _leaving = backlog.resume(|next| sockets.send_prepared(key, next));
        }
    }

    fn on_closed(&mut self, _sockets: &mut Sockets, key: Key, _verdict: Box<Closed>) {
        self.members.remove(&key);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let slow = match arguments.next().as_deref() {
        None | Some("skip") => Slow::Skip,
        Some("oldest") => Slow::DropOldest,
        Some("close") => Slow::Close,
        Some(other) => return Err(format!("{other} is none of skip, oldest and close").into()),
    };
    let listener = listen(address.parse()?, false)?;
    println!("listening on ws://{}/", listener.local_addr()?);
    let config = Arc::new(ServerConfig::new(OriginPolicy::SameOrigin));
    EventLoop::new(Room { slow, members: HashMap::new() })?.serve(listener, config)?.run()?;
    Ok(())
}
