//! An echo, on one thread: `cargo run -p adieu-mio --example mio_echo 127.0.0.1:9001`.

#![allow(clippy::print_stdout, reason = "it is a program")]

use std::error::Error;
use std::sync::Arc;

use adieu_mio::{Closed, EventLoop, Handler, Key, Message, OriginPolicy, ServerConfig, Sockets, listen};

struct Echo;

impl Handler for Echo {
    type Command = ();

    fn on_message(&mut self, sockets: &mut Sockets, key: Key, message: Message<'_>) {
        drop(sockets.send(key, message)); // refused? the message is in the error, with the reason
    }

    fn on_closed(&mut self, _sockets: &mut Sockets, _key: Key, verdict: Box<Closed>) {
        eprintln!("{verdict}");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = listen(address.parse()?, false)?;
    println!("listening on ws://{}/", listener.local_addr()?);
    let config = Arc::new(ServerConfig::new(OriginPolicy::SameOrigin));
    EventLoop::new(Echo)?.serve(listener, config)?.run()?;
    Ok(())
}
